#include "csvlog/csv.h"

#include <csv.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/error.h"

namespace lpbm::csvlog {
namespace {

constexpr std::size_t field_limit = 1u << 20;
constexpr std::size_t field_block = 1u << 16;
// A line is kept so far, to look for another line in it should it turn out unreadable.
constexpr std::size_t kept_limit = 4u << 20;
// So many bytes of a file may be read a second time; then what is unreadable is skipped as far as it was read. Bounds
// the time that a file made to be unreadable can cost.
constexpr std::uint64_t reread_limit = 64u << 20;
constexpr int message_column = 13;
// How a frame of records begins in a line, and what it can hold at most.
constexpr std::string_view frame_begin = ",\"lpbm1 ";
constexpr std::size_t frame_limit = 66000;
constexpr int field_not_begun = 1;  // libcsv's state behind a delimiter
constexpr int fewest_columns = 23, most_columns = 26;

// libcsv asks for memory here; a refusal makes it stop where it is.
void* grow(void* old, std::size_t size) {
  return size > field_limit + field_block ? nullptr : std::realloc(old, size);
}

// Nothing is trimmed: the collector writes no blanks around fields.
int no_space(unsigned char) {
  return 0;
}

// A carriage return outside of quotes ends no line: the collector writes none.
int is_newline(unsigned char c) {
  return c == '\n' ? 1 : 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "2026-11-21 01:48:34": how a line begins.
constexpr std::string_view pattern = "0000-00-00 00:00:00";
bool looks_like_line(const char* text) {
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == '0' ? !is_digit(text[i]) : text[i] != pattern[i]) return false;
  return true;
}

}  // namespace

struct CsvReader::State {
  Line line;
  csv_parser parser{};
  std::string buffer;          // from the begin of the current line on
  std::size_t filled = 0;      // bytes of it that were read
  std::size_t parsed = 0;      // bytes of it that libcsv has seen
  std::size_t line_begin = 0;  // in the buffer
  std::uint64_t base = 0;      // offset of the buffer in the file
  std::uint64_t lost = 0;      // offset of the line's begin, where the buffer does not hold it any more
  bool cut = false;            // that is so
  CsvTotals totals;
  std::uint64_t reread = 0;
  bool stopped = false;
  bool waiting = false;  // for the end of a frame
  bool seeking = false;  // after something unreadable: look for the begin of a line

  // Of the line that libcsv is in.
  int column = 0;
  bool overflowed = false;  // this field
  int rows = 0;             // that ended since the line began
  bool broken = false;      // one of them is no line of a csvlog
  bool careful = false;     // this line was not what its begin promised: look at every newline
  std::string message;
  bool direct = false;  // the message was taken past libcsv

