#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "csvlog/escape.h"
#include "delta/script_reader.h"
#include "delta/script_writer.h"
#include "unit/delta/support.h"

namespace lpbm::delta {
namespace {

using test::script_of;
using test::Steps;
using test::steps_of;
using test::Text;
using test::TextSource;

std::string begin_line(std::uint64_t lsn, std::uint64_t xid = 700) {
  return "B\t" + Lsn{lsn}.text() + '\t' + Lsn{lsn - 1}.text() + '\t' + std::to_string(xid) + "\t1700000000000000\t\n";
}

// Key id, then a and b.
const std::string keyed = "R\t7\tpublic\tt\tk\t3\tid\t=\t\ta\t\t\tb\t\t\n";
const std::string full = "R\t8\tpublic\tf\tf\t2\ta\t\t\tb\t\t\n";
const std::string always = "R\t9\tpublic\tg\tk\t2\tid\t\ta\tk\t=\t\n";

// The steps of one record with these lines, without its head.
std::vector<std::string> steps_in(const std::string& lines, int rows) {
  std::vector<std::string> steps = steps_of(script_of(begin_line(0x100) + lines + "E\t" + std::to_string(rows) + '\n'));
  EXPECT_EQ(steps[0], "manifest {\"site\":\"x\"}");
  EXPECT_EQ(steps[1], "tx 0/100 700 1700000000000000");
  EXPECT_EQ(steps[2], "begin");
  EXPECT_EQ(steps.back(), "commit");
  return {steps.begin() + 3, steps.end() - 1};
}

using Expected = std::vector<std::string>;

// --- rows

TEST(Script, RunsOfInsertsAreCopyBlocks) {
  EXPECT_EQ(steps_in(keyed + "I\t7\t1\ta\\tb\t\\N\nI\t7\t2\t\t\\\\.\nW\t7\nI\t7\t3\tx\ty\n", 3),
            (Expected{"COPY \"public\".\"t\" (\"id\",\"a\",\"b\") FROM stdin;", "data 1\ta\\tb\t\\N\n2\t\t\\\\.\n",
                      "rows 2", "DELETE FROM ONLY \"public\".\"t\";",
                      "COPY \"public\".\"t\" (\"id\",\"a\",\"b\") FROM stdin;", "data 3\tx\ty\n", "rows 1"}));
}

TEST(Script, AnUpdateSetsWhatIsNotItsUnchangedKeyAndNotUnchangedToast) {
  EXPECT_EQ(
      steps_in(keyed + "U\t7\t-\t1\tx'\t\\N\nU\t7\t-\t2\ty\tz\nU\t7\t-\t3\t\\u\tq\n", 3),
      (Expected{
          "prepare s1: UPDATE ONLY \"public\".\"t\" SET \"a\" = $1, \"b\" = $2 WHERE \"id\" OPERATOR(pg_catalog.=) $3",
          "execute s1 [x'] null [1]", "execute s1 [y] [z] [2]",
          "prepare s2: UPDATE ONLY \"public\".\"t\" SET \"b\" = $1 WHERE \"id\" OPERATOR(pg_catalog.=) $2",
          "execute s2 [q] [3]"}));
}

TEST(Script, AChangedKeyIsFoundByItsOldValue) {
  EXPECT_EQ(steps_in(keyed + "U\t7\to\t1\t2\tx\t\\n\n", 1),
            (Expected{"prepare s1: UPDATE ONLY \"public\".\"t\" SET \"id\" = $1, \"a\" = $2, \"b\" = $3 WHERE \"id\" "
                      "OPERATOR(pg_catalog.=) $4",
                      "execute s1 [2] [x] [\n] [1]"}));
}

TEST(Script, ADeleteGoesByTheKeyWithItsOwnOperator) {
  EXPECT_EQ(steps_in("R\t7\ts\tt\tk\t2\tk\tOPERATOR(public.=)\tc\ttext\nD\t7\t1\t(2,3)\n", 1),
            (Expected{"prepare s1: DELETE FROM ONLY \"s\".\"t\" WHERE \"k\" OPERATOR(public.=) $1 AND "
                      "pg_catalog.format('%s', \"c\") OPERATOR(pg_catalog.=) $2",
                      "execute s1 [1] [(2,3)]"}));
}

TEST(Script, WithoutAKeyARowIsFoundByTheTextOfAllItsColumns) {
  const std::string match =
      "ctid OPERATOR(pg_catalog.=) (SELECT x.ctid FROM ONLY \"public\".\"f\" AS x WHERE "
      "(CASE WHEN pg_catalog.num_nulls(x.\"a\") OPERATOR(pg_catalog.=) 0 THEN pg_catalog.format('%s', x.\"a\") "
      "OPERATOR(pg_catalog.=) $N ELSE $N IS NULL END) AND "
      "(CASE WHEN pg_catalog.num_nulls(x.\"b\") OPERATOR(pg_catalog.=) 0 THEN pg_catalog.format('%s', x.\"b\") "
      "OPERATOR(pg_catalog.=) $M ELSE $M IS NULL END) "
      "LIMIT 1)";
  const auto with = [&](const char* n, const char* m) {
    std::string out = match;
    for (const auto& [place, number] : {std::pair("$N", n), std::pair("$M", m)})
      for (int i = 0; i < 2; ++i) out.replace(out.find(place), 2, number);
    return out;
  };
  EXPECT_EQ(steps_in(full + "D\t8\t1\t\\N\nU\t8\to\t1\t2\t1\t3\n", 2),
            (Expected{"prepare s1: DELETE FROM ONLY \"public\".\"f\" WHERE " + with("$1", "$2"), "execute s1 [1] null",
                      "prepare s2: UPDATE ONLY \"public\".\"f\" SET \"b\" = $1 WHERE " + with("$2", "$3"),
                      "execute s2 [3] [1] [2]"}));
}

TEST(Script, AnIdentityColumnThatIsGeneratedAlwaysIsSetByReplacingTheRow) {
  EXPECT_EQ(steps_in(always + "U\t9\t-\t5\tk\n", 1),
            (Expected{"prepare s1: WITH o AS (DELETE FROM ONLY \"public\".\"g\" WHERE \"k\" OPERATOR(pg_catalog.=) $2 "
                      "RETURNING *) INSERT INTO "
                      "\"public\".\"g\" (\"id\",\"k\") OVERRIDING SYSTEM VALUE SELECT $1, o.\"k\" FROM o",
                      "execute s1 [5] [k]"}));
  const std::string in_key = "R\t9\tpublic\tg\tk\t2\tid\t=\ta\tv\t\t\n";
  EXPECT_EQ(steps_in(in_key + "U\t9\t-\t5\tv\nU\t9\to\t5\t5\tw\n", 2),
            (Expected{"prepare s1: UPDATE ONLY \"public\".\"g\" SET \"v\" = $1 WHERE \"id\" OPERATOR(pg_catalog.=) $2",
                      "execute s1 [v] [5]", "execute s1 [w] [5]"}));
  EXPECT_EQ(
      steps_in("R\t9\tpublic\tg\tk\t1\tid\t=\t\nU\t9\t-\t5\n", 1),
      (Expected{"prepare s1: UPDATE ONLY \"public\".\"g\" SET \"id\" = \"id\" WHERE \"id\" OPERATOR(pg_catalog.=) $1",
                "execute s1 [5]"}));
  EXPECT_EQ(steps_in("R\t9\tpublic\tg\tk\t1\tid\t=\ta\nU\t9\t-\t5\n", 1), Expected{});
}

TEST(Script, ALargeRowIsStaged) {
  EXPECT_EQ(
      steps_in(keyed + "u\t7\to\t1\t2\tbig\t\\u\nd\t7\t2\n", 2),
      (Expected{"CREATE TEMPORARY TABLE pg_temp.lpbm_stage AS SELECT \"id\" AS o1, \"id\" AS n1, \"a\" AS n2, \"b\" AS "
                "n3 FROM ONLY \"public\".\"t\" WITH NO DATA;",
                "COPY pg_temp.lpbm_stage (o1,n1,n2,n3) FROM stdin;", "data 1\t2\tbig\t\\N\n",
                "UPDATE ONLY \"public\".\"t\" AS t SET \"id\" = s.n1, \"a\" = s.n2 FROM pg_temp.lpbm_stage AS s WHERE "
                "t.\"id\" OPERATOR(pg_catalog.=) s.o1;",
                "rows 1", "DROP TABLE pg_temp.lpbm_stage;",
                "CREATE TEMPORARY TABLE pg_temp.lpbm_stage AS SELECT \"id\" AS o1 FROM ONLY \"public\".\"t\" WITH NO "
                "DATA;",
                "COPY pg_temp.lpbm_stage (o1) FROM stdin;", "data 2\n",
                "DELETE FROM ONLY \"public\".\"t\" AS t USING pg_temp.lpbm_stage AS s WHERE t.\"id\" "
                "OPERATOR(pg_catalog.=) s.o1;",
                "rows 1", "DROP TABLE pg_temp.lpbm_stage;"}));
}

TEST(Script, AChangedDefinitionIsPreparedAnew) {
  const std::string other = "R\t7\tpublic\tt\tk\t2\tid\t=\t\tc\t\t\n";
  EXPECT_EQ(steps_in(keyed + "D\t7\t1\n" + keyed + "D\t7\t2\n" + other + "D\t7\t3\n", 3),
            (Expected{"prepare s1: DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" OPERATOR(pg_catalog.=) $1",
                      "execute s1 [1]", "execute s1 [2]",
                      "prepare s2: DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" OPERATOR(pg_catalog.=) $1",
                      "execute s2 [3]"}));
}

// --- everything else

TEST(Script, DdlRunsAsItsRoleWithItsSettings) {
  const std::string ddl =
      "Q\tt\tCREATE TABLE\t\tjo\"e\t2\tsearch_path\t\"$user\", public\tdefault_x\tv\tCREATE TABLE x(a int[1:y]) -- "
      "end\n";
  EXPECT_EQ(
      steps_in(keyed + "D\t7\t1\n" + ddl + "D\t7\t2\n", 2),
      (Expected{"prepare s1: DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" OPERATOR(pg_catalog.=) $1",
                "execute s1 [1]",
                "ddl t <> <SELECT pg_catalog.set_config('search_path','\"$user\", public',true);\n"
                "SELECT pg_catalog.set_config('default_x','v',true);\nSET LOCAL ROLE \"jo\"\"e\";> "
                "<CREATE TABLE x(a int[1: y]) -- end\n;> <RESET ROLE;\n"
                "SELECT pg_catalog.set_config('search_path','pg_catalog',true);\n"
                "SELECT pg_catalog.set_config('default_x',NULL,true);>",
                "deallocate", "prepare s2: DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" OPERATOR(pg_catalog.=) $1",
                "execute s2 [2]"}));
}

TEST(Script, DdlOutsideOfATransactionBlockStandsBetweenBlocks) {
  const std::string ddl = "Q\tc\tCREATE INDEX\tan ext\"\tjoe\t0\tCREATE INDEX CONCURRENTLY ON t (a)\n";
  const std::vector<std::string> steps = steps_of(script_of(begin_line(1) + ddl + "E\t0\n"));
  EXPECT_EQ(std::vector<std::string>(steps.begin() + 2, steps.end()),
            (Expected{"ddl c <an ext\"> <SET ROLE \"joe\";> <CREATE INDEX CONCURRENTLY ON t (a)\n;> <RESET ROLE;>",
                      "deallocate", "begin", "commit"}));
}

TEST(Script, SequencesConstantsAndTruncatesAreStatements) {
  EXPECT_EQ(
      steps_in(keyed + "S\ts\tq'\"\t42\tf\nV\t7\ta\tx\\ny\nV\t7\ta\t\\N\nT\tr\t2\tpublic\tt\ts\tu\n", 0),
      (Expected{"SELECT pg_catalog.setval('\"s\".\"q''\"\"\"'::pg_catalog.regclass,'42',false);",
                "UPDATE ONLY \"public\".\"t\" SET \"a\" = E'x\\ny';", "UPDATE ONLY \"public\".\"t\" SET \"a\" = NULL;",
                "DO 'BEGIN EXECUTE (SELECT pg_catalog.concat(''TRUNCATE '', pg_catalog.string_agg(pg_catalog.concat("
                "CASE WHEN c.relkind OPERATOR(pg_catalog.=) ''p'' THEN '''' ELSE ''ONLY '' END, "
                "c.oid::pg_catalog.regclass::pg_catalog.text), '', ''), '' RESTART IDENTITY CASCADE'') "
                "FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) ANY "
                "(ARRAY[''\"public\".\"t\"'',''\"s\".\"u\"'']::pg_catalog.regclass[]::pg_catalog.oid[])); END';"}));
}

TEST(Script, AHoleEndsItsTransactionAndPsqlWithIt) {
  ScriptSummary summary;
  const std::string script =
      script_of(begin_line(1) + keyed + "I\t7\t1\t2\t3\nH\tpoison\tno 'way'\nI\t7\t2\t2\t3\nE\t2\n" + begin_line(2) +
                    keyed + "D\t7\t1\nE\t1\n",
                &summary);
  EXPECT_NE(script.find("-- lpbm:hole poison no 'way'\nROLLBACK;\nDO '"), std::string::npos);
  ASSERT_EQ(summary.holes.size(), 1U);
  EXPECT_EQ(summary.holes[0].lsn, Lsn{1});
  EXPECT_EQ(summary.holes[0].detail, "no 'way'");
  const std::vector<std::string> steps = steps_of(script);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "hole poison: no 'way'"), 1);
  EXPECT_EQ(steps.back(), "commit");
}

