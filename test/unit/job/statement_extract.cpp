#include "job/statement_extract.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "delta/sql_text.h"
#include "unit/job/statement_fixture.h"

namespace lpbm::job {
namespace {

using csvlog::test::Directory;
using csvlog::test::StatementLog;
using test::extract;
using test::extract_files;
using test::Result;

TEST(StatementExtract, TransactionsComeInTheOrderOfTheirCommitsAndWhole) {
  StatementLog log;
  log.run('a', 1, "BEGIN");
  log.run('a', 1, "INSERT INTO t VALUES ('a1')");
  log.run('b', 1, "BEGIN");
  log.run('b', 1, "INSERT INTO t VALUES ('b1')");
  log.run('c', 1, "INSERT INTO t VALUES ('c1')");
  log.run('b', 1, "UPDATE t SET a = 'b2'");
  log.run('b', 1, "COMMIT");
  log.run('a', 1, "INSERT INTO t VALUES ('a2')");
  log.run('a', 1, "END");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql,
            "INSERT INTO t VALUES ('c1');\n"
            "BEGIN;\nINSERT INTO t VALUES ('b1');\nUPDATE t SET a = 'b2';\nCOMMIT;\n"
            "BEGIN;\nINSERT INTO t VALUES ('a1');\nINSERT INTO t VALUES ('a2');\nCOMMIT;\n");
}

TEST(StatementExtract, CommentsEndWhereTheirLinesDo) {
  EXPECT_EQ(delta::one_line("6b01\r9000.a\nDROP TABLE t; "), "6b01 9000.a DROP TABLE t; ");
}

TEST(StatementExtract, WhatFailedOrWasRolledBackIsLeftOut) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1)");
  log.run('a', 2, "INSERT INTO t VALUES ('failed')");
  log.fail('a', 2, "INSERT INTO t VALUES ('failed')");
  log.run('a', 3, "INSERT INTO t VALUES (2)");
  log.fail('a', 4, "SELEC 1", "42601");
  log.run('a', 5, "BEGIN");
  log.run('a', 5, "INSERT INTO t VALUES ('back')");
  log.run('a', 5, "ROLLBACK");
  log.run('a', 6, "BEGIN");
  log.run('a', 6, "INSERT INTO t VALUES ('in a failed block')");
  log.fail('a', 6, "SELEC 1", "42601");
  log.run('a', 0, "INSERT INTO t VALUES ('behind the error')");
  log.fail('a', 0, "INSERT INTO t VALUES ('behind the error')", "25P02");
  log.run('a', 0, "COMMIT");
  log.run('a', 7, "BEGIN");
  log.run('a', 7, "INSERT INTO t VALUES (3)");
  log.run('a', 7, "COMMIT");
  log.fail('a', 7, "COMMIT");  // a deferred constraint
  log.run('a', 8, "INSERT INTO t VALUES (4)");
  log.run('a', 9, "BEGIN");
  log.run('a', 9, "INSERT INTO t VALUES ('disconnected')");
  log.say('a', 0, "disconnection: session time: 0:00:01");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (4);\n");
  EXPECT_EQ(result.report.counts.failed, 3U);
  EXPECT_EQ(result.report.counts.rolled_back, 1U);
  EXPECT_EQ(result.report.counts.unfinished, 1U);
  EXPECT_TRUE(result.report.complete());
  EXPECT_EQ(result.report.text().size(), 1U) << "nothing is missing or in doubt";
}

TEST(StatementExtract, SavepointsAreGoneBackTo) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES (1); SAVEPOINT s");
  log.run('a', 1, "INSERT INTO t VALUES ('no')");
  log.run('a', 1, "SAVEPOINT \"S\"");
  log.run('a', 1, "INSERT INTO t VALUES ('failed')");
  log.fail('a', 1);
  log.run('a', 1, "ROLLBACK TO SAVEPOINT s");
  log.run('a', 1, "INSERT INTO t VALUES (2)");
  log.run('a', 1, "SAVEPOINT s");
  log.run('a', 1, "INSERT INTO t VALUES (3)");
  log.run('a', 1, "RELEASE s");
  log.run('a', 1, "INSERT INTO t VALUES ('no')");
  log.run('a', 1, "ROLLBACK TO s");
  log.run('a', 1, "COMMIT");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql, "INSERT INTO t VALUES (1);\n");
}

