// Looks at records without writing anything: which tables they change, what they leave stale, and whether one stands
// between a snapshot and the anchor that was committed after it.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "csvlog/ignoring_handler.h"
#include "job/snapshot.h"

namespace lpbm::job {

class RecordWatch final : public csvlog::IgnoringHandler {
 public:
  // `relations`: what is refreshed, by oid (0: large objects); `visibility`: of the snapshot, none: nothing is
  // compared; `nonce`: of the anchor.
  RecordWatch(std::vector<std::uint32_t> relations, std::optional<Visibility> visibility, std::string nonce)
      : relations_(std::move(relations)), visibility_(std::move(visibility)), nonce_(std::move(nonce)) {}

  [[nodiscard]] const std::vector<csvlog::Stale>& stale() const { return stale_; }
  // Tables whose rows were changed, by schema and name; some of them perhaps by records that were given up.
  [[nodiscard]] const std::set<std::pair<std::string, std::string>>& changed() const { return changed_; }
  // The record with the anchor has come.
  [[nodiscard]] bool anchored() const { return anchored_; }
  // Why snapshot and anchor do not fit; empty: they do.
  [[nodiscard]] const std::string& conflict() const { return conflict_; }

  void begin(const csvlog::RecordHead& head) override {
    unseen_ = visibility_ && !anchored_ && head.xid != 0 && !visibility_->sees(head.xid);
    ours_ = false;
    spoils_.clear();
    noted_.clear();
  }
  void begin_row(csvlog::RowKind, std::uint32_t relation, bool, bool) override { touch(relation); }
  void row(csvlog::RowKind, std::uint32_t relation, bool, const std::vector<RowValue>&) override { touch(relation); }
  void relation(const csvlog::Relation& relation) override {
    names_.insert_or_assign(relation.id, std::pair(relation.schema, relation.name));
    last_ = 0;
  }
  void truncate(bool, bool, const std::vector<std::pair<std::string, std::string>>& tables) override {
    changed_.insert(tables.begin(), tables.end());
    spoil("a TRUNCATE");
  }
  void ddl(const csvlog::Ddl&) override { spoil("a command of DDL"); }
  void rewrite(std::uint32_t relation) override {
    note(relation);
    spoil("a rewritten table");
  }
  void column_value(std::uint32_t relation, const std::string&, const std::string*) override { touch(relation); }
  void hole(const std::string&, const std::string&) override { spoil("a change that cannot be carried"); }
  void stale(const csvlog::Stale& stale) override {
    noted_.push_back(stale);
    touch(stale.relation);
  }
  void anchor(const std::string& nonce) override { ours_ = ours_ || nonce == nonce_; }
  void end(std::uint64_t) override {
    for (csvlog::Stale& one : noted_) stale_.push_back(std::move(one));
    if (unseen_ && !ours_ && conflict_.empty()) conflict_ = spoils_;
    anchored_ = anchored_ || ours_;
  }

 private:
  void spoil(const char* what) {
    if (unseen_ && spoils_.empty()) spoils_ = std::string(what) + " was committed between the snapshot and the cut";
  }
  void note(std::uint32_t relation) {
    if (relation == last_) return;
    last_ = relation;
    if (const auto found = names_.find(relation); found != names_.end()) changed_.insert(found->second);
  }
  void touch(std::uint32_t relation) {
    note(relation);
    if (unseen_ && spoils_.empty() && std::ranges::find(relations_, relation) != relations_.end())
      spoil("a change of what is refreshed");
  }

  std::vector<std::uint32_t> relations_;
  std::optional<Visibility> visibility_;
  std::string nonce_;
  std::vector<csvlog::Stale> stale_, noted_;
  std::map<std::uint32_t, std::pair<std::string, std::string>> names_;
  std::uint32_t last_ = 0;  // the relation noted last
  std::set<std::pair<std::string, std::string>> changed_;
  bool anchored_ = false, ours_ = false, unseen_ = false;
  std::string spoils_, conflict_;
};

}  // namespace lpbm::job
