// What is not known at a place of a script: tables whose rows are left out, and whether large objects are up to date.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "csvlog/record.h"

namespace lpbm::delta {

class StaleTables {
 public:
  explicit StaleTables(const std::vector<csvlog::Stale>& open) {
    for (const csvlog::Stale& one : open) known_.insert_or_assign(one.relation, Known{one, true});
  }
  [[nodiscard]] bool empty() const { return known_.empty(); }
  [[nodiscard]] bool contains(std::uint32_t relation) const { return !known_.empty() && known_.contains(relation); }
  // False where it was stale already. The table has just been emptied.
  bool add(const csvlog::Stale& stale) {
    const bool fresh = !known_.contains(stale.relation);
    known_.insert_or_assign(stale.relation, Known{stale, false});
    return fresh;
  }
  // As if it had never been added.
  void remove(std::uint32_t relation) { known_.erase(relation); }
  // Rows may have come into any of them: a rewrite fills a table under another id.
  void may_be_filled() {
    for (auto& [relation, known] : known_) known.filled = true;
  }
  // Whether it is to be emptied before anything else happens; asked once.
  bool take_filled(std::uint32_t relation) { return std::exchange(known_.at(relation).filled, false); }
  // The first table; nullptr: large objects at most.
  [[nodiscard]] const csvlog::Stale* table() const {
    for (const auto& [relation, known] : known_)
      if (known.what.kind == 't') return &known.what;
    return nullptr;
  }
  [[nodiscard]] std::vector<csvlog::Stale> all() const {
    std::vector<csvlog::Stale> out;
    for (const auto& [relation, known] : known_) out.push_back(known.what);
    return out;
  }

 private:
  struct Known {
    csvlog::Stale what;
    bool filled;
  };
  std::map<std::uint32_t, Known> known_;  // by oid, 0: large objects
};

// For people.
std::string name_of(const csvlog::Stale& stale);
// The reason of a hole.
const char* code_of(const csvlog::Stale& stale);

// Whether the command may look for rows of other tables than those it changes: it would not find those of a table that
// waits for its refresh.
bool looks_for_rows(const csvlog::Ddl& ddl);

}  // namespace lpbm::delta
