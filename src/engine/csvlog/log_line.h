// The lines of a csvlog with all their columns, for logs that hold statements. As csv.h reads them, but past libcsv:
// columns are found, not copied, and only those that are looked at are unescaped. Source of the columns: PostgreSQL's
// csvlog, 23 (9.6 to 12), 24 (13) or 26 (from 14 on).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lpbm::csvlog {

enum class LogColumn : std::uint8_t {
  log_time,
  user,
  database,
  process,
  connection,
  session,
  session_line,
  command_tag,
  session_start,
  virtual_transaction,
  transaction,
  severity,
  state,
  message,
  detail,
  hint,
  internal_query,
  internal_position,
  context,
  query,
};

class LogLine {
 public:
  static constexpr std::size_t most_columns = 26;
  std::uint64_t number = 0;  // of the file's line with which it begins, from 1
  bool cut = false;          // it is too long: what comes behind its first part is missing

  // As it stands in the file, without its quotes.
  [[nodiscard]] std::string_view raw(LogColumn column) const { return fields_[static_cast<std::size_t>(column)].text; }
  [[nodiscard]] bool empty(LogColumn column) const { return raw(column).empty(); }
  // Its value; `scratch` holds it where it must be unescaped.
  [[nodiscard]] std::string_view value(LogColumn column, std::string& scratch) const;

 private:
  friend class LogLineReader;
  struct Field {
    std::string_view text;
    bool doubled = false;  // it holds doubled quotes
  };
  std::array<Field, most_columns> fields_;
  std::size_t count_ = 0;
};

struct LogLineTotals {
  std::uint64_t lines = 0;             // lines with all their columns, and those that were cut
  std::uint64_t unreadable = 0;        // places where no line could be read
  std::uint64_t first_unreadable = 0;  // number of the first such line
};

// Bytes are put in as they are read; each complete line is handed on. A line of more than `limit` bytes is handed on
// with its first part only. After bytes that are no csvlog line reading goes on at the next newline that is followed by
// a timestamp. Memory: the longest line that is not cut.
class LogLineReader {
 public:
  static constexpr std::size_t default_limit = 64u << 20;
  // The line and its columns are valid during the call.
  using Handler = std::function<void(const LogLine&)>;

  explicit LogLineReader(Handler handler, std::size_t limit = default_limit)
      : handler_(std::move(handler)), limit_(limit) {}

  // Where to read up to `size` bytes to, and that `count` of them were put there.
  char* space(std::size_t size);
  void commit(std::size_t count);
  // At the end of the file: false where its last line is torn.
  bool finish();
  [[nodiscard]] const LogLineTotals& totals() const { return totals_; }
  [[nodiscard]] std::uint64_t line_number() const { return number_; }  // of the line that comes next

 private:
  enum class Parsed { line, unfinished, broken };
  Parsed parse_line();
  Parsed broken(const char* at);
  void hand_on(std::size_t end);
  void cut_line();
  void skip_rest();
  void unreadable();
  void seek_line();
  void parse();
  void forget();

  Handler handler_;
  std::size_t limit_;
  std::string buffer_;
  std::size_t filled_ = 0, begin_ = 0;  // bytes in the buffer; where the current line begins in it
  std::size_t next_try_ = 0;            // an unfinished line is looked at again when so much is there
  std::size_t line_end_ = 0;            // how far parse_line() has come
  std::uint64_t number_ = 1;
  std::uint64_t reread_ = 0;
  LogLine line_;
  LogLineTotals totals_;
  bool seeking_ = false;   // after something unreadable
  bool skipping_ = false;  // inside of a line that was cut
  bool quoted_ = false;    // skipping: inside of quotes
};

}  // namespace lpbm::csvlog
