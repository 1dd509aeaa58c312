// Statements that mean something by an earlier one: of what was prepared, and of cursors.
#include <gtest/gtest.h>

#include "job/logged_session.h"
#include "unit/job/statement_fixture.h"

namespace lpbm::job {
namespace {

using csvlog::test::StatementLog;
using test::extract;
using test::Result;

TEST(LoggedExecutes, WhatTheProtocolPreparedIsRunByItsTextInTheDetail) {
  StatementLog log;
  const std::string insert = "prepare: INSERT INTO t VALUES ($1)";
  log.say('a', 1, "statement: EXECUTE \"S 1\"(1)", insert);
  log.say('a', 2, "statement: EXECUTE s2(2); EXECUTE S2(3)", "Prepare: INSERT INTO t VALUES ($1)");
  log.say('a', 3, "statement: EXECUTE s3", "prepare: CREATE TABLE x (a int)");
  log.say('a', 4, "statement: BEGIN; INSERT INTO t VALUES (4); EXECUTE s4", "prepare: COMMIT");
  log.say('a', 5, "statement: EXECUTE s5", "prepare: SELECT * FROM t");
  log.say('a', 6, "statement: EXECUTE s6(1); EXECUTE other(1)", insert);
  log.server("database system is shut down");
  const Result result = extract(log);
  const auto run = [](const std::string& name, const std::string& value) {
    return "PREPARE " + name + " AS INSERT INTO t VALUES ($1);\nEXECUTE " + name + "(" + value + ");\nDEALLOCATE " +
           name + ";\n";
  };
  EXPECT_EQ(result.sql, "BEGIN;\n" + run("\"S 1\"", "1") + "COMMIT;\nBEGIN;\n" + run("s2", "2") + run("S2", "3") +
                            "COMMIT;\nCREATE TABLE x (a int);\nINSERT INTO t VALUES (4);\nBEGIN;\n" + run("s6", "1") +
                            "COMMIT;\n");
  EXPECT_EQ(result.places(Remark::unprepared), "1: 6") << "of the second one the log does not show the text";
}

TEST(LoggedExecutes, TheDetailIsOfTheStatementThatIsThereAndNotOfAnEarlierOneOfItsName) {
  StatementLog log;
  log.run('a', 1, "PREPARE p AS INSERT INTO old VALUES ($1)");
  log.say('a', 2, "statement: EXECUTE p(1)", "prepare: INSERT INTO new VALUES ($1)");
  log.run('a', 3, "DISCARD ALL");
  log.run('a', 4, "EXECUTE p(2)");
  log.say('a', 5, "statement: PREPARE q AS INSERT INTO q VALUES ($1); EXECUTE q(1); EXECUTE s(2)",
          "prepare: INSERT INTO s VALUES ($1)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "BEGIN;\nPREPARE p AS INSERT INTO new VALUES ($1);\nEXECUTE p(1);\nDEALLOCATE p;\nCOMMIT;\n"
            "BEGIN;\nPREPARE q AS INSERT INTO q VALUES ($1);\nEXECUTE q(1);\nDEALLOCATE q;\nCOMMIT;\n");
  EXPECT_EQ(result.places(Remark::unprepared), "2: 4 5");
}

TEST(LoggedExecutes, CursorsWithHoldAreClosedWhereTheirTransactionEnds) {
  StatementLog log;
  log.run('a', 1, "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t; FETCH c; INSERT INTO u VALUES (1); COMMIT");
  log.run('a', 2, "BEGIN; FETCH c; INSERT INTO u VALUES (2); CLOSE c; COMMIT");
  log.run('a', 3, "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t");
  log.run('a', 4, "BEGIN; SELECT f(); FETCH c; CLOSE ALL; COMMIT");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "BEGIN;\nDECLARE c CURSOR WITH HOLD FOR SELECT * FROM t;\nFETCH c;\nINSERT INTO u VALUES (1);\nCOMMIT;\n"
            "CLOSE \"c\";\nINSERT INTO u VALUES (2);\nBEGIN;\nSELECT f();\nCLOSE ALL;\nCOMMIT;\n");
  EXPECT_TRUE(result.report.complete());
}

TEST(LoggedExecutes, AChangeAtACursorThatTheLogDoesNotShowIsNamed) {
  StatementLog log;
  log.run('a', 1, "UPDATE t SET a = 1 WHERE CURRENT OF c");
  log.run('a', 2, "BEGIN; DECLARE \"C\" CURSOR FOR SELECT * FROM t FOR UPDATE; FETCH \"C\"");
  log.run('a', 2, "DELETE FROM t WHERE CURRENT OF \"C\"; CLOSE \"C\"; DELETE FROM t WHERE CURRENT OF \"C\"; COMMIT");
  log.run('a', 3, "BEGIN; SELECT opens('d'); FETCH d; UPDATE t SET a = 2 WHERE CURRENT OF d; COMMIT");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.places(Remark::cursors), "2: 1 3");
  EXPECT_FALSE(result.report.complete());
  EXPECT_EQ(result.sql,
            "BEGIN;\nDECLARE \"C\" CURSOR FOR SELECT * FROM t FOR UPDATE;\nFETCH \"C\";\nDELETE FROM t WHERE CURRENT "
            "OF \"C\";\nCLOSE \"C\";\nCOMMIT;\n"
            "BEGIN;\nSELECT opens('d');\nFETCH d;\nUPDATE t SET a = 2 WHERE CURRENT OF d;\nCOMMIT;\n");
}

// As PostgreSQL has it: what a cursor was moved by is not undone, and one that was closed stays closed.
TEST(LoggedExecutes, CursorsStayWhereTheyAreWhenASavepointIsGoneBackTo) {
  StatementLog log;
  log.run('a', 1, "BEGIN; DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE; DECLARE d CURSOR FOR SELECT 1; FETCH c");
  log.run('a', 1, "SAVEPOINT s; SAVEPOINT s2; FETCH c; UPDATE t SET a = 'no' WHERE CURRENT OF c; CLOSE d");
  log.run('a', 1, "DECLARE e CURSOR FOR SELECT 2; FETCH e; ROLLBACK TO s2");
  log.run('a', 1, "FETCH c");
  log.fail('a', 1, "FETCH c", "22012");
  log.run('a', 1, "ROLLBACK TO s; DECLARE d CURSOR FOR SELECT 3; UPDATE t SET a = 'yes' WHERE CURRENT OF c; COMMIT");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql,
            "BEGIN;\nDECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE;\nDECLARE d CURSOR FOR SELECT 1;\nFETCH c;\n"
            "FETCH c;\nCLOSE d;\nDECLARE d CURSOR FOR SELECT 3;\nUPDATE t SET a = 'yes' WHERE CURRENT OF c;\n"
            "COMMIT;\n");
}

}  // namespace
}  // namespace lpbm::job
