#include "csvlog/statement_log.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace lpbm::csvlog {
namespace {

constexpr std::string_view statement_prefix = "statement: ", execute_prefix = "execute ",
                           fetch_prefix = "execute fetch from ",
                           duration_prefix = "duration: ", fastpath_prefix = "fastpath function call: ";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// " ms  " behind the number; the message is then what follows it.
bool take_duration(std::string_view& message) {
  if (!message.starts_with(duration_prefix)) return false;
  std::size_t at = duration_prefix.size();
  while (at < message.size() && (is_digit(message[at]) || message[at] == '.')) ++at;
  if (message.substr(at, 3) != " ms") return false;
  message.remove_prefix(at + 3);
  while (message.starts_with(' ')) message.remove_prefix(1);
  return true;
}

// The levels of errors, and of what is none, in English.
bool is_failure(std::string_view severity) {
  return severity == "ERROR" || severity == "FATAL" || severity == "PANIC";
}

bool is_message(std::string_view severity) {
  for (std::string_view word : {"LOG", "NOTICE", "WARNING", "INFO", "DETAIL", "STATEMENT"})
    if (severity == word) return true;
  return severity.starts_with("DEBUG");
}

// Whether an error has this SQLSTATE; 00, 01 and 02 are success, warnings and "no data".
bool is_error_state(std::string_view state) {
  return state.size() == 5 && !(state[0] == '0' && state[1] >= '0' && state[1] <= '2');
}

bool starts_with_command(std::string_view text) {
  constexpr std::array<std::string_view, 14> commands{"insert", "update", "delete",   "select",  "begin",
                                                      "commit", "create", "alter",    "drop",    "copy",
                                                      "set",    "with",   "rollback", "truncate"};
  for (std::string_view command : commands) {
    if (text.size() <= command.size()) {
      if (text.size() < command.size()) continue;
    } else if (text[command.size()] != ' ' && text[command.size()] != ';' && text[command.size()] != '\n') {
      continue;
    }
    if (std::equal(command.begin(), command.end(), text.begin(), [](char a, char b) { return a == (b | 0x20); }))
      return true;
  }
  return false;
}

// "Anweisung: INSERT ...": a word or a few, a colon, a command of SQL.
bool looks_like_statement(std::string_view message) {
  constexpr std::size_t longest_prefix = 120;
  for (std::size_t at = message.find(':'); at < longest_prefix; at = message.find(':', at + 1)) {
    std::size_t text = at + 1;
    while (text < message.size() && message[text] == ' ') ++text;
    if (starts_with_command(message.substr(text))) return true;
  }
  return false;
}

// Behind the name of the statement and its portal.
bool take_name(std::string_view& message) {
  const std::size_t colon = message.find(": ");
  if (colon == std::string_view::npos) return false;
  message.remove_prefix(colon + 2);
  return true;
}

LogEvent failure(const LogLine& line, bool known) {
  LogEvent event;
  const std::string_view severity = line.raw(LogColumn::severity);
  event.fatal = severity == "FATAL" || severity == "PANIC" || (!known && line.raw(LogColumn::state).starts_with("57P"));
  event.kind = event.fatal ? LogEvent::end : LogEvent::error;
  return event;
}

LogEvent log_message(std::string_view message) {
  LogEvent event;
  event.timed = take_duration(message);
  if (message.starts_with(statement_prefix)) {
    event.kind = LogEvent::statement;
    event.sql = message.substr(statement_prefix.size());
  } else if (message.starts_with(fetch_prefix)) {
    event.kind = LogEvent::step;
  } else if (message.starts_with(execute_prefix)) {
    message.remove_prefix(execute_prefix.size());
    if (take_name(message)) event = {LogEvent::execute, event.timed, false, message};
  } else if (event.timed && (message.starts_with("parse ") || message.starts_with("bind "))) {
    event.kind = LogEvent::step;
  } else if (event.timed && message.empty()) {
    event.kind = LogEvent::finished;
  } else if (event.timed) {
    event.kind = LogEvent::other;  // auto_explain's plans
  } else if (message.starts_with(fastpath_prefix)) {
    event.kind = LogEvent::fastpath;
  } else if (message.starts_with("disconnection: ")) {
    event.kind = LogEvent::end;
  } else if (looks_like_statement(message)) {
    event.kind = LogEvent::foreign;
  }
  return event;
}

}  // namespace

LogEvent read_event(const LogLine& line, std::string_view message) {
  const std::string_view severity = line.raw(LogColumn::severity), state = line.raw(LogColumn::state);
  if (is_failure(severity)) return failure(line, true);
  if (!is_message(severity)) return is_error_state(state) ? failure(line, false) : LogEvent{};
  // The end that a crash of another session brings is a warning; one that a user's function sends has a context.
  if (state == "57P02" && line.empty(LogColumn::context) && line.empty(LogColumn::query))
    return {LogEvent::end, false, true, {}};
  // A statement's line has neither context nor query: what has them is a message that a function has sent.
  if (severity != "LOG" || !line.empty(LogColumn::context) || !line.empty(LogColumn::query)) return {};
  return log_message(message);
}

ServerEvent read_server_event(std::string_view message) {
  if (message == "database system is shut down") return ServerEvent::stopped;
  for (std::string_view text : {"starting PostgreSQL", "database system was ", "terminating any other active server",
                                "all server processes terminated"})
    if (message.starts_with(text)) return ServerEvent::crashed;
  return ServerEvent::none;
}

std::uint64_t local_transaction(std::string_view virtual_transaction) {
  const std::size_t slash = virtual_transaction.find('/');
  if (slash == std::string_view::npos) return 0;
  std::uint64_t out = 0;
  const std::string_view digits = virtual_transaction.substr(slash + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

ParameterList::ParameterList(std::string_view detail) : rest_(detail) {
  constexpr std::string_view name = "arameters: ";
  is_one_ = (detail.starts_with('p') || detail.starts_with('P')) && detail.substr(1).starts_with(name);
  if (is_one_) rest_.remove_prefix(name.size() + 1);
}

bool ParameterList::next(Parameter& out) {
  if (!is_one_ || rest_.empty()) return false;
  broken_ = true;
  if (!rest_.starts_with('$')) return false;
  const char* const end = rest_.data() + rest_.size();
  const auto [behind, error] = std::from_chars(rest_.data() + 1, end, out.number);
  if (error != std::errc{} || out.number == 0) return false;
  rest_.remove_prefix(static_cast<std::size_t>(behind - rest_.data()));
  out.text.clear();
  out.null = rest_.starts_with(" = NULL");
  if (out.null) {
    rest_.remove_prefix(7);
  } else {
    if (!rest_.starts_with(" = '")) return false;
    rest_.remove_prefix(4);
    for (;;) {
      const std::size_t quote = rest_.find('\'');
      if (quote == std::string_view::npos) return false;
      out.text.append(rest_.substr(0, quote));
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('\'')) break;
      out.text += '\'';
      rest_.remove_prefix(1);
    }
  }
  if (!rest_.empty() && !rest_.starts_with(", ")) return false;
  rest_.remove_prefix(std::min<std::size_t>(2, rest_.size()));
  broken_ = false;
  return true;
}

std::string_view prepared_text(std::string_view detail) {
  constexpr std::string_view name = "repare: ";
  if ((!detail.starts_with('p') && !detail.starts_with('P')) || !detail.substr(1).starts_with(name)) return {};
  return detail.substr(name.size() + 1);
}

}  // namespace lpbm::csvlog
