#include "csvlog/csv.h"

#include <gtest/gtest.h>

#include <cstring>

#include "unit/csvlog/support.h"

namespace lpbm::csvlog {
namespace {

using test::csv_line;

std::vector<std::string> messages(std::string_view text, std::size_t step = 0, CsvTotals* totals = nullptr,
                                  std::uint64_t* offset = nullptr) {
  std::vector<std::string> out;
  CsvReader reader(0, [&](std::string_view message, std::uint64_t, std::uint64_t) {
    out.emplace_back(message);
    return true;
  });
  if (step == 0) step = text.size() + 1;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::size_t count = std::min(step, text.size() - at);
    std::memcpy(reader.space(count), text.data() + at, count);
    reader.commit(count);
  }
  if (totals) *totals = reader.totals();
  if (offset) *offset = reader.offset();
  return out;
}

TEST(Csv, AMessageHoldsEveryByteThatACsvlogCanHold) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  const std::string tricky = "\"a\",\n\r\n\"\",,\" \"x\" \n2026-11-21 01:48:34.123 UTC,\"b\"\n" + all;
  const std::string text = csv_line("first") + csv_line(tricky) + csv_line("") + csv_line("\n") + csv_line("last");
  const std::vector<std::string> expected{"first", tricky, "", "\n", "last"};
  CsvTotals totals;
  EXPECT_EQ(messages(text, 0, &totals), expected);
  EXPECT_EQ(totals.lines, 5U);
  EXPECT_EQ(totals.unreadable, 0U);
  for (std::size_t step : {1, 2, 7, 64}) EXPECT_EQ(messages(text, step), expected) << step;
}

TEST(Csv, LinesOfOlderServersHaveFewerColumns) {
  for (int columns = 23; columns <= 26; ++columns)
    EXPECT_EQ(messages(csv_line("x", columns)), std::vector<std::string>{"x"}) << columns;
  for (int columns : {22, 27}) EXPECT_TRUE(messages(csv_line("x", columns)).empty()) << columns;
}