TEST(Script, RecordsWithoutChangesLeaveNothingButCount) {
  ScriptSummary summary;
  const std::string script =
      script_of(begin_line(1) + "E\t0\n" + begin_line(2, 0) + "S\ts\tq\t1\tt\nE\t0\n" + begin_line(3) + keyed +
                    "I\t7\t1\t2\t3\nE\t1\n" + begin_line(4) + "A\tabc\nE\t0\n",
                &summary);
  EXPECT_TRUE(script.ends_with("-- lpbm:end 2 1\n"));
  EXPECT_EQ(summary.records, 2U);
  EXPECT_EQ(summary.transactions, 1U);
  EXPECT_EQ(summary.rows, 1U);
  EXPECT_EQ(summary.first, Lsn{1});
  EXPECT_EQ(summary.last, Lsn{4});
}

TEST(Script, TheWriterKnowsWhetherItIsAtAnAnchor) {
  Text out;
  ScriptWriter writer({"{}", "UTF8", {}}, out);
  csvlog::RecordParser parser(writer);
  const std::size_t zero = 0;
  parser.feed(begin_line(1) + "A\tabc\nE\t0\n", &zero);
  EXPECT_TRUE(writer.at_anchor());
  EXPECT_EQ(writer.anchor_nonce(), "abc");
  parser.feed(begin_line(2) + "E\t0\n", &zero);
  EXPECT_FALSE(writer.at_anchor());
}

