#include "csvlog/record.h"

#include "csvlog/record_state.h"

namespace lpbm::csvlog {
namespace {

bool is_row(char kind) {
  return kind == 'I' || kind == 'U' || kind == 'D' || kind == 'u' || kind == 'd';
}

}  // namespace

const Shape& RecordParser::State::shape(std::uint32_t id) const {
  auto& [recent_id, recent_shape] = recent[id % recent.size()];
  if (recent_shape && recent_id == id) return *recent_shape;
  const auto found = relations.find(id);
  if (found == relations.end()) refuse_record("a relation is not defined");
  recent_id = id;
  recent_shape = &found->second;
  return found->second;
}

void RecordParser::State::begin(Fields fields) {
  RecordHead head;
  head.lsn = Lsn::parse(fields.raw());
  head.prev = Lsn::parse(fields.raw());
  head.xid = number<std::uint64_t>(fields.raw());
  head.time = number<Micros>(fields.raw());
  head.origin = fields.text();
  fields.end();
  inside = true;
  handler.begin(head);
}

void RecordParser::State::relation(Fields fields) {
  Relation out;
  out.id = number<std::uint32_t>(fields.raw());
  out.schema = fields.text();
  out.name = fields.text();
  const std::string_view identity = fields.raw();
  if (identity != "k" && identity != "f" && identity != "n") refuse_record("a relation's identity is unknown");
  out.identity = identity == "k" ? Identity::key : identity == "f" ? Identity::full : Identity::none;
  out.columns.resize(fields.count(2));
  const std::size_t left = fields.left();
  const bool flags = !out.columns.empty() && left == 3 * out.columns.size();
  if (!flags && left != 2 * out.columns.size()) refuse_record("a relation's columns are malformed");
  Shape shape{out.columns.size(), 0, out.identity};
  for (Column& column : out.columns) {
    column.name = fields.text();
    column.key_operator = fields.text();
    if (flags) column.identity_always = fields.raw().find('a') != std::string_view::npos;
    if (!column.key_operator.empty()) ++shape.keys;
  }
  if (out.identity == Identity::key && shape.keys == 0) refuse_record("a key has no columns");
  relations[out.id] = shape;
  handler.relation(out);
}

void RecordParser::State::truncate(Fields fields) {
  const std::string_view flags = fields.raw();
  const std::size_t count = fields.count(2);
  std::vector<std::pair<std::string, std::string>> tables(count);
  for (auto& [schema, table] : tables) {
    schema = fields.text();
    table = fields.text();
  }
  fields.end();
  if (tables.empty()) refuse_record("a TRUNCATE names no table");
  handler.truncate(flags.find('c') != std::string_view::npos, flags.find('r') != std::string_view::npos, tables);
}

void RecordParser::State::ddl(Fields fields) {
  Ddl out;
  const std::string_view kind = fields.raw();
  if (kind != "t" && kind != "c") refuse_record("a DDL command is of an unknown kind");
  out.kind = kind.front();
  out.tag = fields.text();
  out.extension = fields.text();
  out.role = fields.text();
  out.settings.resize(fields.count(2));
  for (auto& [name, value] : out.settings) {
    name = fields.text();
    value = fields.text();
  }
  out.text = fields.text();
  fields.end();
  handler.ddl(out);
}

void RecordParser::State::column_value(Fields fields) {
  const auto id = number<std::uint32_t>(fields.raw());
  shape(id);
  const std::string column = fields.text();
  const std::string_view raw = fields.raw();
  fields.end();
  std::string value;
  if (raw != "\\N" && !unescape(raw, value)) refuse_record("an escape is malformed");
  handler.column_value(id, column, raw == "\\N" ? nullptr : &value);
}

void RecordParser::State::sequence(Fields fields) {
  const std::string schema = fields.text(), name = fields.text(), last = fields.text();
  const std::string_view called = fields.raw();
  fields.end();
  number<std::int64_t>(last);
  if (called != "t" && called != "f") refuse_record("a sequence is malformed");
  handler.sequence(schema, name, last, called == "t");
}

void RecordParser::State::hole(Fields fields) {
  const std::string code = fields.text(), detail = fields.text();
  fields.end();
  handler.hole(code, detail);
}

void RecordParser::State::stale(Fields fields) {
  Stale out;
  const std::string_view kind = fields.raw();
  if (kind != "t" && kind != "l") refuse_record("what is not told is of an unknown kind");
  out.kind = kind.front();
  if (out.kind == 't') {
    out.relation = number<std::uint32_t>(fields.raw());
    out.schema = fields.text();
    out.name = fields.text();
  }
  fields.end();
  handler.stale(out);
}

void RecordParser::State::other(char kind, Fields fields) {
  if (kind == 'W') {
    const auto id = number<std::uint32_t>(fields.raw());
    fields.end();
    shape(id);
    handler.rewrite(id);
  } else if (kind == 'A') {
    const std::string nonce = fields.text();
    fields.end();
    handler.anchor(nonce);
  } else if (kind == 'E') {
    const auto rows = number<std::uint64_t>(fields.raw());
    fields.end();
    inside = false;
    handler.end(rows);
  } else {
    refuse_record("a line is of an unknown kind");
  }
}

void RecordParser::State::whole_line(std::string_view text) {
  Fields fields(text);
  const std::string_view kind = fields.raw();
  if (kind.size() != 1) refuse_record("a line is of an unknown kind");
  if (inside == (kind == "B"))
    refuse_record(inside ? "a record begins inside of another" : "a line is outside of a record");
  switch (kind.front()) {
    case 'B':
      return begin(fields);
    case 'R':
      return relation(fields);
    case 'T':
      return truncate(fields);
    case 'Q':
      return ddl(fields);
    case 'V':
      return column_value(fields);
    case 'S':
      return sequence(fields);
    case 'H':
      return hole(fields);
    case 'N':
      return stale(fields);
    default:
      return other(kind.front(), fields);
  }
}

void RecordParser::State::parse(std::string_view bytes) {
  while (!bytes.empty()) {
    if (in_row) {
      row_values(bytes);
    } else if (is_row(line.empty() ? bytes.front() : line.front())) {
      if (!inside) refuse_record("a row is outside of a record");
      // Most rows end in the frame in which they begin: their values need no state.
      const bool large = bytes.front() == 'u' || bytes.front() == 'd';
      const std::size_t end = line.empty() && !large ? bytes.find('\n') : std::string_view::npos;
      if (end == std::string_view::npos) {
        row_head(bytes);
        continue;
      }
      whole_row(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
    } else {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        line.append(bytes);
        return;
      }
      if (line.empty()) {
        whole_line(bytes.substr(0, end));
      } else {
        line.append(bytes.substr(0, end));
        whole_line(line);
        line.clear();
      }
      bytes.remove_prefix(end + 1);
    }
  }
}

void RecordHandler::row(RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values) {
  begin_row(kind, relation, old_given, false);
  for (const RowValue& one : values) {
    begin_value(one.kind);
    if (one.kind == ValueKind::text && !one.text.empty()) value(one.text);
  }
  end_row();
}

RecordParser::RecordParser(RecordHandler& handler) : state_(std::make_unique<State>(handler)) {}
RecordParser::~RecordParser() = default;

void RecordParser::reset() {
  State& s = *state_;
  const bool was_inside = s.inside;
  s.synced = s.inside = s.in_row = s.value_open = false;
  s.line.clear();
  s.held.clear();
  s.relations.clear();
  s.recent.fill({});
  if (was_inside) s.handler.abandon();
}

void RecordParser::feed(std::string_view payload, const std::size_t* boundary) {
  State& s = *state_;
  if (boundary) {
    if (*boundary > payload.size()) refuse_record("a boundary lies outside of its frame");
    if (s.synced) s.parse(payload.substr(0, *boundary));
    if (s.inside || s.in_row || !s.line.empty()) refuse_record("a record is not complete at the next one's boundary");
    payload.remove_prefix(*boundary);
    s.relations.clear();
    s.recent.fill({});
    s.synced = true;
  }
  if (s.synced) s.parse(payload);
}

bool RecordParser::inside_record() const {
  return state_->inside;
}

}  // namespace lpbm::csvlog
