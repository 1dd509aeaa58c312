#include "delta/set_config.h"

#include <algorithm>
#include <array>

#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

struct Word {
  SqlToken::Kind kind = SqlToken::end;
  std::string_view text;
};

// The statement without blanks and comments, and a place in it. Beyond its end there are empty words.
class Words {
 public:
  Words(std::string_view sql, bool standard_strings) {
    SqlLexer lexer(sql, standard_strings);
    for (SqlToken token = lexer.next(); token.kind != SqlToken::end; token = lexer.next())
      if (token.kind != SqlToken::space && token.kind != SqlToken::comment)
        words_.push_back({token.kind, token.in(sql)});
  }
  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] const Word& at(std::size_t index) const {
    static const Word none;
    return index < words_.size() ? words_[index] : none;
  }
  [[nodiscard]] bool is(std::size_t index, std::string_view keyword) const { return is_word(at(index).text, keyword); }
  [[nodiscard]] bool is_name(std::size_t index) const {
    return at(index).kind == SqlToken::name || at(index).kind == SqlToken::quoted_name;
  }

 private:
  std::vector<Word> words_;
};

struct Value {
  enum Type : std::uint8_t { text, number, truth, null, other };
  Type type = other;
  std::string literal;      // as SQL, to be read the same whatever the settings are
  bool made_truth = false;  // '1'::bool: its text is true, not 1

  void become(Type to) {
    if (type == null && to != other) return;
    const bool kept = to == text || (to == number && type == number) || to == truth;
    made_truth = made_truth || (to == truth && type != truth);
    type = kept && !(to == text && made_truth) ? to : other;
  }
};

// The type behind `::`, as far as it is known here.
Value::Type take_type(const Words& words, std::size_t& at) {
  if (words.is(at, "pg_catalog") && words.at(at + 1).text == ".") at += 2;
  if (words.is(at, "character") && words.is(at + 1, "varying")) ++at;
  Value::Type to = Value::other;
  for (std::string_view name : {"text", "varchar", "varying"})
    if (words.is(at, name)) to = Value::text;
  for (std::string_view name : {"int", "integer", "int4", "bigint", "int8"})
    if (words.is(at, name)) to = Value::number;
  if (words.is(at, "bool") || words.is(at, "boolean")) to = Value::truth;
  ++at;
  return words.at(at).text == "(" || words.at(at).text == "[" ? Value::other : to;
}

bool is_whole_number(const Word& word) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return word.kind == SqlToken::number && (word.text.size() == 1 || (word.text[0] != '0' && word.text.size() < 10)) &&
         std::all_of(word.text.begin(), word.text.end(), digit);
}

bool take_constant(const Words& words, std::size_t& at, bool standard_strings, Value& out);

// ('x'), CAST('x' AS text)
bool take_enclosed(const Words& words, std::size_t& at, bool standard_strings, Value& out) {
  const bool cast = words.is(at, "cast");
  at += cast ? 2 : 1;
  if (!take_constant(words, at, standard_strings, out)) return false;
  if (cast) {
    if (!words.is(at, "as") || !(words.is(at + 1, "text") || words.is(at + 1, "varchar"))) return false;
    at += 2;
    out.become(Value::text);
  }
  return words.at(at++).text == ")";
}

// A constant: 'x', NULL, true, 5::text, ('x')::text, CAST('x' AS text); `at` is then behind it.
bool take_constant(const Words& words, std::size_t& at, bool standard_strings, Value& out) {
  const Word& word = words.at(at);
  if (word.text == "(" || (words.is(at, "cast") && words.at(at + 1).text == "(")) {
    if (!take_enclosed(words, at, standard_strings, out)) return false;
  } else {
    const bool truth = words.is(at, "true") || words.is(at, "false");
    if (word.kind == SqlToken::string)
      out = {Value::text, explicit_strings(word.text, standard_strings), false};
    else if (truth || is_whole_number(word))
      out = {truth ? Value::truth : Value::number, literal(folded(word.text)), false};
    else if (words.is(at, "null"))
      out.type = Value::null;
    else
      return false;
    ++at;
  }
  while (out.type != Value::other && words.at(at).text == ":" && words.at(at + 1).text == ":") {
    at += 2;
    out.become(take_type(words, at));
  }
  return out.type != Value::other;
}

