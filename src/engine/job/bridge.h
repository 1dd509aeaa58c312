// The bridge of a full: the transactions before its anchor that its snapshot does not see.
#pragma once

#include <optional>
#include <string>

#include "csvlog/record.h"
#include "job/relations.h"
#include "job/snapshot.h"

namespace lpbm::job {

// A RecordHandler in front of another: hands on only the records of transactions that the snapshot does not see,
// without anchors and sequence positions, until the anchor of `nonce` has come; whatever follows is dropped. Throws
// Error (gap) when a record does not link to the one before it: the log reader cannot check that, as it begins in the
// middle.
// `after`: the record before the first that matters; records up to it may come or not.
class BridgeFilter final : public csvlog::RecordHandler {
 public:
  BridgeFilter(const Visibility& visibility, std::string nonce, Lsn after, csvlog::RecordHandler& next)
      : visibility_(visibility), nonce_(std::move(nonce)), next_(next), last_(after) {}

  // LSN of the anchor's record, once it has come.
  [[nodiscard]] std::optional<Lsn> anchor_lsn() const { return anchor_; }

  void begin(const csvlog::RecordHead& head) override;
  void relation(const csvlog::Relation& relation) override;
  void begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) override;
  void begin_value(ValueKind kind) override;
  void value(std::string_view slice) override;
  void end_row() override;
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override;
  void ddl(const csvlog::Ddl& ddl) override;
  void rewrite(std::uint32_t relation) override;
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) override;
  void sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                bool called) override;
  void hole(const std::string& code, const std::string& detail) override;
  void stale(const csvlog::Stale& stale) override;
  void anchor(const std::string& nonce) override;
  void end(std::uint64_t rows) override;
  void abandon() override;

 private:
  // The record is wanted: it is begun in the next handler at its first part, so that records of anchors leave nothing.
  bool wanted();

  const Visibility& visibility_;
  std::string nonce_;
  csvlog::RecordHandler& next_;
  KnownRelations relations_;
  csvlog::RecordHead head_;
  Lsn last_;
  bool keep_ = false, begun_ = false, at_anchor_ = false;
  std::optional<Lsn> anchor_;
};

}  // namespace lpbm::job
