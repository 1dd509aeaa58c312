// Strings of several statements of which one fails: what a server has run of them, and what is open then.
#include <gtest/gtest.h>

#include "job/logged_session.h"
#include "unit/job/statement_fixture.h"

namespace lpbm::job {
namespace {

using csvlog::test::StatementLog;
using test::extract;
using test::Result;

const std::string aborted = "25P02";

TEST(LoggedStrings, InABlockThatHasFailedNothingIsRunBehindWhatItDoesNotTake) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES ('no')");
  log.fail('a', 1, "BEGIN; INSERT INTO t VALUES ('no')");
  const std::string ends = "SELECT 1; COMMIT; INSERT INTO t VALUES ('no')";
  log.run('a', 0, ends);
  log.fail('a', 0, ends, aborted);
  log.run('a', 0, "COMMIT; INSERT INTO t VALUES (1)");
  log.run('a', 3, "INSERT INTO t VALUES (2)");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
}

TEST(LoggedStrings, WhatFollowsTheEndOfAFailedBlockFailsInATransactionOfItsOwn) {
  StatementLog log;
  log.run('a', 1, "BEGIN; INSERT INTO t VALUES ('no')");
  log.fail('a', 1, "BEGIN; INSERT INTO t VALUES ('no')");
  const std::string first = "COMMIT; INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES ('no')";
  log.run('a', 0, first);
  log.fail('a', 3, first);
  log.run('a', 4, "INSERT INTO t VALUES (2)");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
}

TEST(LoggedStrings, ARollbackThatWasNotReachedEndsNothing) {
  StatementLog log;
  const std::string own = "FETCH c; ROLLBACK; INSERT INTO t VALUES ('no')";
  log.run('a', 1, own);
  log.fail('a', 1, own, "34000");
  log.run('a', 2, "INSERT INTO t VALUES (1)");
  for (const char* end : {"ROLLBACK", "COMMIT", "PREPARE TRANSACTION 'x'"}) {
    const std::string text = std::string("INSERT INTO t VALUES ('no'); ") + end + "; INSERT INTO t VALUES ('no')";
    log.run('b', 1, "BEGIN; INSERT INTO t VALUES ('" + std::string(end).substr(0, 8) + "'); SAVEPOINT s");
    log.run('b', 1, text);
    log.fail('b', 1, text);
    log.run('b', 1, "ROLLBACK TO s");
    log.run('b', 1, "COMMIT");
  }
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql,
            "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES ('ROLLBACK');\nINSERT INTO t VALUES ('COMMIT');\n"
            "INSERT INTO t VALUES ('PREPARE ');\n");
  EXPECT_EQ(result.places(Remark::still_prepared), "");
}

TEST(LoggedStrings, ALogThatBeginsInABlockThatHasFailedKeepsWhatComesBehindIt) {
  StatementLog log;
  log.skip('a');
  log.run('a', 0, "INSERT INTO t VALUES ('no')");
  log.fail('a', 0, "INSERT INTO t VALUES ('no')", aborted);
  log.run('a', 0, "ROLLBACK; INSERT INTO t VALUES (1)");
  log.run('a', 7, "INSERT INTO t VALUES (2)");
  log.run('b', 0, "INSERT INTO t VALUES ('no')");
  log.run('b', 8, "INSERT INTO t VALUES (3)");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql, "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (3);\n");
}

TEST(LoggedStrings, AStatementThatIsTimedInABlockWithAnErrorHasSucceeded) {
  StatementLog log;
  log.say('a', 1, "duration: 9 ms  statement: BEGIN; INSERT INTO t VALUES (1)");
  log.fail('a', 1, "INSERT INTO t VALUES ('no')");
  log.say('a', 1, "duration: 9 ms  statement: INSERT INTO t VALUES (2)");  // ROLLBACK TO was a shorter one
  log.say('a', 0, "duration: 9 ms  statement: COMMIT");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "BEGIN;\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nCOMMIT;\n");
  EXPECT_EQ(result.places(Remark::savepoints), "1: 3");
}

// It is logged when it has succeeded, and it has not.
TEST(LoggedStrings, AStringThatCommitsAndFailsAndIsLoggedByItsDurationIsNamed) {
  StatementLog log;
  log.say('a', 0, "duration: 9 ms  statement: INSERT INTO t VALUES (1)");
  log.fail('a', 2, "INSERT INTO t VALUES ('lost'); COMMIT; INSERT INTO t VALUES ('no')");
  log.fail('a', 3, "BEGIN; COMMIT; INSERT INTO t VALUES ('no')");
  log.fail('a', 4, "INSERT INTO t VALUES ('no'); COMMIT; SELEC", "42601");
  log.fail('a', 5, "CALL p()");
  log.fail('a', 7, "CALL p()");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, "INSERT INTO t VALUES (1);\n");
  EXPECT_EQ(result.places(Remark::partly_committed), "2: 2 6");
}

}  // namespace
}  // namespace lpbm::job