TEST(Script, AnAbandonedRecordLeavesNothingHoweverLarge) {
  for (std::size_t size : {10U, 300000U, 9000000U}) {
    Text out;
    ScriptWriter writer({"{}", "UTF8", {}}, out);
    csvlog::RecordParser parser(writer);
    const std::size_t zero = 0;
    const std::string whole = begin_line(2) + keyed + "D\t7\t1\nI\t7\t1\t" + std::string(size, 'x') + "\t\nE\t2\n";
    parser.feed(begin_line(1) + keyed + "D\t7\t0\nE\t1\n", &zero);
    parser.feed(whole.substr(0, whole.size() - 8), &zero);
    parser.reset();
    parser.feed(whole + begin_line(3) + "E\t0\n", &zero);
    writer.finish();
    std::vector<std::string> steps = steps_of(out.text);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), "execute s1 [0]"), 1);
    EXPECT_EQ(std::count_if(steps.begin(), steps.end(), [](const auto& s) { return s.starts_with("data 1\tx"); }), 1);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), "deallocate"), 1);
    EXPECT_EQ(writer.summary().rows, 3U);
  }
}

TEST(Script, ARecordThatDoesNotSayItsNumberOfRowsIsRefused) {
  EXPECT_THROW(script_of(begin_line(1) + keyed + "I\t7\t1\t2\t3\nE\t2\n"), Error);
  EXPECT_THROW(script_of(begin_line(1) + "R\t7\ts\tt\tf\t1\ta\t\t\nU\t7\t-\t1\nE\t1\n"), Error);
}