// The text of a literal; false where it is written in a way that is not read here.
bool text_of(const Value& value, std::string& out) {
  std::string_view rest = value.literal;
  return value.type == Value::text && take_literal(rest, out) && rest.empty();
}

// As PostgreSQL's parse_bool() takes it.
bool take_truth(const Value& value, bool& out) {
  std::string text;
  if (value.type == Value::null) {
    out = false;
    return true;
  }
  std::string_view rest = value.literal;
  if (!take_literal(rest, text) || !rest.empty()) return false;
  text = folded(text);
  const auto begins = [&](std::string_view word) { return !text.empty() && word.starts_with(text); };
  out = begins("true") || begins("yes") || text == "on" || text == "1";
  return out || begins("false") || begins("no") || text == "off" || text == "of" || text == "0";
}

class Reader {
 public:
  explicit Reader(const LoggedStatement& s) : words_(s.rendered, s.standard_strings), standard_(s.standard_strings) {
    plain_ = words_.is(0, "select");
    int depth = 0;
    static constexpr std::array<std::string_view, 16> clauses{
        "from",  "where", "group",  "having", "window", "union",  "intersect", "except",
        "order", "limit", "offset", "fetch",  "for",    "select", "into",      "case"};
    for (std::size_t i = 1; i < words_.size(); ++i) {
      depth += words_.at(i).text == "(" ? 1 : words_.at(i).text == ")" ? -1 : 0;
      if (depth == 0 && words_.at(i).kind == SqlToken::name)
        for (std::string_view clause : clauses) plain_ = plain_ && !words_.is(i, clause);
    }
  }

  SettingChanges read() {
    int depth = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      depth += words_.at(i).text == "(" ? 1 : words_.at(i).text == ")" ? -1 : 0;
      if (words_.is_name(i) && folded(words_.at(i).text) == "set_config" && words_.at(i + 1).text == "(")
        call(i, depth == 0);
    }
    return std::move(out_);
  }

 private:
  // `at`: the function's name.
  void call(std::size_t at, bool outermost) {
    std::size_t before = at;
    if (before >= 2 && words_.at(before - 1).text == ".") {
      if (folded(words_.at(before - 2).text) != "pg_catalog") return;
      before -= 2;
    }
    const bool item = before == 1 || words_.at(before - 1).text == ",";
    std::size_t end = at + 2;
    SettingChange change;
    bool known = arguments(end, change);
    if (known && is_neutral_setting(change.name)) return;
    if (known) out_.changes.push_back(std::move(change));
    out_.unknown = out_.unknown || !known || !plain_ || !outermost || !item || !ends_item(end);
  }

  // Nothing is made of the result, but for its name and its type.
  [[nodiscard]] bool ends_item(std::size_t at) const {
    if (words_.at(at).text == ":" && words_.at(at + 1).text == ":") at += 3;
    if (words_.is(at, "as")) ++at;
    if (words_.is_name(at)) ++at;
    return at >= words_.size() || words_.at(at).text == ",";
  }

  // `at`: behind the parenthesis; then behind the closing one.
  bool arguments(std::size_t& at, SettingChange& change) {
    Value name, value, local;
    if (!take_constant(words_, at, standard_, name) || !text_of(name, change.name)) return false;
    change.name = setting_name(change.name);
    // What does not change what statements mean may have any value.
    if (is_neutral_setting(change.name)) return true;
    if (words_.at(at++).text != "," || !take_constant(words_, at, standard_, value)) return false;
    if (words_.at(at++).text != "," || !take_constant(words_, at, standard_, local)) return false;
    if (words_.at(at++).text != ")" || !take_truth(local, change.local)) return false;
    if (value.type != Value::text && value.type != Value::null) return false;
    if (value.type == Value::text)
      change.statement = "SELECT pg_catalog.set_config(" + literal(change.name) + ", " + value.literal + ", false)";
    return true;
  }

  Words words_;
  bool standard_;
  bool plain_ = true;  // SELECT with a list of expressions and nothing else
  SettingChanges out_;
};

}  // namespace

SettingChanges config_changes(const LoggedStatement& statement) {
  return Reader(statement).read();
}

}  // namespace lpbm::delta