TEST(StatementExtract, AStringOfSeveralStatementsIsOneTransactionUnlessItSaysOtherwise) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
  log.run('a', 2, "INSERT INTO t VALUES (3); COMMIT; INSERT INTO t VALUES ('failed')");
  log.fail('a', 3);
  log.run('a', 4, "INSERT INTO t VALUES ('failed'); COMMIT; INSERT INTO t VALUES ('did not run')");
  log.fail('a', 4);
  log.run('a', 5,
          "INSERT INTO t VALUES (4); BEGIN; INSERT INTO t VALUES (5); COMMIT AND CHAIN; INSERT INTO t VALUES (6)");
  log.run('a', 6, "COMMIT");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql,
            "BEGIN;\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nCOMMIT;\n"
            "INSERT INTO t VALUES (3);\n"
            "BEGIN;\nINSERT INTO t VALUES (4);\nINSERT INTO t VALUES (5);\nCOMMIT;\n"
            "INSERT INTO t VALUES (6);\n");
}

TEST(StatementExtract, TheExtendedProtocolIsReadWithItsParameters) {
  StatementLog log;
  log.say('a', 1, "execute <unnamed>: BEGIN");
  log.say('a', 1, "execute S_1: INSERT INTO t VALUES ($1, $2, '$1')", "parameters: $1 = 'it''s $2', $2 = NULL");
  log.say('a', 1, "execute S_2/C_1: UPDATE t SET a = $1", "Parameters: $1 = '5'");
  log.say('a', 1, "execute fetch from S_2/C_1: UPDATE t SET a = $1", "Parameters: $1 = '5'");
  log.say('a', 1, "execute S_3: COMMIT");
  // A pipeline: one transaction until the client waits.
  log.say('a', 2, "execute <unnamed>: INSERT INTO t VALUES ($1)", "parameters: $1 = 'p1'");
  log.say('a', 2, "execute <unnamed>: INSERT INTO t VALUES ($1)", "parameters: $1 = 'p2...'");
  log.say('a', 3, "execute <unnamed>: INSERT INTO t VALUES ($1)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "BEGIN;\nINSERT INTO t VALUES ('it''s $2', NULL, '$1');\nUPDATE t SET a = '5';\nCOMMIT;\n"
            "BEGIN;\nINSERT INTO t VALUES ('p1');\nINSERT INTO t VALUES ('p2...');\nCOMMIT;\n");
  EXPECT_EQ(result.places(Remark::parameters_cut), "1: 7");
  EXPECT_EQ(result.places(Remark::parameters_missing), "1: 8");
  EXPECT_FALSE(result.report.complete());
  EXPECT_NE(result.all.find("-- a.csv:8: not run, parameters_missing\n--   INSERT INTO t VALUES ($1)\n"),
            std::string::npos);
}

TEST(StatementExtract, StatementsLoggedByTheirDurationHaveSucceeded) {
  StatementLog log;
  log.say('a', 1, "duration: 0.1 ms  statement: BEGIN");
  log.say('a', 1, "duration: 0.1 ms  statement: INSERT INTO t VALUES (1)");
  log.say('a', 0, "duration: 0.1 ms  statement: COMMIT");
  log.say('a', 0, "duration: 0.1 ms  statement: INSERT INTO t VALUES (2)");
  log.say('a', 3, "duration: 0.1 ms  parse <unnamed>: INSERT INTO t VALUES ($1)");
  log.say('a', 3, "duration: 0.1 ms  bind <unnamed>: INSERT INTO t VALUES ($1)", "parameters: $1 = '3'");
  log.say('a', 3, "duration: 0.1 ms  execute <unnamed>: INSERT INTO t VALUES ($1)", "parameters: $1 = '3'");
  log.say('a', 4, "duration: 0.1 ms  statement: BEGIN");
  log.say('a', 4, "duration: 0.1 ms  statement: INSERT INTO t VALUES ('back')");
  log.say('a', 0, "duration: 0.1 ms  statement: ROLLBACK");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES ('3');\n");
  EXPECT_EQ(result.places(Remark::timed), "3: 2 4 7");
}

