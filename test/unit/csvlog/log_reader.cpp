#include "csvlog/log_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "unit/csvlog/support.h"

namespace lpbm::csvlog {
namespace {

using test::begin_line;
using test::csv_line;
using test::Directory;
using test::FrameWriter;
using test::key;
using test::Recorder;
using test::stream;

const std::string relation = "R\t7\tpublic\tt\tk\t1\tid\t=\t\n";

std::string small_record(std::uint64_t lsn, std::uint64_t prev) {
  return begin_line(lsn, prev) + relation + "I\t7\t" + std::to_string(lsn) + "\nE\t1\n";
}

LogOptions options_for(const Directory& directory, std::uint64_t after = 0) {
  LogOptions options;
  options.directory = directory.path;
  options.stream = stream;
  options.key = key;
  options.after = Lsn{after};
  options.patience = std::chrono::milliseconds(0);
  return options;
}

// The frames of a run with records [from, to], each a frame of its own.
FrameWriter run_of(std::uint64_t run, std::uint64_t from, std::uint64_t to) {
  FrameWriter writer(run, 65536);
  for (std::uint64_t lsn = from; lsn <= to; ++lsn) {
    writer.record(small_record(lsn, lsn - 1));
    writer.flush();
  }
  return writer;
}

std::string lines_of(const FrameWriter& writer, std::size_t from = 0, std::size_t to = SIZE_MAX) {
  std::string out;
  for (std::size_t i = from; i < std::min(to, writer.frames.size()); ++i) out += csv_line(writer.frames[i]);
  return out;
}

std::size_t count_read(const LogOptions& options) {
  Recorder recorder;
  read_log(options, recorder);
  return recorder.records.size();
}

ErrorKind error_of(const LogOptions& options) {
  try {
    count_read(options);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::usage;
}

// --- what is read and what is not

TEST(LogReader, NoiseCopiesAndForgeriesHaveNoEffect) {
  const Directory directory;
  const FrameWriter writer = run_of(1, 1, 5);
  std::string edited = writer.frames[3];
  edited[edited.size() - 5] = '9';
  const std::string forged = make_frame(std::string(32, 'x'), stream, {1, 3}, 0, small_record(4, 3));
  const std::string other = make_frame(key, "ffffffffffffffff", {9, 9}, 0, small_record(99, 98));
  directory.append("a.csv", csv_line("noise \"with\"\nlines") + lines_of(writer, 0, 3) + csv_line(writer.frames[1]) +
                                csv_line(edited) + csv_line(forged) + csv_line(other) + lines_of(writer, 3) +
                                lines_of(writer));
  directory.append("notes.txt", lines_of(run_of(2, 6, 7)));
  LogOptions options = options_for(directory);
  options.fence = FramePosition{1, 4};
  Recorder recorder;
  read_log(options, recorder);
  ASSERT_EQ(recorder.records.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_NE(recorder.records[i].find("[t]" + std::to_string(i + 1) + "\n"), std::string::npos);
}

TEST(LogReader, FilesAreReadByContentNotByName) {
  const Directory directory;
  const FrameWriter writer = run_of(1, 1, 9);
  directory.append("z.csv", lines_of(writer, 0, 2));
  directory.append("a.csv", lines_of(writer, 2, 5) + csv_line("x"));
  // A name that came round again: an old part and a new one.
  directory.append("z.csv", lines_of(writer, 7, 9));
  directory.append("m.csv", lines_of(writer, 5, 7));
  EXPECT_EQ(count_read(options_for(directory)), 9U);
}

TEST(LogReader, ARecordAcrossARotationIsWhole) {
  const Directory directory;
  FrameWriter writer(1, 20);
  writer.record(small_record(1, 0));
  writer.record(small_record(2, 1));
  writer.flush();
  for (std::size_t i = 0; i < writer.frames.size(); ++i)
    directory.append(std::to_string(i % 2 ? i : 90 - i) + ".csv", csv_line(writer.frames[i]));
  EXPECT_EQ(count_read(options_for(directory)), 2U);
}

TEST(LogReader, RepeatedRecordsOfALaterRunAreDropped) {
  const Directory directory;
  const FrameWriter first = run_of(1, 1, 6), second = run_of(2, 4, 9);
  directory.append("a.csv", lines_of(first, 0, 6) + lines_of(second));
  EXPECT_EQ(count_read(options_for(directory)), 9U);
  EXPECT_EQ(count_read(options_for(directory, 5)), 4U);
}

TEST(LogReader, AnUnfinishedRecordIsGivenUpAndReadFromTheNextRun) {
  const Directory directory;
  FrameWriter first(1, 16);
  first.record(small_record(1, 0));
  first.record(small_record(2, 1));
  first.flush();
  directory.append("a.csv", lines_of(first, 0, first.frames.size() - 1) + lines_of(run_of(2, 2, 3)));
  Recorder recorder;
  read_log(options_for(directory), recorder);
  EXPECT_EQ(recorder.records.size(), 3U);
  EXPECT_EQ(recorder.abandoned, 1);
}

TEST(LogReader, ATornEndIsReadWhenTheRestHasCome) {
  const Directory directory;
  const std::string text = lines_of(run_of(1, 1, 3));
  directory.append("a.csv", text.substr(0, text.size() - 20));
  LogOptions options = options_for(directory);
  EXPECT_EQ(count_read(options), 2U);
  options.fence = FramePosition{1, 2};
  options.patience = std::chrono::seconds(20);
  std::thread writer([&] { directory.append("a.csv", text.substr(text.size() - 20)); });
  EXPECT_EQ(count_read(options), 3U);
  writer.join();
}

TEST(LogReader, AFileThatIsMadeWhileWaitingIsRead) {
  const Directory directory;
  const FrameWriter frames = run_of(1, 1, 6);
  directory.append("a.csv", lines_of(frames, 0, 2));
  LogOptions options = options_for(directory);
  options.fence = FramePosition{1, 5};
  options.patience = std::chrono::seconds(20);
  std::thread writer([&] {
    directory.append("b.csv", lines_of(frames, 2, 4));
    directory.append("c.csv", lines_of(frames, 4));
  });
  EXPECT_EQ(count_read(options), 6U);
  writer.join();
}

// --- stopping

TEST(LogReader, ReadingEndsAtTheFence) {
  const Directory directory;
  directory.append("a.csv", lines_of(run_of(1, 1, 6)));
  LogOptions options = options_for(directory);
  options.fence = FramePosition{1, 3};
  EXPECT_EQ(count_read(options), 4U);
}

TEST(LogReader, StopEndsTheReadingAfterARecordEvenInsideOfAFrame) {
  const Directory directory;
  FrameWriter writer(1, 65536);
  for (std::uint64_t lsn = 1; lsn <= 5; ++lsn) writer.record(begin_line(lsn, lsn - 1) + "E\t0\n");
  writer.flush();
  directory.append("a.csv", lines_of(writer));
  Recorder recorder;
  read_log(options_for(directory), recorder, [&] { return recorder.records.size() == 3; });
  EXPECT_EQ(recorder.records.size(), 3U);
}

TEST(LogReader, FilesSayWhatTheyHoldAndWhetherTheyWereReadWhole) {
  const Directory directory;
  const FrameWriter writer = run_of(1, 1, 6);
  directory.append("b.csv", lines_of(writer, 0, 2) + csv_line("noise"));
  directory.append("a.csv", lines_of(writer, 2, 4) + csv_line("x"));
  directory.append("c.csv", csv_line("nothing of ours"));
  LogOptions options = options_for(directory);
  options.fence = FramePosition{1, 3};
  Recorder recorder;
  std::vector<LogFile> files = read_log(options, recorder);
  std::erase_if(files, [](const LogFile& file) { return file.last.run == 0; });
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path.filename(), "b.csv");
  EXPECT_EQ(files[0].first, (FramePosition{1, 0}));
  EXPECT_EQ(files[0].last, (FramePosition{1, 1}));
  EXPECT_TRUE(files[0].whole);
  EXPECT_EQ(files[1].last, (FramePosition{1, 3}));
  EXPECT_FALSE(files[1].whole);
  directory.append("b.csv", "2026-11-21 torn");
  files = read_log(options_for(directory), recorder);
  for (const LogFile& file : files) EXPECT_EQ(file.whole, file.path.filename() != "b.csv") << file.path;
}

TEST(LogReader, TheBridgeBeginsAtAFrameWhateverComesFirst) {
  const Directory directory;
  const FrameWriter writer = run_of(1, 1, 9);
  directory.append("a.csv", lines_of(writer, 0, 6));
  LogOptions options = options_for(directory);
  options.check_links = false;
  options.from = {1, 4};
  EXPECT_EQ(count_read(options), 2U);
}

// --- what is missing

TEST(LogReader, AFenceThatDoesNotComeIsToldAsSuch) {
  const Directory directory;
  directory.append("a.csv", lines_of(run_of(1, 1, 3)));
  LogOptions options = options_for(directory);
  options.fence = FramePosition{1, 3};
  EXPECT_EQ(error_of(options), ErrorKind::fence);
  options.fence = FramePosition{1, 1};
  options.after = Lsn{0};
  EXPECT_EQ(count_read(options), 2U);
}

TEST(LogReader, AFrameMissingBeforeTheFenceMeansWriteAgain) {
  for (std::size_t missing = 0; missing < 5; ++missing) {
    const Directory directory;
    FrameWriter writer(1, 30);
    writer.record(small_record(1, 0));
    writer.record(small_record(2, 1));
    writer.flush();
    ASSERT_GE(writer.frames.size(), 5U);
    writer.frames.erase(writer.frames.begin() + static_cast<std::ptrdiff_t>(missing));
    directory.append("a.csv", lines_of(writer));
    LogOptions options = options_for(directory);
    options.fence = writer.positions.back();
    if (missing > 0) {
      EXPECT_EQ(error_of(options), ErrorKind::fence) << missing;
    }
    // Written again, all is well.
    directory.append("a.csv", lines_of(run_of(2, 1, 2)));
    options.fence = FramePosition{2, 1};
    EXPECT_EQ(count_read(options), 2U) << missing;
  }
}

TEST(LogReader, WhatWasFencedAndIsMissingIsAGap) {
  const Directory directory;
  const FrameWriter first = run_of(1, 1, 6);
  // Records 4 to 6 are gone; the next run goes on behind them, so they had been fenced.
  directory.append("a.csv", lines_of(first, 0, 3));
  directory.append("b.csv", lines_of(run_of(2, 7, 8)));
  LogOptions options = options_for(directory);
  options.fence = FramePosition{2, 1};
  EXPECT_EQ(error_of(options), ErrorKind::gap);
  options.fence.reset();
  EXPECT_EQ(error_of(options), ErrorKind::gap);
  options.check_links = false;
  EXPECT_EQ(count_read(options), 5U);
}

TEST(LogReader, OldFramesMayBeMissingWhereTheirRecordsAreKnown) {
  const Directory directory;
  const FrameWriter writer = run_of(1, 1, 9);
  directory.append("a.csv", lines_of(writer, 0, 2));
  directory.append("b.csv", lines_of(writer, 5));
  LogOptions options = options_for(directory, 7);
  options.fence = FramePosition{1, 8};
  EXPECT_EQ(count_read(options), 2U);
  options.after = Lsn{9};
  EXPECT_EQ(count_read(options), 0U);
  options.after = Lsn{4};
  EXPECT_EQ(error_of(options), ErrorKind::fence);
}

// --- hints

TEST(LogReader, HintsSpareReadingWhatIsKnownAndNothingElse) {
  const Directory directory;
  const FrameWriter writer = run_of(1, 1, 9);
  directory.append("a.csv", lines_of(writer, 0, 4) + csv_line("x"));
  LogOptions options = options_for(directory);
  std::vector<LogHint> hints;
  options.new_hints = &hints;
  EXPECT_EQ(count_read(options), 4U);
  ASSERT_EQ(hints.size(), 1U);
  EXPECT_EQ(hints[0].offset, lines_of(writer, 0, 4).size());
  EXPECT_EQ(hints[0].lsn, Lsn{4});
  options.hints = hints_of_json(hints_to_json(hints));
  options.new_hints = nullptr;
  directory.append("a.csv", lines_of(writer, 4));
  // A hint is used only where what it skips is not wanted.
  EXPECT_EQ(count_read(options), 9U);
  options.after = Lsn{4};
  EXPECT_EQ(count_read(options), 5U);
  // Overwritten where the hint lies, but for the size: it must not be believed.
  const std::string other = lines_of(run_of(2, 5, 9));
  std::filesystem::resize_file(directory.path / "a.csv", 0);
  directory.append("a.csv", other + std::string(9, '\n') + csv_line("x") + other);
  EXPECT_EQ(count_read(options), 5U);
}

TEST(LogReader, HintsThatAreNoneAreNoError) {
  for (const char* text : {"", "{", "[1]", "{}", "[{\"path\":\"zz\"}]", "null", "[{\"path\":\"61\",\"inode\":-1}]"})
    EXPECT_TRUE(hints_of_json(text).empty()) << text;
}

// --- everything at once

TEST(LogReader, WhateverHappensToTheLogAllRecordsAreReadOnceInOrder) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const auto up_to = [&](std::size_t n) { return static_cast<std::size_t>(random() % (n + 1)); };
    const Directory directory;
    const std::size_t total = 5 + up_to(40);
    std::vector<std::string> texts;
    for (std::size_t lsn = 1; lsn <= total; ++lsn) {
      std::string text = begin_line(lsn, lsn - 1) + relation;
      const std::size_t rows = up_to(6);
      for (std::size_t row = 0; row < rows; ++row) {
        std::string value;
        for (std::size_t i = up_to(200); i > 0; --i) value += static_cast<char>(1 + up_to(254));
        text += "I\t7" + test::field(value) + '\n';
      }
      texts.push_back(text + "E\t" + std::to_string(rows) + '\n');
    }
    // Runs: each begins where the last fence was and may be cut off anywhere; the last one is whole.
    std::vector<std::string> lines;
    std::uint64_t run = 0;
    FramePosition fence;
    for (std::size_t fenced = 0; fenced < total;) {
      FrameWriter writer(++run, 20 + up_to(2000));
      std::size_t at = fenced;
      for (const std::size_t until = fenced + 1 + up_to(total - fenced - 1); at < until; ++at) {
        writer.record(texts[at]);
        if (up_to(3) == 0) writer.flush();
      }
      writer.flush();
      const bool crash = up_to(2) == 0 && run < 50;
      const std::size_t kept = crash ? up_to(writer.frames.size()) : writer.frames.size();
      for (std::size_t i = 0; i < kept; ++i) {
        lines.push_back(csv_line(writer.frames[i]));
        if (up_to(5) == 0) lines.push_back(csv_line(writer.frames[up_to(i)]));
        if (up_to(5) == 0) lines.push_back(csv_line("noise, \"" + writer.frames[i]));
        if (up_to(9) == 0) lines.push_back(csv_line(make_frame("wrong", stream, {run, i + 1}, 0, texts[0])));
        if (up_to(9) == 0) lines.push_back(csv_line(make_frame(key, "aaaaaaaaaaaaaaaa", {run, i + 1}, 0, texts[0])));
      }
      if (crash && up_to(1) == 0) {
        const std::string torn = csv_line("torn \"line");
        lines.push_back(torn.substr(0, up_to(torn.size())) + '\n');
      }
      if (crash) continue;
      fenced = at;
      fence = writer.positions.back();
    }
    std::string name = "f";
    for (const std::string& line : lines) {
      directory.append(name + ".csv", line);
      if (up_to(9) == 0) name = "f" + std::to_string(random());
    }
    directory.append(name + ".csv", "2026-11-21 01:48:34.123 UTC,\"torn");
    LogOptions options = options_for(directory);
    options.fence = fence;
    Recorder recorder, expected;
    RecordParser parser(expected);
    for (const std::string& text : texts) {
      const std::size_t zero = 0;
      parser.feed(text, &zero);
    }
    read_log(options, recorder);
    ASSERT_EQ(recorder.records, expected.records) << "seed " << seed;
  }
}

}  // namespace
}  // namespace lpbm::csvlog
