#include "csvlog/link_filter.h"

#include <algorithm>

namespace lpbm::csvlog {

void LinkFilter::begin(const RecordHead& head) {
  if (!first_known_) first_link_ = head.prev;
  first_known_ = true;
  highest_ = std::max(highest_, head.lsn);
  current_ = head.lsn;
  // It says that nothing lies between prev and itself. A run that repeats what an earlier one wrote does not repeat its
  // sequence positions, so prev may well be below the last record.
  const bool links = !check_ || head.prev <= last_;
  passes_ = !stopped_ && head.lsn > last_ && links;
  if (!stopped_ && head.lsn > last_ && !links) {
    if (!unlinked_) missing_ = head.prev;
    unlinked_ = true;
  }
  if (passes_) next_.begin(head);
}

// Definitions hold for records that pass even where they stand in one that does not.
void LinkFilter::relation(const Relation& relation) {
  if (!stopped_) next_.relation(relation);
}
void LinkFilter::begin_row(RowKind kind, std::uint32_t relation, bool old_given, bool large) {
  if (passes_) next_.begin_row(kind, relation, old_given, large);
}
void LinkFilter::row(RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values) {
  if (passes_) next_.row(kind, relation, old_given, values);
}
void LinkFilter::begin_value(ValueKind kind) {
  if (passes_) next_.begin_value(kind);
}
void LinkFilter::value(std::string_view slice) {
  if (passes_) next_.value(slice);
}
void LinkFilter::end_row() {
  if (passes_) next_.end_row();
}
void LinkFilter::truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) {
  if (passes_) next_.truncate(cascade, restart, tables);
}
void LinkFilter::ddl(const Ddl& ddl) {
  if (passes_) next_.ddl(ddl);
}
void LinkFilter::rewrite(std::uint32_t relation) {
  if (passes_) next_.rewrite(relation);
}
void LinkFilter::column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) {
  if (passes_) next_.column_value(relation, column, value_or_null);
}
void LinkFilter::sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                          bool called) {
  if (passes_) next_.sequence(schema, name, last_value, called);
}
void LinkFilter::hole(const std::string& code, const std::string& detail) {
  if (passes_) next_.hole(code, detail);
}
void LinkFilter::stale(const Stale& stale) {
  if (passes_) next_.stale(stale);
}
void LinkFilter::anchor(const std::string& nonce) {
  if (passes_) next_.anchor(nonce);
}

void LinkFilter::end(std::uint64_t rows) {
  if (!passes_) return;
  next_.end(rows);
  passes_ = false;
  last_ = current_;
  stopped_ = stop_();
}

void LinkFilter::abandon() {
  if (passes_) next_.abandon();
  passes_ = false;
}

}  // namespace lpbm::csvlog
