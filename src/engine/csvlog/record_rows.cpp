// The rows of records: at once where they are at hand as a whole, else in slices.
#include <cstring>

#include "csvlog/record_state.h"

namespace lpbm::csvlog {
namespace {

// The number at the begin of `text` and the tab or end behind it; false where it is none.
bool take_id(std::string_view& text, std::uint32_t& out, bool& more) {
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc{} || (at != end && *at != '\t')) return false;
  more = at != end;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + (more ? 1 : 0));
  return true;
}

}  // namespace

// `head`: kind, id and for updates whether old values follow.
void RecordParser::State::begin_row(std::string_view head) {
  Fields fields(head);
  const std::string_view letter = fields.raw();
  if (letter.size() != 1) refuse_record("a row is malformed");
  const char kind = letter.front();
  const auto id = number<std::uint32_t>(fields.raw());
  const Shape& relation = shape(id);
  updates = kind == 'U' || kind == 'u';
  bool old_given = kind == 'D' || kind == 'd';
  if (updates) {
    const std::string_view mark = fields.raw();
    if (mark != "o" && mark != "-") refuse_record("an updated row is malformed");
    old_given = mark == "o";
  }
  fields.end();
  if (old_given && relation.identity == Identity::none) refuse_record("a row without identity is changed");
  old_values = !old_given ? 0 : relation.identity == Identity::key ? relation.keys : relation.columns;
  values = old_values + (kind == 'D' || kind == 'd' ? 0 : relation.columns);
  seen = 0;
  in_row = true;
  value_open = false;
  held.clear();
  const RowKind row = kind == 'I' ? RowKind::insert : updates ? RowKind::update : RowKind::erase;
  handler.begin_row(row, id, old_given, kind == 'u' || kind == 'd');
}

void RecordParser::State::begin_value(RecordHandler::ValueKind kind) {
  if (seen == values) refuse_record("a row has too many values");
  if (kind == RecordHandler::ValueKind::unchanged && (!updates || seen < old_values))
    refuse_record("a value is said to be unchanged where it cannot be");
  ++seen;
  handler.begin_value(kind);
}

void RecordParser::State::end_row() {
  if (seen != values) refuse_record("a row has too few values");
  in_row = false;
  handler.end_row();
}

void RecordParser::State::whole_value(std::string_view text) {
  using Kind = RecordHandler::ValueKind;
  const bool mark = text.size() == 2 && text[0] == '\\';
  if (mark && text[1] == 'N') {
    begin_value(Kind::null);
  } else if (mark && text[1] == 'u') {
    begin_value(Kind::unchanged);
  } else {
    begin_value(Kind::text);
    if (!text.empty()) handler.value(text);
  }
}

// A row that is at hand from its kind to its end.
void RecordParser::State::whole_row(std::string_view text) {
  using Kind = RecordHandler::ValueKind;
  const char kind = text.front();
  const bool changes = kind == 'U', erases = kind == 'D';
  std::uint32_t id = 0;
  bool more = false, old_given = erases;
  if (text.size() < 2 || text[1] != '\t') refuse_record("a row is malformed");
  text.remove_prefix(2);
  if (!take_id(text, id, more)) refuse_record("a row is malformed");
  if (changes) {
    if (!more || text.empty() || (text[0] != 'o' && text[0] != '-') || (text.size() > 1 && text[1] != '\t'))
      refuse_record("an updated row is malformed");
    old_given = text[0] == 'o';
    more = text.size() > 1;
    text.remove_prefix(more ? 2 : 1);
  }
  const Shape& relation = shape(id);
  if (old_given && relation.identity == Identity::none) refuse_record("a row without identity is changed");
  const std::size_t before = !old_given ? 0 : relation.identity == Identity::key ? relation.keys : relation.columns;
  std::vector<RecordHandler::RowValue>& out = row_values_at_once;
  out.clear();
  while (more) {
    const void* found = std::memchr(text.data(), '\t', text.size());
    const std::size_t size =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
    const std::string_view one = text.substr(0, size);
    const bool mark = size == 2 && one[0] == '\\';
    const Kind value_kind = !mark           ? Kind::text
                            : one[1] == 'N' ? Kind::null
                            : one[1] == 'u' ? Kind::unchanged
                                            : Kind::text;
    if (value_kind == Kind::unchanged && (!changes || out.size() < before))
      refuse_record("a value is said to be unchanged where it cannot be");
    out.push_back({value_kind, one});
    more = found != nullptr;
    if (more) text.remove_prefix(size + 1);
  }
  if (out.size() != before + (erases ? 0 : relation.columns)) refuse_record("a row has too few or too many values");
  handler.row(changes ? RowKind::update : erases ? RowKind::erase : RowKind::insert, id, old_given, out);
}

void RecordParser::State::piece(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!value_open) {
    if (held.size() + bytes.size() <= 2 && (held.empty() ? bytes.front() : held.front()) == '\\') {
      held.append(bytes);
      return;
    }
    begin_value(RecordHandler::ValueKind::text);
    value_open = true;
    if (!held.empty()) handler.value(held);
    held.clear();
  }
  handler.value(bytes);
}

void RecordParser::State::end_value() {
  if (!value_open) whole_value(held);
  value_open = false;
  held.clear();
}

// Streams values until the end of the row or of the bytes.
void RecordParser::State::row_values(std::string_view& bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find_first_of("\t\n");
    piece(bytes.substr(0, end));
    if (end == std::string_view::npos) {
      bytes = {};
      return;
    }
    const char delimiter = bytes[end];
    bytes.remove_prefix(end + 1);
    end_value();
    if (delimiter == '\n') {
      end_row();
      return;
    }
  }
}

// Collects the head of a row in `line`; true when it is whole and the row was begun.
bool RecordParser::State::row_head(std::string_view& bytes) {
  while (!bytes.empty()) {
    const std::size_t fields = line.empty() ? 0 : static_cast<std::size_t>(std::count(line.begin(), line.end(), '\t'));
    const char kind = line.empty() ? bytes.front() : line.front();
    const std::size_t needed = kind == 'U' || kind == 'u' ? 2 : 1;
    const std::size_t end = bytes.find_first_of("\t\n");
    line.append(bytes.substr(0, end));
    if (line.size() > 64) refuse_record("a row is malformed");
    if (end == std::string_view::npos) {
      bytes = {};
      return false;
    }
    const char delimiter = bytes[end];
    bytes.remove_prefix(end + 1);
    if (fields == needed) {
      begin_row(line);
      line.clear();
      if (delimiter == '\n') end_row();
      return true;
    }
    if (delimiter == '\n') refuse_record("a row is malformed");
    line += '\t';
  }
  return false;
}

}  // namespace lpbm::csvlog
