// Csvlogs as servers write them that know nothing of lpbm.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lpbm::csvlog::test {

inline std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

struct LoggedLine {
  std::string session = "6b019000.1a", user = "joe", database = "shop", severity = "LOG", state = "00000", message = "",
              detail = "", context = "", query = "", local = "0";
  std::uint64_t number = 1;
  int columns = 26;
};

inline std::string log_line(const LoggedLine& line) {
  const auto optional = [](const std::string& text) { return text.empty() ? text : in_quotes(text); };
  std::string out = "2026-11-21 10:00:00." + std::to_string(100 + line.number % 900) + " UTC," + optional(line.user) +
                    ',' + optional(line.database) + ",26,\"[local]\"," + line.session + ',' +
                    std::to_string(line.number) + ",\"idle\",2026-11-21 09:59:00 UTC," +
                    (line.database.empty() ? "" : "3/" + line.local) + ",0," + line.severity + ',' + line.state + ',' +
                    optional(line.message) + ',' + optional(line.detail) + ",,,," + optional(line.context) + ',' +
                    optional(line.query) + ",,,\"psql\"";
  if (line.columns >= 24) out += ",\"client backend\"";
  if (line.columns >= 26) out += ",,0";
  return out + '\n';
}

// A log that is written line by line, with the numbers that a server gives them.
class StatementLog {
 public:
  std::string text;
  std::string database = "shop";
  int columns = 26;

  void add(LoggedLine line) {
    line.database = database;
    line.columns = columns;
    line.number = ++numbers_[line.session];
    text += log_line(line);
  }
  // `session`: one letter.
  void say(char session, int local, std::string message, std::string detail = {}) {
    add({.session = id(session),
         .user = user,
         .message = std::move(message),
         .detail = std::move(detail),
         .local = std::to_string(local)});
  }
  void run(char session, int local, const std::string& sql) { say(session, local, "statement: " + sql); }
  void fail(char session, int local, std::string query = {}, std::string state = "23505") {
    add({.session = id(session),
         .user = user,
         .severity = "ERROR",
         .state = std::move(state),
         .message = "it failed",
         .query = std::move(query),
         .local = std::to_string(local)});
  }
  void skip(char session) { ++numbers_[id(session)]; }
  // Of the server itself.
  void server(const std::string& message) {
    text += log_line({.session = "6b018fff.1", .user = "", .database = "", .message = message, .number = ++server_});
  }
  static std::string id(char session) { return std::string("6b019000.") + session; }
  std::string user = "joe";

 private:
  std::map<std::string, std::uint64_t> numbers_;
  std::uint64_t server_ = 0;
};

}  // namespace lpbm::csvlog::test
