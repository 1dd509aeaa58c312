#include "delta/sql_lexer.h"

#include <cctype>

namespace lpbm::delta {
namespace {

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

bool is_name(char c) {
  return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

class Lexer {
 public:
  Lexer(std::string_view sql, bool standard_strings) : sql_(sql), standard_(standard_strings) {}

  std::string guarded() {
    while (at_ < sql_.size()) step();
    out_.append(sql_.substr(copied_));
    return std::move(out_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  void step() {
    const char c = peek();
    if (c == '\'') return quoted('\'', !standard_);
    if (c == '"') return quoted('"', false);
    if (c == '-' && peek(1) == '-') return line_comment();
    if (c == '/' && peek(1) == '*') return block_comment();
    if (c == '$') return dollar();
    if (c == ':') return colon();
    if (is_name_start(c)) return name();
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) return digits();
    ++at_;
  }

  void quoted(char quote, bool backslashes) {
    ++at_;
    while (at_ < sql_.size()) {
      const char c = sql_[at_++];
      if (backslashes && c == '\\' && at_ < sql_.size())
        ++at_;
      else if (c == quote && peek() == quote)
        ++at_;
      else if (c == quote && !continues(quote))
        return;
    }
  }

  // A literal goes on in another one on a later line, with the same rules.
  bool continues(char quote) {
    if (quote != '\'') return false;
    const std::size_t next = sql_.find_first_not_of(" \t\n\r\f\v", at_);
    if (next == std::string_view::npos || sql_[next] != '\'') return false;
    if (sql_.substr(at_, next - at_).find_first_of("\n\r") == std::string_view::npos) return false;
    at_ = next + 1;
    return true;
  }

  void line_comment() {
    while (at_ < sql_.size() && sql_[at_] != '\n' && sql_[at_] != '\r') ++at_;
  }

  void block_comment() {
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
  }

  // $tag$ ... $tag$, or a parameter.
  void dollar() {
    std::size_t end = at_ + 1;
    if (end < sql_.size() && is_name_start(sql_[end]))
      while (end < sql_.size() && is_name(sql_[end])) ++end;
    if (end >= sql_.size() || sql_[end] != '$') {
      ++at_;
      return;
    }
    const std::string_view tag = sql_.substr(at_, end + 1 - at_);
    const std::size_t close = sql_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? sql_.size() : close + tag.size();
  }

  void colon() {
    if (peek(1) == ':' || peek(1) == '=') {
      at_ += 2;
      return;
    }
    ++at_;
    if (!is_name(peek()) && peek() != '\'' && peek() != '"' && peek() != '{') return;
    out_.append(sql_.substr(copied_, at_ - copied_));
    out_ += ' ';
    copied_ = at_;
  }

  // A name, and the prefixes of literals: E'' has backslashes whatever the setting says, U&'' none.
  void name() {
    const char c = peek();
    if ((c == 'E' || c == 'e') && peek(1) == '\'') {
      ++at_;
      return quoted('\'', true);
    }
    if ((c == 'U' || c == 'u') && peek(1) == '&' && (peek(2) == '\'' || peek(2) == '"')) {
      at_ += 2;
      return quoted(peek(), false);
    }
    if ((c == 'B' || c == 'b' || c == 'X' || c == 'x') && peek(1) == '\'') {
      ++at_;
      return quoted('\'', false);
    }
    while (at_ < sql_.size() && (is_name(sql_[at_]) || sql_[at_] == '$')) ++at_;
  }

  void digits() {
    while (at_ < sql_.size() && (std::isdigit(static_cast<unsigned char>(sql_[at_])) != 0 || sql_[at_] == '.')) ++at_;
  }

  std::string_view sql_;
  bool standard_;
  std::size_t at_ = 0, copied_ = 0;
  std::string out_;
};

}  // namespace

std::string guard_colons(std::string_view sql, bool standard_strings) {
  return Lexer(sql, standard_strings).guarded();
}

}  // namespace lpbm::delta
