#include "delta/proof.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "unit/delta/support.h"

namespace lpbm::delta::test {
namespace {

Proof sample() {
  return {16402, "public", "t", {"id", "v"}, "", 3, std::string(64, 'a')};
}

bool is_refused(const std::string& text) {
  try {
    parse_proof(text);
    return false;
  } catch (const Error&) {
    return true;
  }
}

TEST(Proof, is_read_as_it_was_written_whatever_the_names_are) {
  for (const std::string name : {"t", "a b", "a\"b", "a,b", "a.b", "new\nline", "cr\r", " ", "\\", "ä"}) {
    Proof proof = sample();
    proof.schema = proof.name = name;
    proof.columns = {name, name + name, "last"};
    const std::string text = proof_text(proof);
    EXPECT_EQ(text.find_first_of("\r\n"), std::string::npos);
    const Proof read = parse_proof(text);
    EXPECT_EQ(proof_text(read), text);
    EXPECT_EQ(read.columns, proof.columns);
    EXPECT_EQ(read.name, name);
    EXPECT_EQ(read.rows, 3u);
  }
}

TEST(Proof, a_table_may_have_no_columns) {
  Proof proof = sample();
  proof.columns.clear();
  EXPECT_TRUE(parse_proof(proof_text(proof)).columns.empty());
  EXPECT_EQ(copy_of(proof), R"(COPY "public"."t" TO STDOUT)");
  EXPECT_EQ(copy_of(sample()), R"(COPY "public"."t" ("id","v") TO STDOUT)");
}

TEST(Proof, of_a_slice_has_a_condition) {
  Proof proof = sample();
  for (const char* condition : {R"(("id") > ('7'))", "line\nbreak", "a ' WHERE b", "\\"}) {
    proof.condition = condition;
    const std::string text = proof_text(proof);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(parse_proof(text).condition, condition);
    EXPECT_TRUE(is_refused(text.substr(0, text.size() - 1)));
    EXPECT_TRUE(is_refused(text + ' '));
  }
  EXPECT_TRUE(is_refused(proof_text(sample()) + " WHERE "));
  EXPECT_TRUE(is_refused(proof_text(sample()) + " WHERE ''"));
  proof.condition = R"(("id") > ('7'))";
  EXPECT_EQ(copy_of(proof), R"(COPY (SELECT "id","v" FROM ONLY "public"."t" WHERE ("id") > ('7')) TO STDOUT)");
}

TEST(Proof, anything_else_is_refused) {
  const std::string text = proof_text(sample());
  ASSERT_FALSE(is_refused(text));
  const std::size_t without_columns = text.size() - std::string(R"("id","v")").size();
  for (std::size_t size = 0; size < without_columns; ++size)
    EXPECT_TRUE(is_refused(text.substr(0, size))) << text.substr(0, size);
  EXPECT_TRUE(is_refused(text + ' '));
  EXPECT_TRUE(is_refused('x' + text));
  std::string bad_sum = text;
  bad_sum[bad_sum.find("aaa")] = 'A';
  EXPECT_TRUE(is_refused(bad_sum));
}

TEST(Proof, stands_behind_the_last_transaction_and_is_handed_on_unless_that_is_skipped) {
  Text out;
  ScriptWriter writer({"{}", "UTF8", {}}, out);
  writer.begin({Lsn::parse("0/10"), {}, 7, 1, ""});
  writer.sequence("public", "s", "1", true);
  writer.end(0);
  writer.prove(sample());
  writer.finish();
  const std::string step = "proof " + proof_text(sample());
  EXPECT_EQ(steps_of(out.text).back(), step);
  EXPECT_EQ(steps_of(out.text, Lsn::parse("0/F")).back(), step);
  for (const std::string& one : steps_of(out.text, Lsn::parse("0/10"))) EXPECT_NE(one, step);
}

}  // namespace
}  // namespace lpbm::delta::test
