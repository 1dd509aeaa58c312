#include "csvlog/record.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/csvlog/support.h"

namespace lpbm::csvlog {
namespace {

using test::begin_line;
using test::field;
using test::Recorder;

const std::string relation = "R\t7\tpublic\tt\tk\t3\tid\t=\t\ta\\tb\t\ta\tc\tOPERATOR(public.=)\t\n";

std::vector<std::string> parse(const std::string& text, std::size_t step = 1u << 20) {
  Recorder recorder;
  RecordParser parser(recorder);
  parser.reset();
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::size_t zero = 0;
    parser.feed(std::string_view(text).substr(at, step), at == 0 ? &zero : nullptr);
  }
  EXPECT_FALSE(parser.inside_record());
  return recorder.records;
}

std::string every_kind() {
  return begin_line(0x100, 0) + relation + "I\t7\t1\tx\\\\N\ty\n" + "I\t7\t\\N\t\t\\\\\n" + "U\t7\t-\t1\t\\u\t\\N\n" +
         "U\t7\to\t1\tc\\n\t2\tb\t\\u\n" + "D\t7\t1\tc\n" + "u\t7\t-\t1\tbig\t\n" + "d\t7\t1\tc\n" +
         "T\tcr\t2\tpublic\tt\ts 2\tu\\tv\n" +
         "Q\tt\tCREATE TABLE\t\tjoe\t1\tsearch_path\t\"$user\", public\tCREATE TABLE x();\\n-- y\n" + "W\t7\n" +
         "V\t7\ta\\tb\t5\n" + "V\t7\tid\t\\N\n" + "S\tpublic\tq\t-5\tf\n" + "H\tcode\tdetail\\twith tab\n" +
         "N\tt\t16384\tpub\tt\\tx\n" + "N\tl\n" + "A\tabc\n" + "E\t7\n";
}

TEST(Record, EveryKindOfLineIsRead) {
  const std::vector<std::string> records = parse(every_kind());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0],
            "B 0/100 0/0 700 1700000000000000 \n"
            "I public.t [t]1 [t]x\\\\N [t]y\n"
            "I public.t [n] [t] [t]\\\\\n"
            "U public.t [t]1 [u] [n]\n"
            "U public.t old [t]1 [t]c\\n [t]2 [t]b [u]\n"
            "D public.t old [t]1 [t]c\n"
            "U public.t large [t]1 [t]big [t]\n"
            "D public.t old large [t]1 [t]c\n"
            "T cr public.t s 2.u\tv\n"
            "Q t CREATE TABLE  joe search_path=\"$user\", public CREATE TABLE x();\n-- y\n"
            "W public.t\n"
            "V public.t a\tb =5\n"
            "V public.t id null\n"
            "S public.q -5 f\n"
            "H code detail\twith tab\n"
            "N t 16384 pub.t\tx\n"
            "N l 0 .\n"
            "A abc\n"
            "E 7");
}

TEST(Record, TheCutOfFramesDoesNotMatter) {
  const std::string text = every_kind() + begin_line(0x200, 0x100) + relation + "I\t7\t1\t2\t3\nE\t1\n";
  const std::vector<std::string> whole = parse(text);
  ASSERT_EQ(whole.size(), 2U);
  for (std::size_t step = 1; step < 60; ++step) EXPECT_EQ(parse(text, step), whole) << step;
}

TEST(Record, ARelationTellsIdentityColumnsWhereItsFieldsHaveFlags) {
  struct Catch final : Recorder {
    Relation seen;
    void relation(const Relation& relation) override { seen = relation; }
  };
  for (bool flags : {true, false}) {
    Catch handler;
    RecordParser parser(handler);
    const std::size_t zero = 0;
    const std::string text = begin_line(1, 0) + "R\t9\ts\tt\tk\t2\tid\t=" + (flags ? "\ta" : "") + "\tb\t" +
                             (flags ? "\t" : "") + "\nE\t0\n";
    parser.feed(text, &zero);
    ASSERT_EQ(handler.seen.columns.size(), 2U);
    EXPECT_EQ(handler.seen.columns[0].identity_always, flags);
    EXPECT_FALSE(handler.seen.columns[1].identity_always);
    EXPECT_EQ(handler.seen.columns[0].key_operator, "=");
  }
}

TEST(Record, DefinitionsAreForgottenAtABoundary) {
  Recorder recorder;
  RecordParser parser(recorder);
  const std::size_t zero = 0;
  parser.feed(begin_line(1, 0) + relation + "I\t7\t1\t2\t3\nE\t1\n", &zero);
  parser.feed(begin_line(2, 1) + "I\t7\t1\t2\t3\nE\t1\n", nullptr);
  EXPECT_EQ(recorder.records.size(), 2U);
  EXPECT_THROW(parser.feed(begin_line(3, 2) + "I\t7\t1\t2\t3\nE\t1\n", &zero), Error);
}

TEST(Record, AfterAResetReadingBeginsAtABoundary) {
  Recorder recorder;
  RecordParser parser(recorder);
  const std::size_t zero = 0, five = 5;
  parser.feed(begin_line(1, 0) + relation + "I\t7\t1", &zero);
  EXPECT_TRUE(parser.inside_record());
  parser.reset();
  EXPECT_EQ(recorder.abandoned, 1);
  parser.feed("\t2\t3\nE\t1\n", nullptr);
  parser.feed("E\t17\n" + begin_line(2, 1) + "E\t0\n", &five);
  ASSERT_EQ(recorder.records.size(), 1U);
  EXPECT_TRUE(recorder.records[0].starts_with("B 0/2 "));
}

TEST(Record, WhatNoWriterWritesIsRefused) {
  const std::string begin = begin_line(1, 0);
  for (const std::string& bad : {std::string("I\t7\t1\t2\t3\n"),
                                 std::string("E\t0\n"),
                                 begin + begin,
                                 begin + "I\t7\t1\t2\t3\n",
                                 begin + relation + "I\t7\t1\t2\n",
                                 begin + relation + "I\t7\t1\t2\t3\t4\n",
                                 begin + relation + "I\t7\n",
                                 begin + relation + "I\t7\t1\t\\u\t3\n",
                                 begin + relation + "U\t7\tx\t1\t2\t3\n",
                                 begin + relation + "X\t1\n",
                                 begin + relation + "D\tseven\t1\t2\n",
                                 begin + "R\t7\ts\tt\tq\t0\n",
                                 begin + "R\t7\ts\tt\tk\t99999999\n",
                                 begin + "E\t-1\n",
                                 begin + "E\n",
                                 begin + "S\ts\tq\t1;x\tt\n",
                                 begin + "H\tcode\tbad\\q\n",
                                 std::string("B\t0/1\t0/0\t1\t2\n"),
                                 begin + "T\t-\t0\n",
                                 begin + "Q\tx\t\t\t\t0\ttext\n"}) {
    EXPECT_THROW(parse(bad), Error) << bad;
    EXPECT_THROW(parse(bad, 3), Error) << bad;
  }
}

}  // namespace
}  // namespace lpbm::csvlog
