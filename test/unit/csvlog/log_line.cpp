#include "csvlog/log_line.h"

#include <gtest/gtest.h>

#include <cstring>

#include "unit/csvlog/statement_support.h"
#include "unit/csvlog/support.h"

namespace lpbm::csvlog {
namespace {

using test::csv_line;

struct Reading {
  std::vector<std::string> messages;  // with the number of their line
  LogLineTotals totals;
  bool whole = false;
};

Reading read(std::string_view text, std::size_t step = SIZE_MAX, std::size_t limit = LogLineReader::default_limit) {
  Reading out;
  std::string scratch;
  LogLineReader reader(
      [&](const LogLine& line) {
        out.messages.push_back(std::to_string(line.number) + (line.cut ? " cut " : " ") +
                               std::string(line.value(LogColumn::message, scratch)));
      },
      limit);
  for (std::size_t at = 0; at < text.size(); at += std::min(step, text.size() - at)) {
    const std::size_t count = std::min(step, text.size() - at);
    std::memcpy(reader.space(count), text.data() + at, count);
    reader.commit(count);
  }
  out.whole = reader.finish();
  out.totals = reader.totals();
  return out;
}

using Messages = std::vector<std::string>;

TEST(LogLine, HasAllItsColumnsUnescapedWhereAskedFor) {
  const std::string text = test::log_line({.session = "ab.c",
                                           .user = "a\"b",
                                           .database = "x,y",
                                           .message = "say \"a\"\n,",
                                           .detail = "more",
                                           .context = "c",
                                           .query = "q",
                                           .local = "7",
                                           .number = 3});
  LogLineReader reader([&](const LogLine& line) {
    std::string scratch;
    EXPECT_EQ(line.value(LogColumn::user, scratch), "a\"b");
    EXPECT_EQ(line.raw(LogColumn::user), "a\"\"b");
    EXPECT_EQ(line.value(LogColumn::message, scratch), "say \"a\"\n,");
    EXPECT_EQ(line.raw(LogColumn::database), "x,y");
    EXPECT_EQ(line.raw(LogColumn::session), "ab.c");
    EXPECT_EQ(line.raw(LogColumn::session_line), "3");
    EXPECT_EQ(line.raw(LogColumn::virtual_transaction), "3/7");
    EXPECT_EQ(line.raw(LogColumn::severity), "LOG");
    EXPECT_EQ(line.raw(LogColumn::detail), "more");
    EXPECT_EQ(line.raw(LogColumn::context), "c");
    EXPECT_EQ(line.raw(LogColumn::query), "q");
    EXPECT_TRUE(line.empty(LogColumn::hint));
  });
  std::memcpy(reader.space(text.size()), text.data(), text.size());
  reader.commit(text.size());
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(reader.totals().lines, 1U);
}

TEST(LogLine, IsReadAlikeHoweverItsBytesCome) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  const std::string text = csv_line("first") + csv_line("a\nb\"\"c") + csv_line(all) + csv_line("") + csv_line("last");
  const Messages expected{"1 first", "2 a\nb\"\"c", "4 " + all, "6 ", "7 last"};
  for (std::size_t step : {1, 2, 7, 64, 100000}) {
    const Reading reading = read(text, step);
    EXPECT_EQ(reading.messages, expected) << step;
    EXPECT_TRUE(reading.whole);
    EXPECT_EQ(reading.totals.unreadable, 0U);
  }
}

TEST(LogLine, OfEachServerVersionHasItsNumberOfColumns) {
  for (int columns = 23; columns <= 26; ++columns) EXPECT_EQ(read(csv_line("x", columns)).messages, Messages{"1 x"});
  for (int columns : {22, 27}) EXPECT_TRUE(read(csv_line("x", columns)).messages.empty()) << columns;
}

TEST(LogLine, BehindWhatIsNoLineIsFoundAgain) {
  const std::string torn = csv_line("x \"y\" z,\n2026-11-21 01:48:34 UTC, no line\nend");
  for (std::size_t cut = 1; cut < torn.size(); ++cut) {
    Messages found =
        read(csv_line("one") + torn.substr(0, cut) + csv_line("lost") + csv_line("two") + csv_line("three")).messages;
    ASSERT_GE(found.size(), 3U) << cut;
    EXPECT_EQ(found.front(), "1 one") << cut;
    EXPECT_EQ(found.back().substr(found.back().find(' ')), " three") << cut;
    EXPECT_EQ(found[found.size() - 2].substr(found[found.size() - 2].find(' ')), " two") << cut;
  }
  const Reading unbalanced = read(csv_line("a") + "2026-11-21 01:48:34.123 UTC,\"user,,,\n" + csv_line("b"));
  EXPECT_EQ(unbalanced.messages, (Messages{"1 a", "3 b"}));
  EXPECT_EQ(unbalanced.totals.unreadable, 1U);
  EXPECT_EQ(unbalanced.totals.first_unreadable, 2U);
  const std::string line = csv_line("torn\nline");
  for (std::size_t cut = 1; cut < line.size(); ++cut)
    EXPECT_FALSE(read(csv_line("a") + line.substr(0, cut)).whole) << cut;
}

TEST(LogLine, ThatIsTooLongIsHandedOnCutAndTheNextOneWhole) {
  std::string huge(300000, 'q');
  for (std::size_t at = 0; at < huge.size(); at += 99) huge[at] = at % 2 == 0 ? '"' : '\n';
  for (std::size_t step : {1000, 4099}) {
    const Reading reading = read(csv_line("a") + csv_line(huge) + csv_line("b"), step, 100000);
    ASSERT_EQ(reading.messages.size(), 3U) << step;
    EXPECT_TRUE(reading.messages[1].starts_with("2 cut \"qqq"));
    const auto newlines = std::count(huge.begin(), huge.end(), '\n');
    EXPECT_EQ(reading.messages[2], std::to_string(3 + newlines) + " b") << step;
    EXPECT_EQ(reading.totals.unreadable, 0U);
  }
}

}  // namespace
}  // namespace lpbm::csvlog
