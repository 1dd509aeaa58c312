// SQL text of any origin as single statements, as psql would send them, for a session that runs them one by one.
// Nothing of psql's own (backslash commands, variables) has a meaning here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace lpbm::delta {

// Memory: the longest statement (at most a gigabyte, which is PostgreSQL's own limit; more: Error, permanent). `source`
// must outlive this.
class SqlStatements {
 public:
  explicit SqlStatements(Source& source) : source_(source) {}

  // The next statement, without blanks and comments before it and without its semicolon; false at the end. The last one
  // may lack the semicolon, and is handed on even where a literal in it is not closed: the server says what is wrong.
  // `standard_strings`: the session's standard_conforming_strings. The lines \restrict and \unrestrict, which pg_dump
  // writes around a script, are passed over.
  bool next(std::string& statement, bool standard_strings);
  // The line in which the statement begins, from 1.
  [[nodiscard]] std::uint64_t line() const { return statement_line_; }
  // After a COPY ... FROM stdin: the lines that follow it, in slices, until the line `\.`, which is taken too. Error
  // (permanent) where the text ends before it.
  void copy_data(const std::function<void(std::string_view)>& data);

 private:
  struct Scan;
  bool fill();
  int peek(std::size_t ahead);
  void take(std::size_t count, std::string& to);
  void skip_line();
  bool skip_space();
  bool skip_comment(std::string* to);
  void quoted(std::string& to, char quote, bool backslashes);
  bool continues(std::string& to);
  void dollar(std::string& to);
  void word(std::string& to, Scan& scan, bool standard_strings);

  Source& source_;
  std::string slice_ = std::string(1u << 16, '\0');
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::uint64_t line_ = 1, statement_line_ = 0;
};

}  // namespace lpbm::delta