// --- reading

TEST(Script, WhatTheReaderIsGivenAtOnceDoesNotMatter) {
  const std::string script = script_of(
      begin_line(1) + keyed + "I\t7\t1\t\\\\.\t3\nI\t7\t1\t\t\nU\t7\t-\t1\tx\\\\y\\v\t'\nE\t3\n" + begin_line(2) +
      "Q\tt\tX\t\tjoe\t0\tSELECT 1;\\nSELECT 2\nE\t0\n" + begin_line(3) + keyed + "u\t7\t-\t1\tbig\tx\nE\t1\n");
  const std::vector<std::string> whole = steps_of(script);
  for (std::size_t step : {1, 2, 3, 5, 17}) EXPECT_EQ(steps_of(script, {}, step), whole) << step;
}

TEST(Script, TransactionsThatAreKnownAreSkippedAndTheirPreparesGivenWhenUsed) {
  const std::string script = script_of(begin_line(1) + keyed + full + "D\t7\t1\nD\t8\t1\t2\nI\t7\t1\t1\t1\nE\t3\n" +
                                       begin_line(2) + "D\t7\t2\nE\t1\n");
  const std::vector<std::string> steps = steps_of(script, Lsn{1});
  EXPECT_EQ(std::vector<std::string>(steps.begin() + 1, steps.end()),
            (Expected{"tx 0/2 700 1700000000000000", "begin",
                      "prepare s1: DELETE FROM ONLY \"public\".\"t\" WHERE \"id\" OPERATOR(pg_catalog.=) $1",
                      "execute s1 [2]", "commit"}));
}