  ~State() { csv_free(&parser); }
  void start_parser();
  void field(const char* data, std::size_t size);
  void row();
  void parse();
  void parse_piece(std::size_t end);
  bool feed(std::size_t end);
  enum class Taken { no, yes, unfinished };
  Taken take_frame();
  Taken copy_quoted(std::size_t begin);
  void unreadable();
  void finish_line();
  [[nodiscard]] std::size_t piece_end() const;
  void seek_line();
  void forget();
};

CsvReader::CsvReader(std::uint64_t offset, Line line) : state_(std::make_unique<State>()) {
  state_->line = std::move(line);
  state_->base = offset;
  state_->start_parser();
}

CsvReader::~CsvReader() = default;

void CsvReader::State::start_parser() {
  csv_free(&parser);
  if (csv_init(&parser, CSV_STRICT) != 0) throw std::bad_alloc();
  csv_set_realloc_func(&parser, grow);
  csv_set_blk_size(&parser, field_block);
  csv_set_space_func(&parser, no_space);
  csv_set_term_func(&parser, is_newline);
  column = rows = 0;
  overflowed = broken = direct = false;
  message.clear();
}

void CsvReader::State::field(const char* data, std::size_t size) {
  if (column == message_column && !overflowed && !direct) message.assign(data, size);
  if (column == 0 && (size < pattern.size() || !looks_like_line(data))) broken = true;
  overflowed = false;
  ++column;
}

void CsvReader::State::row() {
  ++rows;
  broken = broken || column < fewest_columns || column > most_columns;
  column = 0;
}

// A line can begin only behind a newline, so a piece for libcsv ends behind a newline that a timestamp follows, and
// where a line ends is known to the byte. An empty line, which libcsv passes over, is no part of the line before.
std::size_t CsvReader::State::piece_end() const {
  const char* data = buffer.data();
  for (std::size_t at = parsed; at < filled;) {
    const void* newline = std::memchr(data + at, '\n', filled - at);
    if (!newline) break;
    at = static_cast<std::size_t>(static_cast<const char*>(newline) - data) + 1;
    if (careful || at + pattern.size() > filled || data[at] == '\n' || looks_like_line(data + at)) return at;
  }
  return filled;
}

// False: libcsv cannot go on.
bool CsvReader::State::feed(std::size_t end) {
  const auto on_field = [](void* data, std::size_t size, void* self) {
    static_cast<State*>(self)->field(static_cast<const char*>(data), size);
  };
  const auto on_row = [](int, void* self) { static_cast<State*>(self)->row(); };
  while (parsed < end) {
    parsed += csv_parse(&parser, buffer.data() + parsed, end - parsed, on_field, on_row, this);
    if (parsed == end) break;
    if (csv_error(&parser) != CSV_ENOMEM) return false;
    // The field is larger than anything of ours: what was kept of it is forgotten, but for the last byte, which may be
    // its closing quote.
    if (parser.entry_pos < 2) throw std::bad_alloc();
    parser.entry_pos = 1;
    parser.status = 0;
    overflowed = true;
    if (column == message_column) message.clear();
  }
  return csv_error(&parser) != CSV_EPARSE;
}

// Copies the quoted field that begins at `begin` into `message`.
CsvReader::State::Taken CsvReader::State::copy_quoted(std::size_t begin) {
  message.clear();
  const char* data = buffer.data();
  for (std::size_t at = begin + 1; at < filled;) {
    const void* quote = std::memchr(data + at, '"', filled - at);
    if (!quote) break;
    const std::size_t end = static_cast<std::size_t>(static_cast<const char*>(quote) - data);
    if (end + 1 == filled) break;
    const bool doubled = data[end + 1] == '"';
    message.append(data + at, end - at + (doubled ? 1 : 0));
    at = end + 1 + (doubled ? 1 : 0);
    if (message.size() > frame_limit) return Taken::no;
    if (doubled) continue;
    parsed = at;
    return Taken::yes;
  }
  return filled - begin > 2 * frame_limit ? Taken::no : Taken::unfinished;
}

// The content of our own messages, which is nearly all there is to read, is copied past libcsv: that gets an empty
// field in its place. Whether there is such a message, libcsv says: it must be about to begin the message's column.
CsvReader::State::Taken CsvReader::State::take_frame() {
  const char* data = buffer.data() + parsed;
  const void* newline = std::memchr(data, '\n', filled - parsed);
  if (!newline) return Taken::no;
  const std::string_view head(data, static_cast<std::size_t>(static_cast<const char*>(newline) - data));
  const std::size_t found = head.find(frame_begin);
  if (found == std::string_view::npos) return Taken::no;
  const std::size_t begin = parsed + found + 1;
  if (!feed(begin) || column != message_column || parser.pstate != field_not_begun) return Taken::no;
  const Taken taken = copy_quoted(begin);
  if (taken != Taken::yes) {
    message.clear();
    return taken;
  }
  direct = true;
  const auto ignore_field = [](void*, std::size_t, void*) {};
  const auto ignore_row = [](int, void*) {};
  csv_parse(&parser, "\"\"", 2, ignore_field, ignore_row, nullptr);
  return taken;
}

void CsvReader::State::finish_line() {
  ++totals.lines;
  const std::uint64_t begin = cut ? lost : base + line_begin;
  cut = false;
  careful = broken = direct = false;
  rows = 0;
  line_begin = parsed;
  const bool goes_on = line(message, begin, base + parsed);
  message.clear();
  if (!goes_on) stopped = true;
}

// What began at line_begin is no line, or a line and something behind it. The next one may have begun inside of it.
void CsvReader::State::unreadable() {
  if (!careful && !cut) {
    careful = true;
    start_parser();
    reread += parsed - line_begin;
    parsed = line_begin;
    return;
  }
  careful = false;
  if (totals.unreadable++ == 0) totals.first_unreadable = cut ? lost : base + line_begin;
  start_parser();
  const std::size_t again = parsed - line_begin;
  if (!cut && reread + again <= reread_limit) {
    reread += again;
    parsed = line_begin + 1;
  }
  cut = false;
  seeking = true;
}

void CsvReader::State::seek_line() {
  const char* data = buffer.data();
  while (parsed < filled) {
    const void* newline = std::memchr(data + parsed, '\n', filled - parsed);
    if (!newline) {
      parsed = filled;
      break;
    }
    const std::size_t at = static_cast<std::size_t>(static_cast<const char*>(newline) - data);
    if (at + 1 + pattern.size() > filled) {
      parsed = at;  // decided when more has come
      break;
    }
    parsed = at + 1;
    if (looks_like_line(data + parsed)) {
      seeking = false;
      break;
    }
  }
  line_begin = parsed;
}

void CsvReader::State::parse_piece(std::size_t end) {
  if (!feed(end) || rows > 1 || (rows == 1 && (broken || parser.pstate != 0)))
    unreadable();
  else if (rows == 1)
    finish_line();
}

void CsvReader::State::forget() {
  if (parsed - line_begin > kept_limit) {
    if (!cut) lost = base + line_begin;
    cut = true;
    line_begin = parsed;
  }
  if (line_begin == 0) return;
  std::memmove(buffer.data(), buffer.data() + line_begin, filled - line_begin);
  base += line_begin;
  filled -= line_begin;
  parsed -= line_begin;
  line_begin = 0;
}

void CsvReader::State::parse() {
  while (parsed < filled && !stopped) {
    if (seeking) {
      const std::size_t before = parsed;
      seek_line();
      if (seeking && parsed == before) break;
    } else if ((parsed == line_begin && !cut) || waiting) {
      if (waiting) {
        // libcsv has seen the line up to the frame already.
        start_parser();
        parsed = line_begin;
      }
      waiting = take_frame() == Taken::unfinished;
      if (waiting) break;
      if (parsed < filled) parse_piece(piece_end());
    } else {
      parse_piece(piece_end());
    }
  }
  forget();
}

char* CsvReader::space(std::size_t size) {
  State& s = *state_;
  if (s.buffer.size() < s.filled + size) s.buffer.resize(s.filled + size);
  return s.buffer.data() + s.filled;
}

bool CsvReader::commit(std::size_t count) {
  state_->filled += count;
  if (!state_->stopped) state_->parse();
  return !state_->stopped;
}

std::uint64_t CsvReader::offset() const {
  return state_->cut ? state_->lost : state_->base + state_->line_begin;
}

const CsvTotals& CsvReader::totals() const {
  return state_->totals;
}

}  // namespace lpbm::csvlog
