#include "delta/sql_statements.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/error.h"

namespace lpbm::delta {
namespace {

constexpr std::size_t longest_statement = std::size_t{1} << 30;
constexpr int none = -1;

bool is_name_start(int c) {
  return c != none && (std::isalpha(c) != 0 || c == '_' || c >= 0x80);
}

bool is_name(int c) {
  return is_name_start(c) || (c != none && std::isdigit(c) != 0);
}

bool is_space(int c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

}  // namespace

// What decides whether a semicolon ends a statement: parentheses (CREATE RULE ... DO (a; b)), and the bodies of
// CREATE FUNCTION ... BEGIN ATOMIC ... END.
struct SqlStatements::Scan {
  int parentheses = 0, blocks = 0;
  bool after_begin = false;              // the name before was BEGIN, with nothing in between
  std::vector<std::string> first_words;  // at most four

  void name(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (parentheses == 0 && makes_routine()) {
      // BEGIN alone may be a name.
      if ((text == "atomic" && after_begin) || (text == "case" && blocks > 0)) ++blocks;
      if (text == "end" && blocks > 0) --blocks;
    }
    after_begin = text == "begin" && parentheses == 0 && blocks == 0;
    constexpr std::size_t enough = 4;
    if (first_words.size() < enough) first_words.push_back(std::move(text));
  }

