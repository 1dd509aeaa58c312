#include "delta/sql_lexer.h"

#include <gtest/gtest.h>

namespace lpbm::delta {
namespace {

TEST(SqlLexer, OnlyColonsThatPsqlWouldTakeGetABlank) {
  const std::pair<const char*, const char*> cases[] = {
      {"SELECT a[1:x]", "SELECT a[1: x]"},
      {"SELECT a[b :c]", "SELECT a[b : c]"},
      {"SELECT x::text, y :: int", "SELECT x::text, y :: int"},
      {"v := 1; w :=x", "v := 1; w :=x"},
      {"a[1:2] a[:'x'] a[:\"y\"] a[:{?z}]", "a[1: 2] a[: 'x'] a[: \"y\"] a[: {?z}]"},
      {"a[1:]", "a[1:]"},
      {"':x' \":x\" $$:x$$ $t$:x $$ $t$ E'\\':x' U&':x' -- :x\n:x",
       "':x' \":x\" $$:x$$ $t$:x $$ $t$ E'\\':x' U&':x' -- :x\n: x"},
      {"/* :x /* :x */ :x */:x", "/* :x /* :x */ :x */: x"},
      {"'a''b:x'':x'", "'a''b:x'':x'"},
      {"a$1:x", "a$1: x"},
      {"$1:x$", "$1: x$"},
      {"x$$:y", "x$$: y"},
      {"1.5:x", "1.5: x"},
      {"E'a'\n'\\':x'", "E'a'\n'\\':x'"},
      {":\xc3\xa4", ": \xc3\xa4"},
  };
  for (const auto& [sql, guarded] : cases) EXPECT_EQ(guard_colons(sql, true), guarded) << sql;
}

TEST(SqlLexer, BackslashesCountAsTheSettingSays) {
  EXPECT_EQ(guard_colons("'\\' :x'", true), "'\\' : x'");
  EXPECT_EQ(guard_colons("'\\' :x'", false), "'\\' :x'");
}

TEST(SqlLexer, ExplicitLiteralsMeanTheSameWhateverTheSettingSays) {
  const char* const as_it_is = R"(SELECT 'a', E'\n', U&'\0041', $$\$$, "\", B'1')";
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {as_it_is, as_it_is, as_it_is},
      {R"(('a\\b''c'))", R"((E'a\\\\b''c'))", R"((E'a\\b''c'))"},
      {"'a'\n'\\\\'", "E'a'\n'\\\\\\\\'", "E'a'\n'\\\\'"},
      {R"(N'\\', as'\\')", R"(nchar E'\\\\', as E'\\\\')", R"(nchar E'\\', as E'\\')"},
  };
  for (const auto& [sql, of_standard, of_other] : cases) {
    EXPECT_EQ(explicit_strings(sql, true), of_standard) << sql;
    EXPECT_EQ(explicit_strings(sql, false), of_other) << sql;
  }
}

TEST(SqlLexer, UnfinishedTextIsNoTrouble) {
  for (const char* sql : {"'", "\"", "E'\\", "$a$", "$a", "/*", "--", ":", "U&", "$"})
    EXPECT_EQ(guard_colons(sql, true), sql) << sql;
}

}  // namespace
}  // namespace lpbm::delta
