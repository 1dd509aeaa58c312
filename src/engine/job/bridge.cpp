#include "job/bridge.h"

#include <algorithm>

#include "base/error.h"

namespace lpbm::job {

bool BridgeFilter::wanted() {
  if (keep_ && !begun_) {
    next_.begin(head_);
    begun_ = true;
  }
  return keep_;
}

void BridgeFilter::begin(const csvlog::RecordHead& head) {
  if (!anchor_ && head.prev > last_)
    throw Error(ErrorKind::gap, "reading the bridge",
                "the records between " + last_.text() + " and " + head.prev.text() + " are missing in the csvlog");
  head_ = head;
  keep_ = !anchor_ && head.xid != 0 && !visibility_.sees(head.xid);
  begun_ = at_anchor_ = false;
}

void BridgeFilter::end(std::uint64_t rows) {
  last_ = std::max(last_, head_.lsn);
  if (begun_) next_.end(rows);
  if (at_anchor_ && !anchor_) anchor_ = head_.lsn;
}

void BridgeFilter::abandon() {
  if (begun_) next_.abandon();
  begun_ = keep_ = at_anchor_ = false;
}

void BridgeFilter::anchor(const std::string& nonce) {
  at_anchor_ = at_anchor_ || nonce == nonce_;
}

void BridgeFilter::relation(const csvlog::Relation& relation) {
  relations_.define(relation);
}

void BridgeFilter::begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) {
  if (!wanted()) return;
  relations_.give(relation, next_);
  next_.begin_row(kind, relation, old_given, large);
}

void BridgeFilter::begin_value(ValueKind kind) {
  if (wanted()) next_.begin_value(kind);
}

void BridgeFilter::value(std::string_view slice) {
  if (wanted()) next_.value(slice);
}

void BridgeFilter::end_row() {
  if (wanted()) next_.end_row();
}

void BridgeFilter::truncate(bool cascade, bool restart,
                            const std::vector<std::pair<std::string, std::string>>& tables) {
  if (wanted()) next_.truncate(cascade, restart, tables);
}

void BridgeFilter::ddl(const csvlog::Ddl& ddl) {
  if (wanted()) next_.ddl(ddl);
}

void BridgeFilter::rewrite(std::uint32_t relation) {
  if (!wanted()) return;
  relations_.give(relation, next_);
  next_.rewrite(relation);
}

void BridgeFilter::column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) {
  if (!wanted()) return;
  relations_.give(relation, next_);
  next_.column_value(relation, column, value_or_null);
}

// A position is of the sequence, not of a transaction: the dump has one at least as far.
void BridgeFilter::sequence(const std::string&, const std::string&, const std::string&, bool) {}

// Nothing in a full makes up for it.
void BridgeFilter::stale(const csvlog::Stale& stale) {
  if (stale.kind == 'l')
    hole("large_object", "large objects were changed");
  else
    hole("no_replica_identity", stale.schema + "." + stale.name);
}

void BridgeFilter::hole(const std::string& code, const std::string& detail) {
  if (wanted()) next_.hole(code, detail);
}

}  // namespace lpbm::job