TEST(Csv, AHugeFieldIsSkippedAndTheNextLineRead) {
  std::string huge(5 << 20, 'q');
  for (std::size_t at = 0; at < huge.size(); at += 99) huge[at] = '"';
  const std::string text = csv_line("a") + csv_line(huge) + csv_line("b");
  EXPECT_EQ(messages(text), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(messages(text, 70001), (std::vector<std::string>{"a", "", "b"}));
}

TEST(Csv, AFieldOfTheLargestSizeThatARecordHasIsKept) {
  const std::string large(140000, '"');
  EXPECT_EQ(messages(csv_line(large)), std::vector<std::string>{large});
}

TEST(Csv, ATornLastLineIsNoErrorAndReadWhenItIsWhole) {
  const std::string line = csv_line("torn \"line\"\nof two");
  const std::string before = csv_line("a");
  for (std::size_t cut = 0; cut < line.size(); ++cut) {
    CsvTotals totals;
    std::uint64_t offset = 0;
    EXPECT_EQ(messages(before + line.substr(0, cut), 0, &totals, &offset), std::vector<std::string>{"a"});
    EXPECT_EQ(totals.unreadable, 0U) << cut;
    EXPECT_EQ(offset, before.size()) << cut;
  }
}

TEST(Csv, AfterALineThatWasCutReadingGoesOnAtTheNextWholeLine) {
  const std::string torn = csv_line("x \"y\" z,\n2026-11-21 01:48:34 UTC, no line\nend");
  const std::vector<std::string> whole{"one", "two", "three", "four"};
  for (std::size_t cut = 1; cut < torn.size(); ++cut) {
    // Cut short, and the next line runs into it.
    const std::string text = csv_line("one") + torn.substr(0, cut) + csv_line("lost") + csv_line("two") +
                             csv_line("three") + csv_line("four");
    std::vector<std::string> read = messages(text);
    std::erase_if(read, [](const std::string& m) { return m == "lost" || m.find("no line") != std::string::npos; });
    ASSERT_GE(read.size(), 3U) << cut;
    EXPECT_EQ(read.front(), "one") << cut;
    EXPECT_EQ(read.back(), "four") << cut;
    EXPECT_EQ(read[read.size() - 2], "three") << cut;
    // Its begin is missing.
    const std::string late = torn.substr(cut) + csv_line("two") + csv_line("three");
    read = messages(late);
    std::erase_if(read, [](const std::string& m) { return m.find("no line") != std::string::npos; });
    EXPECT_EQ(read, (std::vector<std::string>{"two", "three"})) << cut;
  }
}

TEST(Csv, AnUnbalancedQuoteSwallowsOnlyItsOwnLine) {
  CsvTotals totals;
  const std::string broken = "2026-11-21 01:48:34.123 UTC,\"user,,,\n";
  EXPECT_EQ(messages(csv_line("a") + broken + csv_line("b") + csv_line("c"), 0, &totals),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(totals.unreadable, 1U);
  EXPECT_EQ(totals.first_unreadable, csv_line("a").size());
}

TEST(Csv, GarbageBehindALineDoesNotCostTheLine) {
  EXPECT_EQ(messages(csv_line("a") + "garbage, \"with\" things\n" + csv_line("b")),
            (std::vector<std::string>{"a", "b"}));
}

// They go past libcsv: that must make no difference.
TEST(Csv, OurOwnMessagesAreReadAsAllOthers) {
  const std::string quotes = "lpbm1 \"a\"\"\n2026-11-21 01:48:34.123 UTC,\"\n,\",\"lpbm1 \"";
  const std::string large = "lpbm1 " + std::string(65600, '"'), too_large = "lpbm1 " + std::string(300000, '"');
  const std::vector<std::string> expected{quotes, "x,\"lpbm1 y", large, "lpbm1 ", too_large, quotes};
  std::string text;
  for (const std::string& message : expected) text += csv_line(message);
  for (std::size_t step : {0, 1000, 4099}) EXPECT_EQ(messages(text, step), expected) << step;
  const std::string line = csv_line(quotes);
  for (std::size_t cut = 1; cut < line.size(); ++cut) {
    std::uint64_t offset = 0;
    CsvTotals totals;
    EXPECT_TRUE(messages(line.substr(0, cut), 0, &totals, &offset).empty());
    EXPECT_EQ(offset, 0U);
    EXPECT_EQ(totals.unreadable, 0U);
    const std::string torn = line.substr(0, cut) + csv_line("lost") + csv_line("lpbm1 kept") + csv_line("last");
    const std::vector<std::string> read = messages(torn);
    ASSERT_GE(read.size(), 2U) << cut;
    EXPECT_EQ(read.back(), "last") << cut;
    EXPECT_EQ(read[read.size() - 2], "lpbm1 kept") << cut;
  }
  for (std::size_t step : {1, 3}) EXPECT_EQ(messages(line + line, step), (std::vector<std::string>{quotes, quotes}));
}

TEST(Csv, WhereALineEndsDoesNotDependOnHowTheBytesCome) {
  const std::string first = csv_line("a\n\nb"), second = csv_line("c");
  const std::string text = first + "\n\n" + second;
  for (const std::size_t step : {text.size(), std::size_t{1}, std::size_t{7}}) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    CsvReader reader(0, [&](std::string_view, std::uint64_t begin, std::uint64_t end) {
      places.emplace_back(begin, end);
      return true;
    });
    for (std::size_t at = 0; at < text.size(); at += step) {
      const std::size_t count = std::min(step, text.size() - at);
      std::memcpy(reader.space(count), text.data() + at, count);
      reader.commit(count);
    }
    EXPECT_EQ(places,
              (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, first.size()}, {first.size(), text.size()}}))
        << step;
  }
}

TEST(Csv, OffsetsSayWhereEachLineBeginsAndEnds) {
  const std::vector<std::string> lines{csv_line("a\nb"), csv_line("c"), csv_line(std::string(300000, 'd'))};
  std::string text;
  for (const std::string& line : lines) text += line;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  CsvReader reader(1000, [&](std::string_view, std::uint64_t begin, std::uint64_t end) {
    places.emplace_back(begin, end);
    return places.size() < 2;
  });
  std::memcpy(reader.space(text.size()), text.data(), text.size());
  EXPECT_FALSE(reader.commit(text.size()));
  const std::uint64_t first = 1000 + lines[0].size();
  EXPECT_EQ(places,
            (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1000, first}, {first, first + lines[1].size()}}));
  EXPECT_EQ(reader.offset(), first + lines[1].size());
}

}  // namespace
}  // namespace lpbm::csvlog
