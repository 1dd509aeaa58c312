// Definitions of relations, kept for handlers that begin in the middle of a stream: a definition given in a record that
// is left out, or in an earlier segment, still holds for the records after it.
#pragma once

#include <map>
#include <utility>

#include "csvlog/record.h"

namespace lpbm::job {

class KnownRelations {
 public:
  void define(const csvlog::Relation& relation) { known_.insert_or_assign(relation.id, std::pair(relation, false)); }
  // Hands the definition on unless `handler` has it. To be called before each use.
  void give(std::uint32_t id, csvlog::RecordHandler& handler) {
    const auto found = known_.find(id);
    if (found == known_.end() || found->second.second) return;
    handler.relation(found->second.first);
    found->second.second = true;
  }
  // A new handler follows, which knows nothing.
  void forget_given() {
    for (auto& [id, entry] : known_) entry.second = false;
  }

 private:
  std::map<std::uint32_t, std::pair<csvlog::Relation, bool>> known_;
};

}  // namespace lpbm::job
