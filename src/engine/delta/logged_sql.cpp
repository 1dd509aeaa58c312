#include "delta/logged_sql.h"

#include <algorithm>
#include <charconv>

#include "delta/sql_class.h"
#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace

const SqlParameters::Value* SqlParameters::find(std::string_view number) const {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc{} || end != number.data() + number.size() || index == 0 || index > values.size())
    return nullptr;
  return values[index - 1].given ? &values[index - 1] : nullptr;
}

bool is_word(std::string_view word, std::string_view keyword) {
  if (word.size() != keyword.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (lower(word[i]) != keyword[i]) return false;
  return true;
}

std::string folded(std::string_view name) {
  std::string out;
  if (name.size() >= 2 && name.front() == '"') {
    for (std::size_t i = 1; i + 1 < name.size(); ++i) {
      out += name[i];
      if (name[i] == '"') ++i;
    }
    return out;
  }
  for (char c : name) out += lower(c);
  return out;
}

struct LoggedSql::Scan {
  std::size_t begin = 0, end = 0;  // of the statement, up to its last token that is no comment
  std::size_t copied = 0;
  int parentheses = 0, blocks = 0;
  bool broken = false;
  bool colon = false;  // the token before is one that is no part of :: or :=
  std::size_t names = 0;
  std::array<std::string_view, 4> first_names;
  SqlContext context;

  // As psql finds out whether a semicolon is inside of a CREATE FUNCTION ... BEGIN ATOMIC ... END.
  void name(std::string_view text) {
    if (parentheses == 0 && makes_routine()) {
      if (is_word(text, "begin") || (blocks > 0 && is_word(text, "case"))) ++blocks;
      if (blocks > 0 && is_word(text, "end")) --blocks;
    }
    if (names < first_names.size()) first_names[names++] = text;
  }

 private:
  [[nodiscard]] bool makes_routine() const {
    if (names < 2 || !is_word(first_names[0], "create")) return false;
    const std::size_t kind = is_word(first_names[1], "or") ? 3 : 1;
    return kind < names && (is_word(first_names[kind], "function") || is_word(first_names[kind], "procedure"));
  }
};

// What may stand between statements.
bool LoggedSql::is_nothing(const SqlToken& token) const {
  return token.kind == SqlToken::space || (token.kind == SqlToken::comment && token.closed) ||
         (token.kind == SqlToken::symbol && sql_[token.begin] == ';');
}

// Where a literal takes a parameter's place, it must not become one with what stands beside it.
void LoggedSql::parameter(const SqlToken& token, Scan& scan, LoggedStatement& statement) {
  const SqlParameters::Value* value = parameters_->find(sql_.substr(token.begin + 1, token.size - 1));
  if (!value) {
    statement.parameters_missing = true;
    return;
  }
  constexpr std::string_view fine_before = " \t\n(,=", fine_behind = " \t\n),;";
  std::string& out = statement.rendered;
  out.append(sql_.substr(scan.copied, token.begin - scan.copied));
  scan.copied = token.begin + token.size;
  if (out.empty() || fine_before.find(out.back()) == std::string_view::npos) out += ' ';
  if (value->null)
    out += "NULL";
  else
    append_literal(value->text, out);
  if (scan.copied < sql_.size() && fine_behind.find(sql_[scan.copied]) == std::string_view::npos) out += ' ';
}

void LoggedSql::render(const SqlToken& token, Scan& scan, LoggedStatement& statement) {
  const char c = sql_[token.begin];
  if (scan.colon) {
    scan.colon = false;
    if (token.kind == SqlToken::symbol && (c == ':' || c == '=')) return;
    if ((is_name_byte(c) && c != '$') || c == '\'' || c == '"' || c == '{') {
      statement.rendered.append(sql_.substr(scan.copied, token.begin - scan.copied));
      statement.rendered += ' ';
      scan.copied = token.begin;
    }
  } else if (token.kind == SqlToken::symbol && c == ':') {
    scan.colon = true;
  }
  if (token.kind == SqlToken::parameter && parameters_) parameter(token, scan, statement);
}

void LoggedSql::token(const SqlToken& token, Scan& scan, LoggedStatement& statement) {
  if (token.kind == SqlToken::space) {
    scan.colon = false;
    return;
  }
  const std::string_view text = token.in(sql_);
  render(token, scan, statement);
  if (!token.closed) scan.broken = true;
  if (token.kind == SqlToken::comment) return;
  scan.end = token.begin + token.size;
  if (token.kind == SqlToken::symbol) {
    if (text[0] == '(') ++scan.parentheses;
    if (text[0] == ')' && --scan.parentheses < 0) scan.broken = true;
    if (text[0] == '\\') scan.broken = true;
  } else if (token.kind == SqlToken::name) {
    scan.name(text);
  }
  if (statement.word_count < statement.words.size()) statement.words[statement.word_count++] = text;
  scan.context.take(token.kind, text, statement);
}

bool LoggedSql::next(LoggedStatement& statement) {
  Scan scan;
  bool begun = false;
  // A token stays where it was made: a copy would have to wait for its parts.
  while (true) {
    const SqlToken token = lexer_.next();
    if (token.kind == SqlToken::end) break;
    if (!begun) {
      if (is_nothing(token)) continue;
      begun = true;
      statement.reset();
      statement.standard_strings = standard_strings_;
      scan.begin = scan.copied = token.begin;
    }
    if (token.kind == SqlToken::symbol && sql_[token.begin] == ';' && scan.parentheses == 0 && scan.blocks == 0) break;
    this->token(token, scan, statement);
  }
  if (!begun) return false;
  // A comment alone.
  if (scan.end == 0 && !scan.broken) return next(statement);
  if (scan.end < scan.begin) scan.end = sql_.size();
  statement.text = sql_.substr(scan.begin, scan.end - scan.begin);
  if (scan.copied < scan.end) statement.rendered.append(sql_.substr(scan.copied, scan.end - scan.copied));
  statement.runnable =
      !scan.broken && scan.parentheses == 0 && scan.blocks == 0 && statement.text.find('\0') == std::string_view::npos;
  classify(statement, scan.context);
  return true;
}

}  // namespace lpbm::delta