TEST(StatementExtract, ADurationAloneShowsWhenAStatementOfItsOwnHasCommitted) {
  StatementLog log;
  log.run('a', 1, "BEGIN");
  log.run('a', 1, "UPDATE t SET a = 1");
  log.run('b', 1, "UPDATE t SET a = 2");  // waits for the lock
  log.run('a', 1, "COMMIT");
  log.say('a', 0, "duration: 0.1 ms");
  log.say('b', 0, "duration: 9 ms");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql, "UPDATE t SET a = 1;\nUPDATE t SET a = 2;\n");
}

TEST(StatementExtract, WithoutTransactionCommandsItIsSaidThatTheEndIsNotKnown) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1)");
  log.run('a', 1, "INSERT INTO t VALUES (2)");
  log.run('a', 2, "INSERT INTO t VALUES ('failed')");
  log.fail('a', 2, "SELECT 1/0", "22012");
  log.run('a', 3, "INSERT INTO t VALUES (3)");
  log.run('a', 3, "INSERT INTO t VALUES ('failed')");
  log.fail('a', 3, "INSERT INTO t VALUES ('failed')");
  log.run('a', 3, "INSERT INTO t VALUES (4)");  // it went back to a savepoint
  log.run('a', 4, "INSERT INTO t VALUES (5)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "BEGIN;\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nCOMMIT;\n"
            "BEGIN;\nINSERT INTO t VALUES (3);\nINSERT INTO t VALUES (4);\nCOMMIT;\n"
            "INSERT INTO t VALUES (5);\n");
  EXPECT_EQ(result.places(Remark::end_unknown), "3: 1 5 9");
  EXPECT_EQ(result.places(Remark::savepoints), "1: 8");
  EXPECT_EQ(result.places(Remark::failed_blocks), "1: 3") << "a savepoint may have saved its first statement";
  EXPECT_FALSE(result.report.complete());
}

TEST(StatementExtract, PreparedTransactionsCountWhenTheyAreCommitted) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES ('two-phase'); PREPARE TRANSACTION 'x'");
  log.run('a', 2, "BEGIN; INSERT INTO t VALUES ('no'); PREPARE TRANSACTION 'y'");
  log.run('a', 3, "BEGIN; INSERT INTO t VALUES ('open'); PREPARE TRANSACTION 'z'");
  log.run('a', 4, "INSERT INTO t VALUES (1)");
  log.run('b', 1, "COMMIT PREPARED 'x'");
  log.fail('b', 1);
  log.run('b', 2, "INSERT INTO t VALUES (2)");
  log.run('b', 3, "COMMIT PREPARED 'x'");
  log.run('b', 4, "ROLLBACK PREPARED 'y'");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES ('two-phase');\n");
  EXPECT_EQ(result.places(Remark::still_prepared), "1: 3");
}

TEST(StatementExtract, EachTransactionHasTheSettingsOfItsSession) {
  StatementLog log;
  log.run('a', 1, "SET search_path = a");
  log.run('a', 2, "INSERT INTO t VALUES (1)");
  log.run('b', 1, "INSERT INTO t VALUES (2)");
  log.run('a', 3, "BEGIN; SET search_path = x; SET LOCAL datestyle = german");
  log.run('a', 3, "ROLLBACK");
  log.run('a', 4, "INSERT INTO t VALUES (3)");
  log.run('a', 5, "BEGIN; SET LOCAL datestyle = german; SET search_path = y; INSERT INTO t VALUES (4); COMMIT");
  log.run('a', 6, "INSERT INTO t VALUES (5)");
  log.run('a', 7, "SET search_path = nowhere(");
  log.fail('a', 7);
  log.run('a', 8, "SET ROLE bob");
  log.run('a', 9, "INSERT INTO t VALUES (6)");
  log.user = "ann";
  log.run('c', 1, "INSERT INTO t VALUES (7)");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log, true).sql,
            "SET SESSION AUTHORIZATION \"joe\";\nSET search_path = a;\nINSERT INTO t VALUES (1);\n"
            "RESET search_path;\nINSERT INTO t VALUES (2);\n"
            "SET search_path = a;\nINSERT INTO t VALUES (3);\n"
            "BEGIN;\nSET LOCAL datestyle = german;\nSET search_path = y;\nINSERT INTO t VALUES (4);\nCOMMIT;\n"
            "INSERT INTO t VALUES (5);\n"
            "SET ROLE bob;\nINSERT INTO t VALUES (6);\n"
            "RESET search_path;\nSET SESSION AUTHORIZATION \"ann\";\nINSERT INTO t VALUES (7);\n");
}

