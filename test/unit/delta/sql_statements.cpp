#include "delta/sql_statements.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lpbm::delta {
namespace {

// Hands out `step` bytes at a time.
class Slices final : public Source {
 public:
  Slices(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t got = text_.copy(buffer, std::min(size, step_), at_);
    at_ += got;
    return got;
  }

 private:
  std::string text_;
  std::size_t step_, at_ = 0;
};

using Statements = std::vector<std::string>;

Statements split(const std::string& text, bool standard_strings = true) {
  Statements out;
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    Slices source(text, step);
    SqlStatements reader(source);
    Statements found;
    for (std::string statement; reader.next(statement, standard_strings);) found.push_back(statement);
    if (step > 1) {
      EXPECT_EQ(found, out) << "how the bytes come makes no difference";
    }
    out = found;
  }
  return out;
}

TEST(SqlStatements, end_at_semicolons_that_are_no_part_of_anything) {
  EXPECT_EQ(split("a 1;b\n2 ;; \n-- none; here\n/* nor; /* here; */ ; */ c"), (Statements{"a 1", "b\n2 ", "c"}));
  EXPECT_EQ(split("s ';' ';''' \";\"\";\" -- ;'\n x; t"), (Statements{"s ';' ';''' \";\"\";\" -- ;'\n x", "t"}));
  EXPECT_EQ(split("f $$;$$ $a$;$$;$b$;$a$; g $1;h a$b$;c$d$;"),
            (Statements{"f $$;$$ $a$;$$;$b$;$a$", "g $1", "h a$b$", "c$d$"}));
  EXPECT_EQ(split("").size(), 0U);
  EXPECT_EQ(split(" ; ;\n-- x").size(), 0U);
}

TEST(SqlStatements, know_when_a_backslash_escapes) {
  EXPECT_EQ(split(R"(a '\';b;)"), (Statements{R"(a '\')", "b"}));
  EXPECT_EQ(split(R"(a '\';b'; c)", false), (Statements{R"(a '\';b')", "c"}));
  EXPECT_EQ(split(R"(a E'\';b' || e'\\'; c)"), (Statements{R"(a E'\';b' || e'\\')", "c"}));
  EXPECT_EQ(split(R"(a U&'\'; b B'\'; c)", false), (Statements{R"(a U&'\')", R"(b B'\')", "c"}));
  EXPECT_EQ(split("a E'x'\n  '\\';y'; b"), (Statements{"a E'x'\n  '\\';y'", "b"}));
  EXPECT_EQ(split("a E'x' -- z\n  '\\';y'; b"), (Statements{"a E'x' -- z\n  '\\';y'", "b"}));
}

TEST(SqlStatements, are_whole_with_semicolons_in_parentheses_and_atomic_bodies) {
  EXPECT_EQ(split("CREATE RULE r AS ON INSERT TO t DO ALSO (a; b); c"),
            (Statements{"CREATE RULE r AS ON INSERT TO t DO ALSO (a; b)", "c"}));
  const std::string routine =
      "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN b END; SELECT 1; END";
  EXPECT_EQ(split(routine + "; BEGIN; x; END; y"), (Statements{routine, "BEGIN", "x", "END", "y"}));
}

TEST(SqlStatements, know_that_begin_may_be_a_name) {
  const std::string named = "CREATE FUNCTION public.begin() RETURNS int LANGUAGE sql AS $$SELECT 1$$";
  const std::string used =
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT b.begin, b.finish FROM b; SELECT 1; END";
  EXPECT_EQ(split(named + "; " + used + "; x"), (Statements{named, used, "x"}));
}

TEST(SqlStatements, pass_over_what_pg_dump_writes_for_psql) {
  EXPECT_EQ(split("--\n\\restrict abc\n\nSELECT 1;\n\\unrestrict abc\n"), (Statements{"SELECT 1"}));
  EXPECT_EQ(split("\\connect x\nSELECT 1;"), (Statements{"\\connect x\nSELECT 1"}));
}

TEST(SqlStatements, that_are_not_closed_are_handed_on) {
  EXPECT_EQ(split("a; b 'c; d"), (Statements{"a", "b 'c; d"}));
  EXPECT_EQ(split("a; b $x$ c; d $"), (Statements{"a", "b $x$ c; d $"}));
}

TEST(SqlStatements, tell_their_line) {
  Slices source("\n-- c\na\n;\n\n/* x\n */ b '\n';c", 3);
  SqlStatements reader(source);
  std::vector<std::uint64_t> lines;
  for (std::string statement; reader.next(statement, true);) lines.push_back(reader.line());
  EXPECT_EQ(lines, (std::vector<std::uint64_t>{3, 7, 8}));
}

TEST(SqlStatements, give_the_rows_of_a_copy) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    Slices source("COPY t FROM stdin;\n1;\t'\n\\.x\n2\n\\.\nSELECT 1; COPY u FROM stdin;\n3\n", step);
    SqlStatements reader(source);
    std::string statement, rows;
    const auto take = [&](std::string_view slice) { rows.append(slice); };
    ASSERT_TRUE(reader.next(statement, true));
    reader.copy_data(take);
    EXPECT_EQ(rows, "1;\t'\n\\.x\n2\n");
    ASSERT_TRUE(reader.next(statement, true));
    EXPECT_EQ(statement, "SELECT 1");
    ASSERT_TRUE(reader.next(statement, true));
    EXPECT_THROW(reader.copy_data(take), Error);
  }
}

}  // namespace
}  // namespace lpbm::delta
