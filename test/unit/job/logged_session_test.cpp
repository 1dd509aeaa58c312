// What becomes of transactions of which a log shows less than all.
#include "job/logged_session.h"

#include <gtest/gtest.h>

#include "unit/job/statement_fixture.h"

namespace lpbm::job {
namespace {

using csvlog::test::Directory;
using csvlog::test::StatementLog;
using test::extract;
using test::extract_files;
using test::Result;

TEST(LoggedSession, ACopyOfAFileIsPassedOverAlsoWhenTheSessionsHaveEnded) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1)");
  log.say('a', 0, "disconnection: session time: 0:00:01");
  log.run('b', 1, "INSERT INTO t VALUES (2)");
  log.server("database system is shut down");
  const Directory directory;
  directory.append("a.csv", log.text);
  directory.append("copy.csv", log.text);
  const Result result = extract_files(directory, {"a.csv", "copy.csv"});
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
  EXPECT_EQ(result.report.copies, 4U);
}

TEST(LoggedSession, ABlockWithAnErrorIsNamedWhereASavepointMayHaveSavedIt) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES ('saved, perhaps')");
  log.run('a', 1, "INSERT INTO t VALUES (1/0)");
  log.fail('a', 1, "INSERT INTO t VALUES (1/0)", "22012");
  log.run('a', 2, "INSERT INTO t VALUES (2)");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (2);\n");
  EXPECT_EQ(result.places(Remark::failed_blocks), "1: 1");
  EXPECT_FALSE(result.report.complete());
}

TEST(LoggedSession, ABlockOpenAtTheEndOfItsSessionIsInDoubtWhereCommitIsNotLogged) {
  StatementLog log;
  log.run('a', 1, "begin; INSERT INTO t VALUES (4)");
  log.run('a', 1, "INSERT INTO t VALUES (5)");
  log.say('a', 0, "disconnection: session time: 0:00:01");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "BEGIN;\nINSERT INTO t VALUES (4);\nINSERT INTO t VALUES (5);\nCOMMIT;\n");
  EXPECT_EQ(result.places(Remark::end_unknown), "1: 1");
}

TEST(LoggedSession, ABlockThatGoesOnAfterAnErrorHadASavepoint) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES (1)");
  log.run('a', 1, "INSERT INTO t VALUES ('failed')");
  log.fail('a', 1, "INSERT INTO t VALUES ('failed')");
  log.run('a', 1, "INSERT INTO t VALUES (3)");
  log.run('a', 2, "INSERT INTO t VALUES (4)");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "BEGIN;\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (3);\nCOMMIT;\nINSERT INTO t VALUES (4);\n");
  EXPECT_EQ(result.places(Remark::savepoints), "1: 4");
}

TEST(LoggedSession, WhatLooksLikeReadingAndChangesSomethingIsRun) {
  StatementLog log;
  int local = 1;
  const std::vector<std::string> statements = {"explain analyse insert into t values (1)",
                                               "EXPLAIN ANALYZE CREATE TABLE z AS SELECT 1",
                                               "EXPLAIN ANALYZE SELECT f()", "SELECT pg_cleanup()"};
  std::string expected;
  for (const std::string& statement : statements) {
    log.run('a', local++, statement);
    expected += statement + ";\n";
  }
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, expected);
  EXPECT_NE(result.places(Remark::end_unknown), "") << "nothing shows that all is logged";
  StatementLog cursor;
  cursor.run('a', 1, "BEGIN; DECLARE c CURSOR FOR SELECT f(); FETCH c; COMMIT");
  EXPECT_EQ(extract(cursor).sql, "BEGIN;\nDECLARE c CURSOR FOR SELECT f();\nFETCH c;\nCOMMIT;\n");
}

TEST(LoggedSession, AWarningOfAUserEndsNoSession) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES (8)");
  log.add({.session = StatementLog::id('a'),
           .severity = "WARNING",
           .state = "57P02",
           .message = "terminating connection because of crash of another server process",
           .context = "PL/pgSQL function f() line 1 at RAISE",
           .local = "1"});
  log.run('a', 1, "INSERT INTO t VALUES (9); COMMIT");
  EXPECT_EQ(extract(log).sql, "BEGIN;\nINSERT INTO t VALUES (8);\nINSERT INTO t VALUES (9);\nCOMMIT;\n");
}

TEST(LoggedSession, AnIndexThatFailsConcurrentlyIsLeftOut) {
  StatementLog log;
  log.run('a', 1, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)");
  log.fail('a', 3, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)");
  log.run('a', 4, "INSERT INTO t VALUES (1)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\n");
  EXPECT_EQ(result.report.counts.failed, 1U);
  EXPECT_EQ(result.places(Remark::partly_committed), "");
}

