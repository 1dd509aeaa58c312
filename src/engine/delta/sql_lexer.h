// As much of PostgreSQL's lexer as is needed to tell what in SQL text is code and what is a literal, a name or a
// comment. Source: scan.l and psqlscan.l.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lpbm::delta {

struct SqlToken {
  enum Kind : std::uint8_t {
    end,
    space,
    comment,
    name,         // a word, or a keyword
    quoted_name,  // "...", U&"..."
    string,       // '...' with its prefix and its continuations, $tag$...$tag$
    number,
    parameter,  // $1
    symbol,     // any other single byte
  };
  Kind kind = end;
  bool closed = true;         // false: the text ends inside of it
  bool line_comment = false;  // a comment that ends with its line
  std::size_t begin = 0, size = 0;

  [[nodiscard]] std::string_view in(std::string_view sql) const { return sql.substr(begin, size); }
};

// Cuts `sql`, which must outlive this, into tokens that together are all of it. `standard_strings`: the value of
// standard_conforming_strings that the text is read with.
class SqlLexer {
 public:
  SqlLexer(std::string_view sql, bool standard_strings) : sql_(sql), standard_(standard_strings) {}
  SqlToken next();

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  SqlToken::Kind take();
  SqlToken::Kind word();
  SqlToken::Kind dollar();
  bool quoted(char quote, bool backslashes);
  bool continues();
  bool block_comment();
  void number();

  std::string_view sql_;
  bool standard_;
  bool closed_ = true;
  std::size_t at_ = 0;
};

// Whether a name may begin with this byte, or go on with it.
bool is_name_start(char c);
bool is_name_byte(char c);

// `sql` with a blank behind each colon, outside of literals, quoted identifiers and comments, that psql would take for
// the begin of a variable. To PostgreSQL it means the same.
std::string guard_colons(std::string_view sql, bool standard_strings);

// `sql` with each literal in a form that means the same whatever standard_conforming_strings says.
std::string explicit_strings(std::string_view sql, bool standard_strings);

}  // namespace lpbm::delta