TEST(StatementExtract, WhatALogCannotCarryIsListedWithItsLinesAndSwallowsNothing) {
  StatementLog log;
  log.run('a', 1, "COPY t (a,\nb) FROM STDIN");
  log.run('a', 2, "DO $$ BEGIN NULL; END $$");
  log.run('a', 3, "SELECT f(1)");
  log.run('a', 4, "INSERT INTO t VALUES (now())");
  log.run('a', 5, "CREATE DATABASE other");
  log.run('a', 6, "EXECUTE p(1)");
  log.run('a', 7, "INSERT INTO t VALUES ('unclosed");
  log.say('a', 8, "fastpath function call: \"lowrite\" (OID 955)");
  log.run('a', 9, "BEGIN; COPY t FROM STDIN; ROLLBACK");
  log.run('a', 10, "CREATE TEMP TABLE x (a int)");
  log.skip('a');
  log.run('a', 11, "INSERT INTO t VALUES (1)");
  log.text += "no line at all\n";
  log.run('a', 12, "SHOW x");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "DO $$ BEGIN NULL; END $$;\nSELECT f(1);\nINSERT INTO t VALUES (now());\nCREATE TEMP TABLE x (a int);\n"
            "INSERT INTO t VALUES (1);\n");
  const std::pair<Remark, const char*> expected[] = {
      {Remark::copy_rows, "1: 1"},       {Remark::do_blocks, "1: 3"},  {Remark::functions, "1: 4"},
      {Remark::volatile_values, "1: 5"}, {Remark::beyond, "1: 6"},     {Remark::unprepared, "1: 7"},
      {Remark::unrunnable, "1: 8"},      {Remark::fastpath, "1: 9"},   {Remark::temporary, "1: 11"},
      {Remark::missing_lines, "1: 12"},  {Remark::unreadable, "1: 13"}};
  for (const auto& [remark, places] : expected) EXPECT_EQ(result.places(remark), places) << words_of(remark).code;
  EXPECT_NE(result.all.find("-- a.csv:1: not run, copy_rows\n--   COPY t (a,\n--   b) FROM STDIN\n"),
            std::string::npos);
  const auto json = nlohmann::json::parse(result.report.json());
  EXPECT_EQ(json["complete"], false);
  EXPECT_EQ(json["transactions"], 5);
  EXPECT_EQ(json["remarks"][0]["code"], "copy_rows");
  EXPECT_EQ(json["remarks"][0]["lines"][0]["file"], "a.csv");
  EXPECT_EQ(result.report.text()[1], "missing: 1 COPY ... FROM, whose rows are not in a log: a.csv:1");
}

TEST(StatementExtract, NothingInALogBreaksOutOfItsComment) {
  StatementLog log;
  log.run('a', 1, "COPY t FROM STDIN -- \r\\! touch /tmp/x\n\\! touch /tmp/y");
  log.run('a', 2, "\\! touch /tmp/z");
  log.run('a', 3, "SHOW x");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "");
  for (std::size_t at = result.all.find('\\'); at != std::string::npos; at = result.all.find('\\', at + 1)) {
    const std::size_t line = result.all.find_last_of("\r\n", at) + 1;
    EXPECT_EQ(result.all.compare(line, 2, "--"), 0) << result.all.substr(line, 40);
  }
}