TEST(Script, TheHandlerCanEndTheReading) {
  const std::string script = script_of(begin_line(1) + keyed + "D\t7\t1\nE\t1\n" + begin_line(2) + "D\t7\t2\nE\t1\n");
  TextSource source(script);
  Steps steps;
  steps.stop_at = Lsn{2};
  read_script(source, steps);
  EXPECT_EQ(steps.steps.back(), "tx 0/2 700 1700000000000000");
}

TEST(Script, AnIncompleteOrChangedScriptIsRefused) {
  const std::string script = script_of(begin_line(1) + keyed + "I\t7\t1\t2\t3\nD\t7\t1\nE\t2\n" + begin_line(2) +
                                       "Q\tt\tX\t\tjoe\t0\tSELECT 1\nE\t0\n");
  EXPECT_NO_THROW(steps_of(script));
  for (std::size_t size = 0; size < script.size(); ++size)
    EXPECT_THROW(steps_of(script.substr(0, size)), Error) << size;
  EXPECT_THROW(steps_of(script + "x"), Error);
  EXPECT_THROW(steps_of(script + "BEGIN;\n"), Error);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string out = script;
    out.replace(out.find(from), from.size(), to);
    return out;
  };
  for (const auto& [from, to] :
       {std::pair("-- lpbm delta 1", "-- lpbm delta 2"), std::pair("end 2 2", "end 2 3"),
        std::pair("BEGIN;", "DROP TABLE x;"), std::pair("BEGIN;", "BEGIN;\nBEGIN;"), std::pair("COMMIT;\n", ""),
        std::pair("1\t2\t3\n", ""), std::pair("'1'", "'1"), std::pair("-- lpbm:ddl t - 21", "-- lpbm:ddl t - 20"),
        std::pair("-- lpbm:rows", "-- lpbm:what")})
    EXPECT_THROW(steps_of(changed(from, to)), Error) << from << " -> " << to;
}

