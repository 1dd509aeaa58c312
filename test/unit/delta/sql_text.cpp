#include "delta/sql_text.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "csvlog/escape.h"

namespace lpbm::delta {
namespace {

TEST(SqlText, LiteralsStandOnOneLineAndAreEscapedOnlyWhereNeeded) {
  EXPECT_EQ(literal("plain :x"), "'plain :x'");
  EXPECT_EQ(literal("it's"), "'it''s'");
  EXPECT_EQ(literal("a\\b'c"), "E'a\\\\b''c'");
  EXPECT_EQ(literal("a\nb\tc\vd\x01"), "E'a\\nb\\tc\\013d\\001'");
  EXPECT_EQ(literal(""), "''");
}

TEST(SqlText, IdentifiersAreAlwaysQuoted) {
  EXPECT_EQ(identifier("t"), "\"t\"");
  EXPECT_EQ(identifier("a\"b; DROP"), "\"a\"\"b; DROP\"");
  EXPECT_EQ(identifier("a\nb\\\"c"), "U&\"a\\000Ab\\\\\"\"c\"");
  EXPECT_EQ(identifier("back\\slash"), "\"back\\slash\"");
  EXPECT_EQ(qualified("s", "\x7f"), "\"s\".U&\"\\007F\"");
  EXPECT_EQ(regclass_text("a.b", "c\"d"), "\"a.b\".\"c\"\"d\"");
  EXPECT_THROW(identifier(""), Error);
}

TEST(SqlText, EveryByteIsReadBackFromLiteralsAndIdentifiers) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  for (std::size_t at = 0; at + 3 <= all.size(); ++at) {
    const std::string bytes = all.substr(at, 3) + "'\"\\";
    std::string text = literal(bytes) + "rest", out;
    std::string_view view = text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
    ASSERT_TRUE(take_literal(view, out));
    EXPECT_EQ(out, bytes);
    EXPECT_EQ(view, "rest");
    std::string from_field, field;
    csvlog::escape(bytes, field);
    append_literal_of_field(field, from_field);
    view = from_field;
    ASSERT_TRUE(take_literal(view, out));
    EXPECT_EQ(out, bytes);
    text = identifier(bytes) + " x";
    view = text;
    ASSERT_TRUE(take_identifier(view, out));
    EXPECT_EQ(out, bytes);
    EXPECT_EQ(view, " x");
  }
}

TEST(SqlText, BrokenTextIsNotTaken) {
  for (const char* text :
       {"", "'", "'a", "E'a\\", "E'\\q'", "E'\\40'", "x", "\"a", "U&\"\\00", "U&\"\\0141\"", "U&'a'"}) {
    std::string_view literal_view = text, identifier_view = text;
    std::string out;
    EXPECT_FALSE(take_literal(literal_view, out)) << text;
    EXPECT_FALSE(take_identifier(identifier_view, out)) << text;
  }
  std::string out;
  EXPECT_THROW(append_literal_of_field("a\\q", out), Error);
  EXPECT_THROW(append_literal_of_field("a\\", out), Error);
}

}  // namespace
}  // namespace lpbm::delta
