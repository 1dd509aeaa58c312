// Lets through what is new: drops repeated records, and those that do not follow the last one.
#pragma once

#include <algorithm>
#include <functional>
#include <string>

#include "csvlog/record.h"

namespace lpbm::csvlog {

// A RecordHandler in front of another. With `check_links`, a record passes if it is above the last one and its link is
// not (nothing lies between a record and its link); one whose link is above is dropped, because it may come again
// behind the missing ones. Without, all that are above the last one pass. Once `stop` has returned true (asked after
// each record that passed), nothing passes.
class LinkFilter final : public RecordHandler {
 public:
  LinkFilter(RecordHandler& next, Lsn after, bool check_links, const std::function<bool()>& stop)
      : next_(next), last_(after), highest_(after), check_(check_links), stop_(stop) {}

  [[nodiscard]] Lsn last() const { return last_; }        // the last record that passed whole
  [[nodiscard]] Lsn highest() const { return highest_; }  // the highest record seen, dropped ones included
  void raise_highest(Lsn lsn) { highest_ = std::max(highest_, lsn); }
  [[nodiscard]] bool unlinked() const { return unlinked_; }
  [[nodiscard]] Lsn missing() const { return missing_; }  // what the first unlinked record links to
  void forget_unlinked() { unlinked_ = false; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  // The link of the first record since the last call of expect_first(true).
  void expect_first(bool expected) {
    first_known_ = !expected;
    first_link_ = {};
  }
  [[nodiscard]] bool first_known() const { return first_known_; }
  [[nodiscard]] Lsn first_link() const { return first_link_; }

  void begin(const RecordHead& head) override;
  void relation(const Relation& relation) override;
  void begin_row(RowKind kind, std::uint32_t relation, bool old_given, bool large) override;
  void row(RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values) override;
  void begin_value(ValueKind kind) override;
  void value(std::string_view slice) override;
  void end_row() override;
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override;
  void ddl(const Ddl& ddl) override;
  void rewrite(std::uint32_t relation) override;
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) override;
  void sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                bool called) override;
  void hole(const std::string& code, const std::string& detail) override;
  void stale(const Stale& stale) override;
  void anchor(const std::string& nonce) override;
  void end(std::uint64_t rows) override;
  void abandon() override;

 private:
  RecordHandler& next_;
  Lsn last_, highest_, current_;
  bool check_;
  const std::function<bool()>& stop_;
  bool passes_ = false;
  bool stopped_ = false;
  bool unlinked_ = false;
  Lsn missing_;
  bool first_known_ = true;
  Lsn first_link_;
};

}  // namespace lpbm::csvlog