TEST(Script, WhateverTheValuesTheyAreReadBack) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const auto value = [&] {
      std::string out;
      for (std::size_t i = random() % 12; i > 0; --i) out += static_cast<char>(1 + random() % 255);
      return out;
    };
    const auto field = [](const std::string& bytes) {
      std::string out = "\t";
      csvlog::escape(bytes, out);
      return out;
    };
    const std::string a = value(), b = value(), id = value();
    const std::vector<std::string> steps = steps_in(
        keyed + "U\t7\t-" + field(id) + field(a) + field(b) + "\nI\t7" + field(id) + field(a) + field(b) + '\n', 2);
    EXPECT_EQ(steps[1], "execute s1 [" + a + "] [" + b + "] [" + id + ']');
    EXPECT_EQ(steps[3], "data " + field(id).substr(1) + field(a) + field(b) + '\n');
  }
}

// --- what only a refresh tells

const std::string stale = "N\tt\t7\tpublic\tt\n";

std::vector<std::string> refreshing_steps(const std::string& records, const Refreshing& refreshing,
                                          ScriptSummary* summary = nullptr) {
  Text out;
  ScriptWriter writer({"{}", "UTF8", {}, refreshing}, out);
  csvlog::RecordParser parser(writer);
  parser.reset();
  const std::size_t zero = 0;
  parser.feed(records, &zero);
  writer.finish();
  if (summary) *summary = writer.summary();
  std::vector<std::string> steps = steps_of(out.text);
  return {steps.begin() + 1, steps.end()};
}

TEST(Script, ARowOfATableThatWaitsForItsRefreshIsLeftOut) {
  ScriptSummary summary;
  const std::vector<std::string> steps = refreshing_steps(
      begin_line(1) + keyed + "I\t7\t1\ta\tb\n" + stale + "I\t7\t2\ta\tb\nU\t7\t-\t1\tx\ty\n" + full +
          "I\t8\t1\t2\nV\t7\ta\tx\nE\t4\n" + begin_line(2) + keyed + "D\t7\t1\nu\t7\t-\t1\tx\ty\nE\t2\n",
      {true}, &summary);
  EXPECT_EQ(steps,
            (Expected{"tx 0/1 700 1700000000000000", "begin", "COPY \"public\".\"t\" (\"id\",\"a\",\"b\") FROM stdin;",
                      "data 1\ta\tb\n", "rows 1", "stale t 7 \"public\".\"t\"", "DELETE FROM ONLY \"public\".\"t\";",
                      "COPY \"public\".\"f\" (\"a\",\"b\") FROM stdin;", "data 1\t2\n", "rows 1", "commit",
                      "tx 0/2 700 1700000000000000", "begin", "commit"}));
  ASSERT_EQ(summary.stale.size(), 1U);
  EXPECT_EQ(summary.stale[0].lsn, Lsn{1});
  EXPECT_EQ(summary.stale[0].what, (csvlog::Stale{'t', 7, "public", "t"}));
  EXPECT_TRUE(summary.holes.empty());
  EXPECT_EQ(summary.rows, 6U);
}

TEST(Script, ATableThatWaitsFromBeforeIsMarkedAtTheFirstRecordAndEmptiedOnce) {
  ScriptSummary summary;
  const std::vector<std::string> steps = refreshing_steps(
      begin_line(5) + full + "I\t8\t1\t2\nE\t1\n" + begin_line(6) + keyed + "I\t7\t1\ta\tb\nI\t7\t2\ta\tb\nE\t2\n",
      {true, {{'t', 7, "public", "t"}}}, &summary);
  EXPECT_EQ(steps[1], "stale t 7 \"public\".\"t\"");
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "DELETE FROM ONLY \"public\".\"t\";"), 1);
  ASSERT_EQ(summary.stale.size(), 1U);
  EXPECT_EQ(summary.stale[0].lsn, Lsn{5});
}

