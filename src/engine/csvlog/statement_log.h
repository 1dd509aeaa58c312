// What PostgreSQL writes into the csvlog of its own accord about the statements of its sessions (log_statement,
// log_min_duration_statement, errors). Messages are recognised in English; of other languages it is only recognised
// that they are another one's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "csvlog/log_line.h"

namespace lpbm::csvlog {

struct LogEvent {
  enum Kind : std::uint8_t {
    other,      // says nothing of statements
    statement,  // a string of the simple protocol, before it ran, or with `timed` after
    execute,    // a statement of the extended protocol, likewise
    step,       // parse, bind, or another fetch from the same portal: nothing new runs
    finished,   // "duration: ... ms" alone: what was logged before has succeeded
    error,      // the statement failed
    end,        // the session is over; with `fatal` its transaction failed
    fastpath,   // a function called by the fast path
    foreign,    // a statement, by its looks, in another language than English
  };
  Kind kind = other;
  bool timed = false;
  bool fatal = false;
  std::string_view sql;
};

// `message`: the line's, unescaped. The result refers to it.
LogEvent read_event(const LogLine& line, std::string_view message);

// The server's own lines after which no session of before goes on: start, stop, crash.
enum class ServerEvent : std::uint8_t { none, stopped, crashed };
ServerEvent read_server_event(std::string_view message);

// The transaction's number in "3/45"; 0: none.
std::uint64_t local_transaction(std::string_view virtual_transaction);

// Reads a detail `parameters: $1 = '...', $2 = NULL` one by one.
class ParameterList {
 public:
  // Nothing else than such a detail is one.
  explicit ParameterList(std::string_view detail);
  [[nodiscard]] bool is_one() const { return is_one_; }
  struct Parameter {
    std::size_t number = 0;
    bool null = false;
    std::string text;
  };
  // False at the end.
  bool next(Parameter& out);
  [[nodiscard]] bool broken() const { return broken_; }  // it ended at what is no parameter

 private:
  std::string_view rest_;
  bool is_one_ = false, broken_ = false;
};

// The text in a detail `prepare: PREPARE ...`; empty where there is none.
std::string_view prepared_text(std::string_view detail);

}  // namespace lpbm::csvlog
