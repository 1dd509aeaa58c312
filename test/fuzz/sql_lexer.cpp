// Tokens are all of a text and no more; with parameters filled in and colons guarded the tokens are the same but for
// those; what was guarded needs no more guarding;
// and explicit literals are read the same with either setting.
#include "delta/sql_lexer.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "delta/logged_sql.h"
#include "delta/session_settings.h"

namespace {

using lpbm::delta::SqlLexer;
using lpbm::delta::SqlToken;

struct Read {
  SqlToken::Kind kind;
  std::string text;
};

std::vector<Read> tokens(std::string_view sql, bool standard) {
  std::vector<Read> out;
  std::size_t at = 0;
  SqlLexer lexer(sql, standard);
  for (SqlToken token = lexer.next(); token.kind != SqlToken::end; token = lexer.next()) {
    if (token.begin != at || token.size == 0) std::abort();
    at += token.size;
    if (token.kind != SqlToken::space && token.kind != SqlToken::comment)
      out.push_back({token.kind, std::string(token.in(sql))});
  }
  if (at != sql.size()) std::abort();
  return out;
}

// Whatever the setting says then, the same is read.
void check_explicit(std::string_view sql, bool standard) {
  const std::string text = lpbm::delta::explicit_strings(sql, standard);
  const std::vector<Read> on = tokens(text, true), off = tokens(text, false);
  if (on.size() != off.size()) std::abort();
  for (std::size_t i = 0; i < on.size(); ++i)
    if (on[i].kind != off[i].kind || on[i].text != off[i].text) std::abort();
  if (lpbm::delta::explicit_strings(text, true) != text || lpbm::delta::explicit_strings(text, false) != text)
    std::abort();
}

void check_rendered(const lpbm::delta::LoggedStatement& statement, bool standard,
                    const lpbm::delta::SqlParameters& parameters) {
  const std::vector<Read> before = tokens(statement.text, standard), after = tokens(statement.rendered, standard);
  // Two literals in a row are no SQL, and would become one.
  for (std::size_t i = 0; i + 1 < before.size(); ++i)
    if ((before[i].kind == SqlToken::parameter && before[i + 1].kind == SqlToken::string) ||
        (before[i].kind == SqlToken::string && before[i + 1].kind == SqlToken::parameter) ||
        (before[i].kind == SqlToken::parameter && before[i + 1].kind == SqlToken::parameter))
      return;
  if (before.size() != after.size()) std::abort();
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto* value =
        before[i].kind == SqlToken::parameter ? parameters.find(std::string_view(before[i].text).substr(1)) : nullptr;
    if (!value && (before[i].kind != after[i].kind || before[i].text != after[i].text)) std::abort();
    if (value && after[i].text != (value->null ? "NULL" : "E'it''s $2 \\\\ :x'")) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  for (const bool standard : {true, false}) {
    tokens(sql, standard);
    check_explicit(sql, standard);
    const std::string guarded = lpbm::delta::guard_colons(sql, standard);
    if (lpbm::delta::guard_colons(guarded, standard) != guarded) std::abort();
    lpbm::delta::SqlParameters parameters;
    parameters.values.resize(2);
    parameters.values[0] = {true, false, "it's $2 \\ :x"};
    parameters.values[1] = {true, true, ""};
    lpbm::delta::LoggedSql statements(sql, standard, &parameters);
    for (lpbm::delta::LoggedStatement statement; statements.next(statement);) {
      if (statement.runnable) check_rendered(statement, standard, parameters);
      if (statement.kind == lpbm::delta::LoggedStatement::set || statement.sets_config)
        lpbm::delta::setting_changes(statement);
    }
  }
  return 0;
}
