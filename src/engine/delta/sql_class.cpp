#include "delta/sql_class.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace lpbm::delta {
namespace {

using Kind = LoggedStatement::Kind;

enum class First : std::uint8_t {
  begin,
  commit,
  rollback,
  savepoint,
  release,
  prepare,
  execute,
  deallocate,
  set,
  reset,
  discard,
  neutral,
  maintenance,
  explain,
  cursor,
  select,
  dml,
  copy,
  call,
  definition,
  grant
};

const std::unordered_map<std::string_view, First>& first_words() {
  static const std::unordered_map<std::string_view, First> words{{"begin", First::begin},
                                                                 {"start", First::begin},
                                                                 {"commit", First::commit},
                                                                 {"end", First::commit},
                                                                 {"rollback", First::rollback},
                                                                 {"abort", First::rollback},
                                                                 {"savepoint", First::savepoint},
                                                                 {"release", First::release},
                                                                 {"prepare", First::prepare},
                                                                 {"execute", First::execute},
                                                                 {"deallocate", First::deallocate},
                                                                 {"set", First::set},
                                                                 {"reset", First::reset},
                                                                 {"discard", First::discard},
                                                                 {"show", First::neutral},
                                                                 {"listen", First::neutral},
                                                                 {"notify", First::neutral},
                                                                 {"unlisten", First::neutral},
                                                                 {"lock", First::neutral},
                                                                 {"checkpoint", First::neutral},
                                                                 {"load", First::neutral},
                                                                 {"vacuum", First::neutral},
                                                                 {"analyze", First::neutral},
                                                                 {"analyse", First::neutral},
                                                                 {"wait", First::neutral},
                                                                 {"reindex", First::maintenance},
                                                                 {"explain", First::explain},
                                                                 {"declare", First::cursor},
                                                                 {"fetch", First::cursor},
                                                                 {"move", First::cursor},
                                                                 {"close", First::cursor},
                                                                 {"select", First::select},
                                                                 {"with", First::select},
                                                                 {"values", First::select},
                                                                 {"table", First::select},
                                                                 {"insert", First::dml},
                                                                 {"update", First::dml},
                                                                 {"delete", First::dml},
                                                                 {"merge", First::dml},
                                                                 {"truncate", First::dml},
                                                                 {"copy", First::copy},
                                                                 {"do", First::call},
                                                                 {"call", First::call},
                                                                 {"create", First::definition},
                                                                 {"alter", First::definition},
                                                                 {"drop", First::definition},
                                                                 {"grant", First::grant},
                                                                 {"revoke", First::grant},
                                                                 {"comment", First::grant},
                                                                 {"security", First::grant}};
  return words;
}

bool is_chain(const LoggedStatement& s) {
  for (std::size_t i = 1; i + 1 < s.word_count; ++i)
    if (is_word(s.word(i), "and")) return is_word(s.word(i + 1), "chain");
  return false;
}

void end_of_transaction(LoggedStatement& s, bool commit) {
  s.kind = commit ? Kind::commit : Kind::rollback;
  s.chain = is_chain(s);
  if (is_word(s.word(1), "prepared")) {
    s.kind = commit ? Kind::commit_prepared : Kind::rollback_prepared;
    s.object = s.word(2);
    return;
  }
  for (std::size_t i = 1; !commit && i < s.word_count; ++i)
    if (is_word(s.word(i), "to")) {
      s.kind = Kind::rollback_to;
      s.object = s.word(is_word(s.word(i + 1), "savepoint") && i + 2 < s.word_count ? i + 2 : i + 1);
    }
}

void prepared(LoggedStatement& s) {
  const bool transaction = is_word(s.word(1), "transaction") && s.word_count == 3;
  s.kind = transaction ? Kind::prepare_transaction : Kind::prepare;
  s.object = s.word(transaction ? 2 : 1);
}

void setting(LoggedStatement& s) {
  const std::size_t at = is_word(s.word(1), "local") || is_word(s.word(1), "session") ? 2 : 1;
  s.kind = Kind::set;
  if (is_word(s.word(1), "constraints"))
    s.kind = Kind::supporting;
  else if (is_word(s.word(at), "transaction") || is_word(s.word(at), "characteristics"))
    s.kind = Kind::neutral;
}

// FROM or TO outside of parentheses; for COPY (query) what the query does counts.
void copy(LoggedStatement& s, const SqlContext& context) {
  SqlLexer lexer(s.text, true);
  int depth = 0;
  s.kind = Kind::neutral;
  for (SqlToken token = lexer.next(); token.kind != SqlToken::end; token = lexer.next()) {
    const std::string_view text = token.in(s.text);
    depth += text == "(" ? 1 : text == ")" ? -1 : 0;
    if (depth > 0 || token.kind != SqlToken::name) continue;
    if (is_word(text, "from")) s.kind = Kind::copy_rows;
    if (is_word(text, "from") || is_word(text, "to")) break;
  }
  const bool acts = context.writes() || context.calls() || context.sets_config();
  if (s.kind == Kind::neutral && s.word(1) == "(" && acts) s.kind = Kind::change;
}

void reading(LoggedStatement& s, const SqlContext& context) {
  s.kind = context.writes() || context.calls() ? Kind::change : context.sets_config() ? Kind::set : Kind::neutral;
}

// The name behind DECLARE, or at the end of the others.
void cursor(LoggedStatement& s) {
  s.kind = Kind::cursor;
  const bool whole = s.word_count < s.words.size();
  s.object = is_word(s.word(0), "declare") ? s.word(1) : whole ? s.word(s.word_count - 1) : std::string_view{};
}

bool is_beyond(const LoggedStatement& s) {
  for (std::string_view word : {"database", "tablespace", "system", "subscription", "role", "group"})
    if (is_word(s.word(1), word)) return true;
  return is_word(s.word(1), "user") && !is_word(s.word(2), "mapping");
}

// The word behind EXECUTE, where a table is made of what it returns, or it is explained; else empty.
std::string_view executed(const LoggedStatement& s) {
  for (std::size_t i = 1; i + 1 < s.word_count; ++i)
    if (is_word(s.word(i), "execute")) return s.word(i + 1);
  return {};
}

// Functions in a definition run later, but for those in the query of a table.
void definition(LoggedStatement& s, const SqlContext& context) {
  s.kind = is_beyond(s) ? Kind::beyond : Kind::change;
  const bool creates = is_word(s.word(0), "create");
  bool table = false, name = false;
  for (std::size_t i = 1; i < 4; ++i) {
    if (creates && !name && (is_word(s.word(i), "temp") || is_word(s.word(i), "temporary"))) s.temporary = true;
    if (is_word(s.word(i), "table") || is_word(s.word(i), "materialized")) table = true;
    name = name || table;
  }
  for (std::size_t i = 1; table && creates && i + 2 < s.word_count; ++i) {
    if (!is_word(s.word(i), "as") || !is_word(s.word(i + 1), "execute")) continue;
    s.kind = Kind::execute;
    s.object = s.word(i + 2);
  }
  if (!table || (creates && !context.query())) s.calls = s.volatile_values = s.sets_config = false;
}

void grant(LoggedStatement& s) {
  s.kind = Kind::change;
  s.calls = s.volatile_values = s.sets_config = false;
  bool on = false;
  for (std::size_t i = 1; i < s.word_count; ++i) {
    on = on || is_word(s.word(i), "on");
    if (is_word(s.word(i), "on") && (is_word(s.word(i + 1), "database") || is_word(s.word(i + 1), "tablespace")))
      s.kind = Kind::beyond;
  }
  // Membership in roles has none.
  const bool rights = is_word(s.word(0), "grant") || is_word(s.word(0), "revoke");
  if (rights && !on && s.word_count < s.words.size()) s.kind = Kind::beyond;
}

void explain(LoggedStatement& s, const SqlContext& context) {
  s.kind = Kind::neutral;
  bool runs = false, creates = false;
  for (std::size_t i = 1; i < s.word_count; ++i) {
    runs = runs || is_word(s.word(i), "analyze") || is_word(s.word(i), "analyse");
    creates = creates || is_word(s.word(i), "create") || is_word(s.word(i), "refresh");
  }
  if (!runs) return;
  if (context.writes() || context.calls() || context.sets_config() || creates) s.kind = Kind::change;
  if (executed(s).empty()) return;
  s.kind = Kind::execute;
  s.object = executed(s);
}

// Commands of transactions and of the session; false for others.
bool session_command(LoggedStatement& s, First first) {
  switch (first) {
    case First::begin:
      s.kind = Kind::begin;
      return true;
    case First::commit:
    case First::rollback:
      end_of_transaction(s, first == First::commit);
      return true;
    case First::savepoint:
      s.kind = Kind::savepoint;
      s.object = s.word(1);
      return true;
    case First::release:
      s.kind = Kind::release;
      s.object = s.word(is_word(s.word(1), "savepoint") && s.word_count > 2 ? 2 : 1);
      return true;
    case First::prepare:
      prepared(s);
      return true;
    case First::execute:
      s.kind = Kind::execute;
      s.object = s.word(1);
      return true;
    case First::deallocate:
      s.kind = Kind::deallocate;
      s.object = s.word(is_word(s.word(1), "prepare") && s.word_count > 2 ? 2 : 1);
      return true;
    case First::set:
      setting(s);
      return true;
    case First::reset:
      s.kind = Kind::set;
      return true;
    case First::discard:
      s.kind = Kind::discard;
      return true;
    default:
      return false;
  }
}

void data_command(LoggedStatement& s, First first, const SqlContext& context) {
  switch (first) {
    case First::neutral:
    case First::maintenance:
      s.kind = Kind::neutral;
      break;
    case First::explain:
      explain(s, context);
      break;
    case First::cursor:
      cursor(s);
      break;
    case First::select:
      reading(s, context);
      break;
    case First::copy:
      copy(s, context);
      break;
    case First::call:
      s.kind = Kind::call;
      s.is_do = is_word(s.word(0), "do");
      s.calls = !s.is_do;
      break;
    case First::definition:
      definition(s, context);
      break;
    case First::grant:
      grant(s);
      break;
    default:
      break;
  }
}

}  // namespace

void classify(LoggedStatement& s, const SqlContext& context) {
  std::size_t first = 0;
  while (s.word(first) == "(") ++first;
  const auto found = first_words().find(folded(s.word(first)));
  s.calls = context.calls();
  s.sets_config = context.sets_config();
  s.writes = context.writes();
  // What is not known is taken for something that matters.
  s.kind = Kind::change;
  if (found == first_words().end()) return;
  if (!session_command(s, found->second)) data_command(s, found->second, context);
  s.everyday = s.kind != Kind::change && s.kind != Kind::call && s.kind != Kind::copy_rows && s.kind != Kind::beyond &&
               s.kind != Kind::prepare && s.kind != Kind::execute && found->second != First::maintenance &&
               !is_word(s.word(first), "with") && !context.writes();
}

}  // namespace lpbm::delta