TEST(Script, AfterARewriteATableThatWaitsIsEmptiedAgain) {
  const std::string rewritten = "R\t99\tpublic\tt\tk\t3\tid\t=\t\ta\t\t\tb\t\t\n";
  const std::vector<std::string> steps =
      refreshing_steps(begin_line(1) + keyed + stale + rewritten + "W\t99\nI\t99\t1\ta\tb\nD\t7\t1\nE\t2\n", {true});
  EXPECT_EQ(steps, (Expected{"tx 0/1 700 1700000000000000", "begin", "stale t 7 \"public\".\"t\"",
                             "DELETE FROM ONLY \"public\".\"t\";", "DELETE FROM ONLY \"public\".\"t\";",
                             "COPY \"public\".\"t\" (\"id\",\"a\",\"b\") FROM stdin;", "data 1\ta\tb\n", "rows 1",
                             "DELETE FROM ONLY \"public\".\"t\";", "commit"}));
}

TEST(Script, WhatNobodyRefreshesIsAHole) {
  ScriptSummary summary;
  refreshing_steps(begin_line(1) + keyed + stale + "E\t0\n", {}, &summary);
  ASSERT_EQ(summary.holes.size(), 1U);
  EXPECT_EQ(summary.holes[0].code, "no_replica_identity");
  EXPECT_TRUE(summary.forced.empty());
  refreshing_steps(begin_line(1) + keyed + stale + "E\t0\n" + begin_line(2) + "N\tl\nE\t0\n",
                   {true, {}, {{7, "too large"}}}, &summary);
  ASSERT_EQ(summary.forced.size(), 1U);
  EXPECT_EQ(summary.forced[0].detail, "public.t: too large");
  ASSERT_EQ(summary.stale.size(), 1U);
  EXPECT_EQ(summary.stale[0].what.kind, 'l');
}

TEST(Script, AForeignKeyThatLooksIntoATableThatWaitsIsAHole) {
  const std::string alter = "Q\tt\tALTER TABLE\t\tjoe\t0\tALTER TABLE x ADD foreign key (a) REFERENCES t\n";
  ScriptSummary summary;
  refreshing_steps(begin_line(1) + keyed + stale + alter + "E\t0\n", {true}, &summary);
  ASSERT_EQ(summary.forced.size(), 1U);
  EXPECT_EQ(summary.forced[0].code, "no_replica_identity");
  refreshing_steps(begin_line(1) + alter + "E\t0\n", {true}, &summary);
  EXPECT_TRUE(summary.holes.empty());
  EXPECT_EQ(summary.ddl, 1U);
}

TEST(Script, WhatWaitsAtTheAnchorOfAFullIsAHoleAndAtItsOwnIsNot) {
  const std::string records = begin_line(1) + keyed + stale + "E\t0\n" + begin_line(2) + "A\t" + std::string(32, 'a') +
                              "\nE\t0\n" + begin_line(3) + full + "I\t8\t1\t2\nE\t1\n";
  ScriptSummary summary;
  refreshing_steps(records, {true}, &summary);
  ASSERT_EQ(summary.forced.size(), 1U);
  EXPECT_EQ(summary.forced[0].lsn, Lsn{2});
  EXPECT_EQ(summary.forced[0].code, "no_replica_identity");
  refreshing_steps(records, {true, {}, {}, std::string(32, 'a')}, &summary);
  EXPECT_TRUE(summary.holes.empty());
}

TEST(Script, ARecordThatIsGivenUpLeavesNothingUnknown) {
  Text out;
  ScriptWriter writer({"{}", "UTF8", {}, {true, {{'t', 9, "public", "u"}}}}, out);
  csvlog::RecordParser parser(writer);
  const std::size_t zero = 0;
  parser.reset();
  parser.feed(begin_line(1) + keyed + stale + "D\t7\t1\n", &zero);
  parser.reset();
  EXPECT_EQ(writer.open().size(), 1U);
  EXPECT_TRUE(writer.summary().stale.empty());
  parser.feed(begin_line(1) + keyed + stale + "D\t7\t1\nE\t1\n", &zero);
  writer.finish();
  EXPECT_EQ(writer.open().size(), 2U);
  EXPECT_EQ(writer.summary().stale.size(), 2U);
  const std::vector<std::string> steps = steps_of(out.text);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "stale t 7 \"public\".\"t\""), 1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "stale t 9 \"public\".\"u\""), 1);
}

}  // namespace
}  // namespace lpbm::delta