TEST(LoggedSession, SettingsThatAFunctionMayHaveMadeReachNoOtherSession) {
  StatementLog log;
  log.run('a', 1, "SELECT set_config('search_path', f(), false)");
  log.run('b', 1, "INSERT INTO p VALUES (1)");
  log.server("database system is shut down");
  const std::string all = extract(log).all;
  const std::size_t set = all.find("SELECT set_config"), row = all.find("INSERT INTO p");
  ASSERT_NE(set, std::string::npos);
  EXPECT_LT(all.find("RESET ALL", set), row);
}

TEST(LoggedSession, APreparedTransactionThatAnotherSessionCommitsWhileItsOwnIsIdleCounts) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'g'");
  log.run('b', 1, "COMMIT PREPARED 'g'");
  log.run('b', 2, "INSERT INTO t VALUES (2)");
  log.run('a', 2, "SHOW x");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
  EXPECT_EQ(result.places(Remark::still_prepared), "");
}

TEST(LoggedSession, StandardStringsAreOffHoweverItIsSaid) {
  for (const char* set : {"SET standard_conforming_strings = 0", "SET \"Standard_Conforming_Strings\" TO 'no'",
                          "SELECT set_config('standard_conforming_strings', 'f', false)"}) {
    StatementLog log;
    log.run('a', 1, set);
    log.run('a', 2, "INSERT INTO t VALUES ('it\\'s')");
    log.server("database system is shut down");
    EXPECT_NE(extract(log).sql.find("INSERT INTO t VALUES ('it\\'s');\n"), std::string::npos) << set;
  }
  StatementLog log;
  log.run('a', 1, "SELECT set_config('standard_conforming_strings', 'on', false)");
  log.run('a', 2, "INSERT INTO t VALUES ('\\')");
  log.server("database system is shut down");
  EXPECT_NE(extract(log).sql.find("INSERT INTO t VALUES ('\\');\n"), std::string::npos);
}

TEST(LoggedSession, ATableMadeOfAPreparedStatementHasThatStatementWithIt) {
  StatementLog log;
  log.run('a', 1, "PREPARE q(int) AS SELECT $1");
  log.run('a', 2, "CREATE TABLE x AS EXECUTE q(5)");
  log.say('a', 3, "execute <unnamed>: CREATE TABLE z AS SELECT $1::int");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "BEGIN;\nPREPARE q(int) AS SELECT $1;\nCREATE TABLE x AS EXECUTE q(5);\nDEALLOCATE q;\nCOMMIT;\n");
  EXPECT_EQ(result.places(Remark::parameters_missing), "1: 3");
}

TEST(LoggedSession, RolesAreBeyondTheDatabase) {
  StatementLog log;
  int local = 1;
  for (const char* statement : {"CREATE ROLE r", "ALTER USER u PASSWORD 'x'", "DROP GROUP g", "GRANT r TO u"})
    log.run('a', local++, statement);
  log.run('a', local++, "GRANT SELECT ON t TO u");
  log.run('a', local++, "CREATE USER MAPPING FOR u SERVER s");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "GRANT SELECT ON t TO u;\nCREATE USER MAPPING FOR u SERVER s;\n");
  EXPECT_EQ(result.places(Remark::beyond), "4: 1 2 3 4");
}

TEST(LoggedSession, FilesAroundTheHourThatComesTwiceStandInOrder) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1)");
  const std::size_t first = log.text.size();
  log.run('a', 2, "INSERT INTO t VALUES (2)");
  log.server("database system is shut down");
  const auto at = [](std::string text, const std::string& time) {
    for (std::size_t i = 0; (i = text.find("2026-11-21 10:00:00", i)) != std::string::npos;)
      text.replace(i, text.find(" UTC", i) + 4 - i, time);
    return text;
  };
  const Directory directory;
  directory.append("a.csv", at(log.text.substr(0, first), "2026-11-01 01:30:00.500 EDT"));
  directory.append("b.csv", at(log.text.substr(first), "2026-11-01 01:00:00.100 EST"));
  const Result result = extract_files(directory, {"b.csv", "a.csv"});
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
  EXPECT_EQ(result.report.copies, 0U);
}

TEST(LoggedSession, LinesOfAServerOnWindowsAreRead) {
  StatementLog log;
  log.columns = 23;
  log.run('a', 1, "INSERT INTO t VALUES (1); COMMIT");
  std::string text;
  for (char c : log.text) text += c == '\n' ? "\r\n" : std::string(1, c);
  const Directory directory;
  directory.append("a.csv", text);
  EXPECT_EQ(extract_files(directory, {"a.csv"}).sql, "INSERT INTO t VALUES (1);\n");
}

}  // namespace
}  // namespace lpbm::job
