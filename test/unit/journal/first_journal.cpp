#include "journal/first_journal.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lpbm::journal {
namespace {

constexpr const char* cid = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH";

std::string line(const std::string& name) {
  return std::string(cid) + ' ' + name + '\n';
}

const std::string sample =
    "added " + line("dump_2022-04-06-01-00-01.sql.enc") + "added " + line("dump_2022-04-06-02-00.sql.enc") +
    line("2022-04-07T14:56:14.326+02:00-full.sql.enc") + line("2022-04-07T12:57:14.326Z-delta.sql.enc") +
    line("2022-04-07T15:00:14.326+02:00-delta.sql.enc") + line("2022-04-08T00:00:00.000+02:00-full.sql.enc") +
    line("2022-04-08T00:01:00.000+02:00-delta.sql.enc");

std::vector<std::uint64_t> plan(std::optional<Micros> until, std::optional<std::uint64_t> entry) {
  std::vector<std::uint64_t> out;
  for (const FirstEntry& one : first_plan(parse_first_journal(sample), until, entry)) out.push_back(one.number);
  return out;
}

std::string cause_of(const std::string& text) {
  try {
    parse_first_journal(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    EXPECT_FALSE(error.hint().empty());
    return error.cause();
  }
  return {};
}

TEST(FirstJournal, IsToldFromOurs) {
  EXPECT_TRUE(is_first_journal(sample));
  EXPECT_TRUE(is_first_journal("\r\n" + std::string("nonsense\r\n") + "x y-delta.sql.enc\r\n"));
  EXPECT_FALSE(is_first_journal("lpbm-journal 1 {}\nx 2022-04-07T14:56:14.326Z-full.sql.enc\n"));
  EXPECT_FALSE(is_first_journal("something else\n"));
  EXPECT_FALSE(is_first_journal(""));
}

TEST(FirstJournal, KnowsNamesOfAllItsVersions) {
  const auto entries = parse_first_journal(sample);
  ASSERT_EQ(entries.size(), 7U);
  EXPECT_EQ(to_iso(entries[0].time, true), "2022-04-06T01:00:01.000Z");
  EXPECT_EQ(to_iso(entries[1].time, true), "2022-04-06T02:00:00.000Z");
  EXPECT_EQ(to_iso(entries[2].time, true), "2022-04-07T12:56:14.326Z");
  EXPECT_EQ(entries[0].kind, Kind::full);
  EXPECT_EQ(entries[2].kind, Kind::full);
  EXPECT_EQ(entries[3].kind, Kind::delta);
  EXPECT_EQ(entries[3].cid, cid);
  EXPECT_EQ(describe(entries[3]), "entry 4 (2022-04-07T12:57:14.326Z-delta.sql.enc)");
}

TEST(FirstJournal, TakesTheLineEndsAndBlanksOfAMail) {
  const auto entries =
      parse_first_journal("\r\n " + std::string(cid) + "\t2022-04-07T12:57:14.326Z-full.sql.enc \r\n\r\n");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].name, "2022-04-07T12:57:14.326Z-full.sql.enc");
}

TEST(FirstJournal, NamesTheLineThatIsWrong) {
  const std::string good = line("2022-04-07T12:57:14.326Z-full.sql.enc");
  EXPECT_EQ(cause_of(good + "\n" + "x 2022-04-07T12:57:14.326Z-delta.sql.enc\n"), "line 3: \"x\" is no CID");
  EXPECT_EQ(cause_of(good + line("2022-13-07T12:57:14.326Z-delta.sql.enc")),
            "line 2: \"2022-13-07T12:57:14.326Z-delta.sql.enc\" is not a time with -full.sql.enc or -delta.sql.enc");
  EXPECT_EQ(cause_of(good + std::string(cid) + "\n"), "line 2: it is not a CID and a name");
  EXPECT_EQ(cause_of(good + good.substr(0, good.size() - 5)).substr(0, 8), "line 2: ") << "a torn last line";
  EXPECT_EQ(cause_of("removed " + good), "line 1: it is not a CID and a name");
  EXPECT_EQ(cause_of(line("dump_2022.sql.enc")),
            "line 1: \"dump_2022.sql.enc\" is not a time with -full.sql.enc or -delta.sql.enc");
}

TEST(FirstPlan, IsTheNewestFullAndWhatFollowsIt) {
  using Numbers = std::vector<std::uint64_t>;
  EXPECT_EQ(plan(std::nullopt, std::nullopt), (Numbers{6, 7}));
  EXPECT_EQ(plan(std::nullopt, 5), (Numbers{3, 4, 5}));
  EXPECT_EQ(plan(std::nullopt, 6), (Numbers{6}));
  EXPECT_EQ(plan(parse_time("2022-04-07 12:59:00Z"), std::nullopt), (Numbers{3, 4}));
  EXPECT_EQ(plan(parse_time("2022-04-07 12:59:00Z"), 3), (Numbers{3}));
  EXPECT_EQ(plan(parse_time("2022-04-06 01:30:00Z"), std::nullopt), (Numbers{1}));
  EXPECT_THROW(plan(parse_time("2022-04-06 00:30:00Z"), std::nullopt), Error);
  EXPECT_THROW(plan(std::nullopt, 8), Error);
  EXPECT_THROW(plan(std::nullopt, 0), Error);
}

}  // namespace
}  // namespace lpbm::journal