TEST(StatementExtract, OtherDatabasesAndMessagesOfFunctionsAreNotRead) {
  StatementLog log, other;
  other.database = "bank";
  other.run('b', 1, "INSERT INTO t VALUES ('bank')");
  log.text = other.text;
  log.add(
      {.session = StatementLog::id('a'), .message = "statement: DROP TABLE t", .query = "SELECT f()", .local = "1"});
  log.run('a', 2, "INSERT INTO t VALUES (1); COMMIT");
  EXPECT_EQ(extract(log).sql, "INSERT INTO t VALUES (1);\n");
  const Directory directory;
  directory.append("a.csv", log.text);
  try {
    extract_files(directory, {"a.csv"}, false, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.cause(), "the log holds statements of several: bank (1), shop (1)");
  }
  directory.append("b.csv", other.text);
  const Result bank = extract_files(directory, {"b.csv"}, false, "");
  EXPECT_EQ(bank.report.database, "bank");
  EXPECT_EQ(bank.sql, "INSERT INTO t VALUES ('bank');\n");
  EXPECT_THROW(extract_files(directory, {"b.csv"}), Error);
}

// Stops at the record, whoever wrote it, and gives nothing of what came before.
TEST(StatementExtract, RecordsAmongTheStatementsAreFoundBeforeAnythingIsWritten) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1); COMMIT");
  log.say('b', 1, "lpbm1 whatever");
  const Directory directory;
  directory.append("a.csv", log.text);
  StatementOptions options;
  options.files = {directory.path / "a.csv"};
  options.stop_at_records = true;
  delta::test::Text out;
  EXPECT_TRUE(extract_statements(options, out).holds_records);
  EXPECT_EQ(out.text, "");
  options.stop_at_records = false;
  EXPECT_FALSE(extract_statements(options, out).holds_records);
  EXPECT_NE(out.text.find("INSERT INTO t VALUES (1)"), std::string::npos);
}

TEST(StatementExtract, ALogInAnotherLanguageIsRefusedWithAClearWord) {
  StatementLog log;
  log.say('a', 1, "Anweisung: INSERT INTO t VALUES (1)");
  const Directory directory;
  directory.append("a.csv", log.text);
  try {
    extract_files(directory, {"a.csv"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.cause().find("another language"), std::string::npos);
    EXPECT_NE(error.hint().find("lc_messages"), std::string::npos);
  }
}

TEST(StatementExtract, FilesAreReadInTheOrderOfTheirTimesAndCopiesOnce) {
  StatementLog log;
  log.run('a', 1, "BEGIN");
  log.run('a', 1, "INSERT INTO t VALUES (1)");
  const std::string first = log.text;
  log.run('a', 1, "COMMIT; INSERT INTO t VALUES (2)");
  const Directory directory;
  directory.append("z.csv", first);
  directory.append("a.csv", log.text.substr(first.size()));
  directory.append("copy.csv", log.text);
  const Result result = extract_files(directory, {"a.csv", "copy.csv", "z.csv"});
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
  EXPECT_EQ(result.report.copies, 3U);
}

TEST(StatementExtract, AllColumnSetsAreRead) {
  for (int columns : {23, 24, 26}) {
    StatementLog log;
    log.columns = columns;
    log.run('a', 1, "INSERT INTO t VALUES (1); COMMIT");
    EXPECT_EQ(extract(log).sql, "INSERT INTO t VALUES (1);\n") << columns;
  }
}

TEST(StatementExtract, LongTransactionsAndLongWaitsAreSpilled) {
  StatementLog log;
  const std::string value(1000, 'x');
  std::string early, late;
  log.run('w', 1, "INSERT INTO t VALUES ('waits')");  // undecided until the end
  log.run('a', 1, "BEGIN");
  for (int i = 0; i < 12000; ++i) {
    log.run('a', 1, "INSERT INTO t VALUES ('" + std::to_string(i) + value + "')");
    log.run('b', i + 1, "INSERT INTO u VALUES ('" + std::to_string(i) + value + "')");
    late += "INSERT INTO t VALUES ('" + std::to_string(i) + value + "');\n";
    early += "INSERT INTO u VALUES ('" + std::to_string(i) + value + "');\n";
  }
  log.run('a', 1, "COMMIT");
  log.run('w', 2, "SHOW x");
  const Result result = extract(log);
  // Compared by parts: a difference would be long.
  EXPECT_TRUE(result.sql == "INSERT INTO t VALUES ('waits');\n" + early + "BEGIN;\n" + late + "COMMIT;\n");
}

}  // namespace
}  // namespace lpbm::job
