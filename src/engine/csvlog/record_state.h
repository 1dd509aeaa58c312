// The parser of records as its sources share it: what it knows between two frames, and the fields of a line.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "csvlog/escape.h"
#include "csvlog/record.h"

namespace lpbm::csvlog {

// Throws Error (permanent): no writer of this version makes such bytes.
[[noreturn]] inline void refuse_record(const std::string& cause) {
  throw Error(ErrorKind::permanent, "reading a record", cause,
              "It was written by another version of lpbm, or the cluster key is in foreign hands.");
}

template <typename Number>
Number number(std::string_view text) {
  Number out{};
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || at != text.data() + text.size()) refuse_record("a number is malformed");
  return out;
}

// The fields of a whole line.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  std::string_view raw() {
    if (done_) refuse_record("a field is missing");
    const std::size_t tab = rest_.find('\t');
    const std::string_view field = rest_.substr(0, tab);
    done_ = tab == std::string_view::npos;
    if (!done_) rest_.remove_prefix(tab + 1);
    return field;
  }
  std::string text() {
    std::string out;
    if (!unescape(raw(), out)) refuse_record("an escape is malformed");
    return out;
  }
  // A count of things that take `fields` fields each: never more than the line can hold.
  std::size_t count(std::size_t fields) {
    const auto n = number<std::size_t>(raw());
    if (n > rest_.size() / fields + 1) refuse_record("a count is too large");
    return n;
  }
  [[nodiscard]] std::size_t left() const {
    return done_ ? 0 : 1 + static_cast<std::size_t>(std::count(rest_.begin(), rest_.end(), '\t'));
  }
  void end() const {
    if (!done_) refuse_record("a line has too many fields");
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

// What the parser must know of a relation to tell how many values a row has.
struct Shape {
  std::size_t columns = 0, keys = 0;
  Identity identity = Identity::none;
};

struct RecordParser::State {
  explicit State(RecordHandler& h) : handler(h) {}

  RecordHandler& handler;
  bool synced = false;  // false: waiting for a boundary
  bool inside = false;  // between B and E
  std::unordered_map<std::uint32_t, Shape> relations;
  // Those used of late, by the last bits of their id; emptied with `relations`.
  mutable std::array<std::pair<std::uint32_t, const Shape*>, 64> recent{};
  std::string line;  // begin of a line, or of the head of a row, that goes on in the next frame

  // The row that is being streamed.
  bool in_row = false;
  bool updates = false;
  std::size_t old_values = 0, values = 0, seen = 0;  // expected before the new ones, in all; seen
  bool value_open = false;                           // begin_value was called
  std::string held;                                  // what was seen of a value that may be \N or \u
  std::vector<RecordHandler::RowValue> row_values_at_once;

  void parse(std::string_view bytes);
  void whole_line(std::string_view text);
  void begin_row(std::string_view head);
  bool row_head(std::string_view& bytes);
  void row_values(std::string_view& bytes);
  void whole_row(std::string_view text);
  void whole_value(std::string_view text);
  void piece(std::string_view bytes);
  void end_value();
  void begin_value(RecordHandler::ValueKind kind);
  void end_row();
  void begin(Fields fields);
  void relation(Fields fields);
  void truncate(Fields fields);
  void ddl(Fields fields);
  void column_value(Fields fields);
  void sequence(Fields fields);
  void hole(Fields fields);
  void stale(Fields fields);
  void other(char kind, Fields fields);
  const Shape& shape(std::uint32_t id) const;
};

}  // namespace lpbm::csvlog