 private:
  [[nodiscard]] bool makes_routine() const {
    if (first_words.size() < 2 || first_words[0] != "create") return false;
    const std::size_t kind = first_words[1] == "or" ? 3 : 1;
    return first_words.size() > kind && (first_words[kind] == "function" || first_words[kind] == "procedure");
  }
};

bool SqlStatements::fill() {
  if (ended_) return false;
  if (at_ > slice_.size()) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t got = source_.read(slice_.data(), slice_.size());
  buffer_.append(slice_, 0, got);
  ended_ = got == 0;
  return !ended_;
}

int SqlStatements::peek(std::size_t ahead) {
  while (at_ + ahead >= buffer_.size())
    if (!fill()) return none;
  return static_cast<unsigned char>(buffer_[at_ + ahead]);
}

void SqlStatements::take(std::size_t count, std::string& to) {
  const std::string_view bytes = std::string_view(buffer_).substr(at_, count);
  line_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  if (to.size() + bytes.size() > longest_statement)
    throw Error(ErrorKind::permanent, "reading SQL, line " + std::to_string(statement_line_),
                "a statement is longer than PostgreSQL can take");
  to.append(bytes);
  at_ += bytes.size();
}

void SqlStatements::skip_line() {
  std::string ignored;
  while (peek(0) != none && peek(0) != '\n') take(1, ignored), ignored.clear();
}

bool SqlStatements::skip_space() {
  std::string ignored;
  bool any = false;
  for (; is_space(peek(0)); any = true) take(1, ignored), ignored.clear();
  return any;
}

// Takes a comment that begins here; without `to` it is dropped.
bool SqlStatements::skip_comment(std::string* to) {
  std::string ignored;
  std::string& out = to ? *to : ignored;
  if (peek(0) == '-' && peek(1) == '-') {
    while (peek(0) != none && peek(0) != '\n') take(1, out);
    return true;
  }
  if (peek(0) != '/' || peek(1) != '*') return false;
  int depth = 0;
  do {
    const bool opens = peek(0) == '/' && peek(1) == '*', closes = peek(0) == '*' && peek(1) == '/';
    depth += opens ? 1 : closes ? -1 : 0;
    take(opens || closes ? 2 : 1, out);
  } while (depth > 0 && peek(0) != none);
  return true;
}

// At the opening quote. A doubled quote and, with `backslashes`, an escaped one do not close it.
void SqlStatements::quoted(std::string& to, char quote, bool backslashes) {
  take(1, to);
  while (peek(0) != none) {
    const std::size_t plain =
        std::min(buffer_.find(quote, at_), backslashes ? buffer_.find('\\', at_) : buffer_.size());
    if (plain > at_) {
      take(std::min(plain, buffer_.size()) - at_, to);
      continue;
    }
    const bool escape = backslashes && peek(0) == '\\', doubled = peek(0) == quote && peek(1) == quote;
    const bool closes = peek(0) == quote && !doubled;
    take((escape || doubled) && peek(1) != none ? 2 : 1, to);
    if (closes && !(quote == '\'' && continues(to))) return;
  }
}

// A literal goes on in another one on a later line, with the same rules; line comments may lie between. That is taken.
bool SqlStatements::continues(std::string& to) {
  std::size_t ahead = 0;
  bool later_line = false;
  for (;;) {
    for (; is_space(peek(ahead)); ++ahead) later_line = later_line || peek(ahead) == '\n' || peek(ahead) == '\r';
    if (peek(ahead) != '-' || peek(ahead + 1) != '-') break;
    while (peek(ahead) != none && peek(ahead) != '\n' && peek(ahead) != '\r') ++ahead;
  }
  if (!later_line || peek(ahead) != '\'') return false;
  take(ahead + 1, to);
  return true;
}

// $tag$ ... $tag$, or a parameter.
void SqlStatements::dollar(std::string& to) {
  std::size_t end = 1;
  if (is_name_start(peek(end)))
    while (is_name(peek(end))) ++end;
  if (peek(end) != '$') return take(1, to);
  const std::string tag = buffer_.substr(at_, end + 1);
  take(tag.size(), to);
  while (peek(tag.size() - 1) != none) {
    if (buffer_.compare(at_, tag.size(), tag) == 0) return take(tag.size(), to);
    const std::size_t next = buffer_.find('$', at_ + 1);
    take(next == std::string::npos ? std::max<std::size_t>(buffer_.size() - at_ - tag.size() + 1, 1) : next - at_, to);
  }
  take(buffer_.size() - at_, to);
}

// A name, or a literal with a prefix: in E'' backslashes escape whatever the setting says, in U&'', B'' and X'' never.
void SqlStatements::word(std::string& to, Scan& scan, bool standard_strings) {
  const int c = std::tolower(peek(0));
  if (c == 'e' && peek(1) == '\'') return take(1, to), quoted(to, '\'', true);
  if ((c == 'b' || c == 'x') && peek(1) == '\'') return take(1, to), quoted(to, '\'', false);
  if (c == 'n' && peek(1) == '\'') return take(1, to), quoted(to, '\'', !standard_strings);
  if (c == 'u' && peek(1) == '&' && (peek(2) == '\'' || peek(2) == '"')) {
    take(2, to);
    return quoted(to, static_cast<char>(peek(0)), false);
  }
  const std::size_t begin = to.size();
  while (is_name(peek(0)) || peek(0) == '$') take(1, to);
  scan.name(to.substr(begin));
}

bool SqlStatements::next(std::string& statement, bool standard_strings) {
  statement.clear();
  for (;;) {  // what stands before a statement
    if (skip_space() || skip_comment(nullptr)) continue;
    std::string ignored;
    if (peek(0) == ';') {
      take(1, ignored);
      continue;
    }
    if (peek(0) != '\\') break;
    peek(16);  // the longer of the two words, and a blank
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    if (!rest.starts_with("\\restrict ") && !rest.starts_with("\\unrestrict ")) break;
    skip_line();
  }
  statement_line_ = line_;
  Scan scan;
  while (peek(0) != none) {
    const int c = peek(0);
    if (c == ';' && scan.parentheses <= 0 && scan.blocks == 0) {
      std::string ignored;
      take(1, ignored);
      return true;
    }
    if (c == '(') ++scan.parentheses;
    if (c == ')') --scan.parentheses;
    if (c == '\'')
      quoted(statement, '\'', !standard_strings);
    else if (c == '"')
      quoted(statement, '"', false);
    else if (c == '$')
      dollar(statement);
    else if (is_name_start(c))
      word(statement, scan, standard_strings);
    else if (std::isdigit(c) != 0)
      while (is_name(peek(0)) || peek(0) == '.') take(1, statement);
    else if (!skip_comment(&statement))
      take(1, statement);
  }
  return !statement.empty();
}

void SqlStatements::copy_data(const std::function<void(std::string_view)>& data) {
  if (peek(0) != none) skip_line();
  std::string line;
  if (peek(0) == '\n') take(1, line);
  for (bool begin = true; peek(0) != none;) {
    if (begin && peek(0) == '\\' && peek(1) == '.' && (peek(2) == '\n' || peek(2) == '\r' || peek(2) == none)) {
      skip_line();
      return;
    }
    // As much as is there, up to the end of a line.
    const std::size_t newline = buffer_.find('\n', at_);
    line.clear();
    take(newline == std::string::npos ? buffer_.size() - at_ : newline + 1 - at_, line);
    data(line);
    begin = line.back() == '\n';
  }
  throw Error(ErrorKind::permanent, "reading SQL, line " + std::to_string(statement_line_),
              "the rows of this COPY are not complete");
}

}  // namespace lpbm::delta
