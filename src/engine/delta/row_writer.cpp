#include "delta/row_writer.h"

#include <algorithm>

#include "base/error.h"
#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

using csvlog::RowKind;

// So many shapes of updates of one relation are prepared; then every update sets all its columns.
constexpr std::size_t shape_limit = 64;
// Values of a large row up to this size are kept, to see whether they changed: those of identity columns are short.
constexpr std::size_t short_value = 64;

[[noreturn]] void refuse(const char* cause) {
  throw Error(ErrorKind::permanent, "writing a delta", cause);
}

}  // namespace

void RowWriter::append_line(std::string_view line) {
  out_.text().append(line);
  out_.text() += '\n';
}

void RowWriter::define(const csvlog::Relation& relation) {
  const auto found = relations_.find(relation.id);
  if (found != relations_.end()) {
    if (found->second.sql.relation() == relation) return;
    close_copy();
    relations_.erase(found);
  }
  recent_.fill({});
  relations_.emplace(relation.id, relation);
}

RowWriter::Known& RowWriter::known(std::uint32_t id) {
  auto& [recent_id, recent] = recent_[id % recent_.size()];
  if (recent && recent_id == id) return *recent;
  const auto found = relations_.find(id);
  if (found == relations_.end()) refuse("a relation is not defined");
  recent_id = id;
  recent = &found->second;
  return *recent;
}

const RelationSql& RowWriter::sql(std::uint32_t id) {
  return known(id).sql;
}

void RowWriter::open_copy(Known& relation) {
  if (copied_ == &relation) return;
  close_copy();
  append_line(relation.sql.copy());
  copied_ = &relation;
  copied_rows_ = 0;
}

void RowWriter::close_copy() {
  if (!copied_) return;
  std::string& text = out_.text();
  text += "\\.\n-- lpbm:rows ";
  append_number(copied_rows_, text);
  text += '\n';
  copied_ = nullptr;
}

void RowWriter::abandon() {
  copied_ = nullptr;
  relation_ = nullptr;
}

std::size_t RowWriter::old_count() const {
  return old_given_ ? relation_->sql.identity().size() : 0;
}

void RowWriter::start_row(RowKind kind, std::uint32_t relation, bool old_given, bool large) {
  relation_ = &known(relation);
  kind_ = kind;
  old_given_ = old_given;
  large_ = large && kind != RowKind::insert;
  streamed_ = large_ || kind == RowKind::insert;
  if (kind == RowKind::insert) {
    open_copy(*relation_);
    return;
  }
  if (relation_->sql.relation().identity == csvlog::Identity::none ||
      (!old_given && relation_->sql.relation().identity == csvlog::Identity::full))
    refuse("a changed row cannot be identified");
  close_copy();
}

void RowWriter::begin_row(RowKind kind, std::uint32_t relation, bool old_given, bool large) {
  values_.clear();
  row_.clear();
  start_row(kind, relation, old_given, large);
  if (large_) begin_large();
}

void RowWriter::row(RowKind kind, std::uint32_t relation, bool old_given, const Values& values) {
  start_row(kind, relation, old_given, false);
  if (kind == RowKind::insert && !values.empty()) {
    const char* begin = values.front().text.data();
    out_.text().append(begin, values.back().text.data() + values.back().text.size());
  }
  finish_row(values);
}

void RowWriter::begin_value(Kind kind) {
  if (streamed_) {
    if (!values_.empty()) out_.text() += '\t';
    if (kind != Kind::text) out_.text() += "\\N";
    if (kind == Kind::unchanged && kind_ == RowKind::insert) refuse("an inserted value is missing");
  }
  values_.push_back({kind, row_.size(), row_.size()});
}

void RowWriter::value(std::string_view slice) {
  if (values_.empty()) refuse("a value was not begun");
  if (streamed_) {
    out_.text().append(slice);
    out_.grown();
    if (!large_) return;
    Value& last = values_.back();
    if (last.end - last.begin > short_value) return;
    slice = slice.substr(0, short_value + 1);
  }
  row_.append(slice);
  values_.back().end = row_.size();
}

void RowWriter::end_row() {
  views_.clear();
  for (const Value& value : values_)
    views_.push_back({value.kind, std::string_view(row_).substr(value.begin, value.end - value.begin)});
  finish_row(views_);
}

void RowWriter::finish_row(const Values& values) {
  const std::size_t columns = relation_->sql.relation().columns.size();
  if (values.size() != old_count() + (kind_ == RowKind::erase ? 0 : columns))
    refuse("a row has another number of values than its relation has columns");
  if (kind_ == RowKind::insert) {
    out_.text() += '\n';
    ++copied_rows_;
    ++rows_;
  } else if (large_) {
    end_large(values);
  } else {
    change(values);
  }
  relation_ = nullptr;
  out_.grown();
}

