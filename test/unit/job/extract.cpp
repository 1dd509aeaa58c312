#include "job/extract.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/csvlog/support.h"
#include "unit/delta/support.h"

namespace lpbm::job {
namespace {

using csvlog::make_frame;
using csvlog::test::begin_line;
using csvlog::test::csv_line;
using csvlog::test::Directory;
using csvlog::test::key;
using csvlog::test::stream;

std::string record(std::uint64_t lsn, std::uint64_t prev) {
  return begin_line(lsn, prev) + "R\t7\tpublic\tt\tk\t1\tid\t=\t\nI\t7\t" + std::to_string(lsn) + "\nE\t1\n";
}

TEST(Extract, PrintsAllCompleteRecordsAndSaysWhereTheStreamBeginsEndsAndHasGaps) {
  const Directory directory;
  directory.append("a.csv", csv_line("noise") + csv_line(make_frame(key, stream, {1, 0}, 0, record(5, 4))) +
                                csv_line(make_frame(std::string(32, 'x'), stream, {1, 1}, 0, record(6, 5))));
  directory.append("b.csv", csv_line(make_frame(key, stream, {1, 3}, 0, record(8, 7) + "B\t0/9")) + "2026-11-21 torn");
  delta::test::Text out;
  const ExtractReport report = extract({{directory.path}, key}, out);
  const std::vector<std::string> expected = {
      "stream 00112233aabbccdd: begins at 0/5, after 0/4, which is not here",
      "stream 00112233aabbccdd: a gap between 0/5 and 0/8: at least one transaction, which ended at 0/7, is missing",
      "stream 00112233aabbccdd: ends at 0/8, committed 2023-11-14T22:13:20.000000Z, after 2 transactions with 2 rows",
      "1 messages look like records and are not authentic",
      (directory.path / "b.csv").string() + ": the last line is torn, at byte " +
          std::to_string(csv_line(make_frame(key, stream, {1, 3}, 0, record(8, 7) + "B\t0/9")).size())};
  EXPECT_EQ(report.lines, expected);
  EXPECT_EQ(report.gaps, 1U);
  EXPECT_EQ(report.rows, 2U);
  const auto steps = delta::test::steps_of(out.text);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "data 5\n"), 1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "data 6\n"), 0);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "data 8\n"), 1);
}

TEST(Extract, StreamsComeOneAfterAnother) {
  const Directory directory;
  const std::string older = "ffffffffffffffff";
  const std::string early = "B\t0/1\t0/0\t7\t1600000000000000\t\nE\t0\n";
  directory.append("a.csv", csv_line(make_frame(key, stream, {1, 0}, 0, record(1, 0))) +
                                csv_line(make_frame(key, older, {1, 0}, 0, early)));
  delta::test::Text out;
  const ExtractReport report = extract({{directory.path / "a.csv"}, ""}, out);
  EXPECT_EQ(report.streams, 2U);
  EXPECT_LT(out.text.find(older), out.text.find(stream));
}

TEST(Extract, FilesWithoutRecordsAreAnErrorThatSaysWhatWasThere) {
  const Directory directory;
  directory.append("a.csv", csv_line("x") + "not a csvlog line at all\n" + csv_line("y"));
  delta::test::Text out;
  try {
    extract({{directory.path}, key}, out);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    EXPECT_NE(error.cause().find("none in 1 files with 2 csvlog lines"), std::string::npos) << error.cause();
    EXPECT_NE(error.cause().find("a.csv: 1 places are no csvlog lines, the first at byte " +
                                 std::to_string(csv_line("x").size())),
              std::string::npos)
        << error.cause();
  }
  EXPECT_THROW(extract({{directory.path / "missing"}, key}, out), Error);
}

}  // namespace
}  // namespace lpbm::job
