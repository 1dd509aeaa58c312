#include "delta/sql_lexer.h"

#include <array>

namespace lpbm::delta {
namespace {

enum Class : std::uint8_t { other, blank, letter, digit };

constexpr std::array<Class, 256> make_classes() {
  std::array<Class, 256> out{};
  for (int c = 0; c < 256; ++c)
    out[static_cast<std::size_t>(c)] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80
                                           ? letter
                                           : (c >= '0' && c <= '9' ? digit : other);
  for (char c : {' ', '\t', '\n', '\r', '\f', '\v'}) out[static_cast<unsigned char>(c)] = blank;
  return out;
}

constexpr std::array<Class, 256> classes = make_classes();

Class class_of(char c) {
  return classes[static_cast<unsigned char>(c)];
}

}  // namespace

bool is_name_start(char c) {
  return class_of(c) == letter;
}

bool is_name_byte(char c) {
  return class_of(c) >= letter || c == '$';
}

SqlToken SqlLexer::next() {
  SqlToken token;
  token.begin = at_;
  if (at_ < sql_.size()) {
    closed_ = true;
    token.line_comment = peek() == '-';
    token.kind = take();
    token.closed = closed_;
  }
  token.size = at_ - token.begin;
  return token;
}

SqlToken::Kind SqlLexer::take() {
  const char c = sql_[at_];
  switch (class_of(c)) {
    case blank:
      while (at_ < sql_.size() && class_of(sql_[at_]) == blank) ++at_;
      return SqlToken::space;
    case letter:
      return word();
    case digit:
      number();
      return SqlToken::number;
    default:
      break;
  }
  if (c == '\'' || c == '"') {
    closed_ = quoted(c, c == '\'' && !standard_);
    return c == '"' ? SqlToken::quoted_name : SqlToken::string;
  }
  if (c == '-' && peek(1) == '-') {
    while (at_ < sql_.size() && sql_[at_] != '\n' && sql_[at_] != '\r') ++at_;
    return SqlToken::comment;
  }
  if (c == '/' && peek(1) == '*') {
    closed_ = block_comment();
    return SqlToken::comment;
  }
  if (c == '$') return dollar();
  if (c == '.' && class_of(peek(1)) == digit) {
    number();
    return SqlToken::number;
  }
  ++at_;
  return SqlToken::symbol;
}

// A name, and the prefixes of literals: E'' has backslashes whatever the setting says, U&'', B'' and X'' have none.
SqlToken::Kind SqlLexer::word() {
  const char c = static_cast<char>(sql_[at_] | 0x20);
  if (c == 'e' && peek(1) == '\'') {
    ++at_;
    closed_ = quoted('\'', true);
    return SqlToken::string;
  }
  if (c == 'u' && peek(1) == '&' && (peek(2) == '\'' || peek(2) == '"')) {
    at_ += 2;
    const char quote = sql_[at_];
    closed_ = quoted(quote, false);
    return quote == '"' ? SqlToken::quoted_name : SqlToken::string;
  }
  if ((c == 'b' || c == 'x') && peek(1) == '\'') {
    ++at_;
    closed_ = quoted('\'', false);
    return SqlToken::string;
  }
  if (c == 'n' && peek(1) == '\'') {
    ++at_;
    closed_ = quoted('\'', !standard_);
    return SqlToken::string;
  }
  while (at_ < sql_.size() && is_name_byte(sql_[at_])) ++at_;
  return SqlToken::name;
}

// At the opening quote; false where nothing closes it.
bool SqlLexer::quoted(char quote, bool backslashes) {
  ++at_;
  while (true) {
    if (!backslashes) {
      const std::size_t next = sql_.find(quote, at_);
      at_ = next == std::string_view::npos ? sql_.size() : next;
    }
    if (at_ >= sql_.size()) return false;
    const char c = sql_[at_++];
    if (backslashes && c == '\\') {
      if (at_ < sql_.size()) ++at_;
    } else if (c == quote) {
      if (peek() == quote)
        ++at_;
      else if (quote == '"' || !continues())
        return true;
    }
  }
}

// A literal goes on in another one on a later line, with the same rules; line comments may lie between.
bool SqlLexer::continues() {
  bool later_line = false;
  std::size_t at = at_;
  while (at < sql_.size()) {
    const char c = sql_[at];
    if (class_of(c) == blank) {
      later_line = later_line || c == '\n' || c == '\r';
      ++at;
    } else if (c == '-' && at + 1 < sql_.size() && sql_[at + 1] == '-') {
      at = sql_.find_first_of("\r\n", at);
      if (at == std::string_view::npos) return false;
    } else {
      break;
    }
  }
  if (!later_line || at >= sql_.size() || sql_[at] != '\'') return false;
  at_ = at + 1;
  return true;
}

bool SqlLexer::block_comment() {
  int depth = 0;
  do {
    if (peek() == '/' && peek(1) == '*') {
      ++depth;
      at_ += 2;
    } else if (peek() == '*' && peek(1) == '/') {
      --depth;
      at_ += 2;
    } else {
      ++at_;
    }
  } while (depth > 0 && at_ < sql_.size());
  return depth == 0;
}

// $tag$ ... $tag$, or a parameter.
SqlToken::Kind SqlLexer::dollar() {
  std::size_t end = at_ + 1;
  if (class_of(peek(1)) == digit) {
    ++at_;
    while (class_of(peek()) == digit) ++at_;
    return SqlToken::parameter;
  }
  while (end < sql_.size() && class_of(sql_[end]) >= letter) ++end;
  if (end >= sql_.size() || sql_[end] != '$') {
    ++at_;
    return SqlToken::symbol;
  }
  const std::string_view tag = sql_.substr(at_, end + 1 - at_);
  const std::size_t close = sql_.find(tag, end + 1);
  closed_ = close != std::string_view::npos;
  at_ = closed_ ? close + tag.size() : sql_.size();
  return SqlToken::string;
}

// With what may stand behind the digits (1_000, 0x1F, 1e5): all of it is no name.
void SqlLexer::number() {
  while (at_ < sql_.size() && (class_of(sql_[at_]) == digit || sql_[at_] == '.')) ++at_;
  const bool exponent = (peek() | 0x20) == 'e';
  if (exponent && (peek(1) == '+' || peek(1) == '-') && class_of(peek(2)) == digit) {
    at_ += 2;
    while (class_of(peek()) == digit) ++at_;
  } else if (exponent || peek() == '_' || (peek() | 0x20) == 'x' || (peek() | 0x20) == 'o' || (peek() | 0x20) == 'b') {
    std::size_t end = at_ + 1;
    if (end < sql_.size() && class_of(sql_[end]) == digit) {
      while (end < sql_.size() && class_of(sql_[end]) >= letter) ++end;
      at_ = end;
    }
  }
}

std::string guard_colons(std::string_view sql, bool standard_strings) {
  std::string out;
  std::size_t copied = 0;
  SqlLexer lexer(sql, standard_strings);
  SqlToken token = lexer.next();
  while (token.kind != SqlToken::end) {
    const bool colon = token.kind == SqlToken::symbol && sql[token.begin] == ':';
    const std::size_t behind = token.begin + 1;
    token = lexer.next();
    if (!colon || token.kind == SqlToken::end) continue;
    const char c = sql[token.begin];
    if (token.kind == SqlToken::symbol && (c == ':' || c == '=')) {
      token = lexer.next();
      continue;
    }
    if (!(is_name_byte(c) && c != '$') && c != '\'' && c != '"' && c != '{') continue;
    out.append(sql.substr(copied, behind - copied));
    out += ' ';
    copied = behind;
  }
  out.append(sql.substr(copied));
  return out;
}

std::string explicit_strings(std::string_view sql, bool standard_strings) {
  std::string out;
  std::size_t copied = 0;
  SqlLexer lexer(sql, standard_strings);
  for (SqlToken token = lexer.next(); token.kind != SqlToken::end; token = lexer.next()) {
    if (token.kind != SqlToken::string) continue;
    const std::string_view text = token.in(sql);
    // N'' is a word of its own and a literal behind it.
    const std::size_t quote = (text[0] | 0x20) == 'n' ? 1 : 0;
    if (text[quote] != '\'' || text.find('\\') == std::string_view::npos) continue;
    out.append(sql.substr(copied, token.begin + quote - copied));
    if (quote > 0) out.replace(out.size() - quote, quote, "nchar ");
    // What stands before must not become one word with it.
    if (!out.empty() && is_name_byte(out.back())) out += ' ';
    out += 'E';
    for (char c : text.substr(quote)) out.append(c == '\\' && standard_strings ? 2 : 1, c);
    copied = token.begin + token.size;
  }
  out.append(sql.substr(copied));
  return out;
}

}  // namespace lpbm::delta