// Whether the old value of a column is known and the same as the new one.
bool RowWriter::is_same(const Values& values, std::size_t column) const {
  const csvlog::Relation& relation = relation_->sql.relation();
  if (relation.identity == csvlog::Identity::key && relation.columns[column].key_operator.empty()) return false;
  if (!old_given_) return true;
  const auto& identity = relation_->sql.identity();
  std::size_t place = 0;
  while (identity[place] != column) ++place;
  const auto& before = values[place];
  const auto& after = values[identity.size() + column];
  if (large_ && before.text.size() > short_value) return false;
  return before.kind == after.kind && (before.kind != Kind::text || before.text == after.text);
}

void RowWriter::find_shape(const Values& values) {
  shape_ = "D";
  if (kind_ == RowKind::erase) return;
  const auto& columns = relation_->sql.relation().columns;
  const bool all = relation_->prepared.size() >= shape_limit;
  shape_.assign(columns.size() + 1, 'U');
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool unchanged = values[old_count() + i].kind == Kind::unchanged;
    const bool set = !unchanged && (!is_same(values, i) || (all && old_given_ && !columns[i].identity_always));
    shape_[i + 1] = set ? '1' : '0';
  }
}

ColumnSet RowWriter::columns_to_set() const {
  ColumnSet set(shape_.size() - 1);
  for (std::size_t i = 0; i < set.size(); ++i) set[i] = shape_[i + 1] == '1';
  return set;
}

// "EXECUTE s1(" for the shape at hand, which is prepared if it was not; empty: there is nothing to do.
const std::string& RowWriter::execute_head() {
  Known& relation = *relation_;
  if (relation.epoch != epoch_) {
    relation.prepared.clear();
    relation.last_shape.clear();
    relation.epoch = epoch_;
  }
  if (relation.last_shape == shape_) return relation.last_head;
  relation.last_shape = shape_;
  auto found = relation.prepared.find(shape_);
  if (found == relation.prepared.end()) {
    const std::string sql = shape_ == "D" ? relation.sql.erase() : relation.sql.update(columns_to_set());
    const std::string name = sql.empty() ? "" : "s" + std::to_string(next_name_++);
    if (!sql.empty()) append_line("PREPARE " + name + " AS " + sql);
    found = relation.prepared.emplace(shape_, name).first;
  }
  relation.last_head = found->second.empty() ? "" : "EXECUTE " + found->second + '(';
  return relation.last_head;
}

void RowWriter::append_execute(const std::string& head, const Values& values) {
  std::size_t room = head.size() + 4;
  for (const auto& value : values) room += literal_room(value.text.size()) + 1;
  if (!old_given_) room *= 2;  // the key stands twice in it
  std::string& text = out_.text();
  const std::size_t size = text.size();
  text.resize(size + room);
  char* at = text.data() + size;
  at = std::copy(head.begin(), head.end(), at);
  const auto put = [&](const csvlog::RecordHandler::RowValue& value) {
    if (at[-1] != '(') *at++ = ',';
    at = value.kind == Kind::text ? put_literal_of_field(value.text, at) : std::copy_n("NULL", 4, at);
  };
  for (std::size_t i = 1; i < shape_.size(); ++i)
    if (shape_[i] == '1') put(values[old_count() + i - 1]);
  const auto& identity = relation_->sql.identity();
  for (std::size_t place = 0; place < identity.size(); ++place) put(values[old_given_ ? place : identity[place]]);
  if (at[-1] == '(')
    --at;
  else
    *at++ = ')';
  *at++ = ';';
  *at++ = '\n';
  text.resize(static_cast<std::size_t>(at - text.data()));
}

void RowWriter::change(const Values& values) {
  find_shape(values);
  const std::string& head = execute_head();
  if (head.empty()) return;
  append_execute(head, values);
  ++rows_;
}

void RowWriter::begin_large() {
  const bool fresh = kind_ == RowKind::update;
  append_line(relation_->sql.stage(old_given_, fresh));
  append_line(relation_->sql.stage_copy(old_given_, fresh));
}

void RowWriter::end_large(const Values& values) {
  find_shape(values);
  out_.text() += "\n\\.\n";
  const std::string sql = kind_ == RowKind::erase ? relation_->sql.staged_erase()
                                                  : relation_->sql.staged_update(columns_to_set(), old_given_);
  if (!sql.empty()) {
    append_line(sql);
    append_line("-- lpbm:rows 1");
    ++rows_;
  }
  append_line("DROP TABLE pg_temp.lpbm_stage;");
}

}  // namespace lpbm::delta
