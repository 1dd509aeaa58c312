// Which settings the later transactions of a session run with, and how literals are read.
#include <gtest/gtest.h>

#include "job/logged_session.h"
#include "unit/job/statement_fixture.h"

namespace lpbm::job {
namespace {

using csvlog::test::StatementLog;
using test::extract;
using test::Result;

const std::string path_a = "SELECT pg_catalog.set_config('search_path', 'a', false);\n";

TEST(LoggedSettings, ThoseOfSetConfigLastLikeThoseOfSet) {
  StatementLog log;
  log.say('a', 1, "execute <unnamed>: SELECT set_config($1, $2::text, $3)",
          "parameters: $1 = 'search_path', $2 = 'a', $3 = 'f'");
  log.say('a', 2, "execute <unnamed>: INSERT INTO t VALUES ($1)", "Parameters: $1 = '1'");
  log.run('b', 1, "INSERT INTO t VALUES (2)");
  log.run('a', 3, "SELECT 1, pg_catalog.SET_CONFIG('a.b', 'c', 'on'), set_config('a.d', 'e', false)");
  log.run('a', 4, "INSERT INTO t VALUES (3)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.sql, path_a + "INSERT INTO t VALUES ('1');\nRESET search_path;\nINSERT INTO t VALUES (2);\n" +
                            "SELECT pg_catalog.set_config('a.d', 'e', false);\n" + path_a +
                            "INSERT INTO t VALUES (3);\n");
  EXPECT_TRUE(result.report.complete());
  EXPECT_EQ(result.places(Remark::functions), "");
}

TEST(LoggedSettings, ThoseOfSetConfigAreGoneWithTheirTransactionAndTheirSavepoint) {
  StatementLog log;
  log.run('a', 1, "BEGIN; SELECT set_config('search_path', 'back', false); ROLLBACK");
  log.run('a', 2, "BEGIN; SELECT set_config('search_path', 'a', false); SAVEPOINT s");
  log.run('a', 2, "SELECT set_config('search_path', 'undone', false), set_config('a.b', 'undone', false)");
  log.run('a', 2, "ROLLBACK TO s; SELECT set_config('datestyle', 'german', true); INSERT INTO t VALUES (1); COMMIT");
  log.run('a', 3, "SELECT set_config('search_path', 'failed', false), 1/0");
  log.fail('a', 3, "SELECT set_config('search_path', 'failed', false), 1/0", "22012");
  log.run('a', 4, "INSERT INTO t VALUES (2)");
  log.run('b', 1, "INSERT INTO t VALUES (3)");
  log.run('a', 5, "INSERT INTO t VALUES (4)");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql,
            "BEGIN;\nSELECT set_config('search_path', 'a', false);\nSELECT set_config('datestyle', 'german', true);\n"
            "INSERT INTO t VALUES (1);\nCOMMIT;\n"
            "INSERT INTO t VALUES (2);\nRESET search_path;\nINSERT INTO t VALUES (3);\n" +
                path_a + "INSERT INTO t VALUES (4);\n");
}

TEST(LoggedSettings, ThoseOfSetConfigThatTheLogDoesNotShowAreNamed) {
  StatementLog log;
  log.run('a', 1, "SELECT set_config('search_path', (SELECT path FROM tenants), false)");
  log.run('a', 2, "INSERT INTO t SELECT set_config('a.b', 'c', false)");
  log.say('a', 3, "execute <unnamed>: SELECT set_config('search_path', $1, false)");
  log.run('a', 4, "PREPARE p AS SELECT set_config('search_path', $1, false)");
  log.run('a', 5, "EXECUTE p('x')");
  log.run('a', 6, "SELECT set_config('work_mem', f, false) FROM x");
  log.run('a', 7, "BEGIN; DECLARE c CURSOR FOR SELECT set_config('search_path', x, false) FROM y; FETCH c; COMMIT");
  log.run('a', 8, "INSERT INTO t VALUES (1)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.places(Remark::settings), "5: 1 2 3 5 7");
  EXPECT_FALSE(result.report.complete());
  EXPECT_NE(
      result.all.find("-- a.csv:1: settings\nSELECT set_config('search_path', (SELECT path FROM tenants), false);"),
      std::string::npos);
  EXPECT_NE(result.all.find("-- a.csv:3: not run, settings\n"), std::string::npos);
  EXPECT_TRUE(result.sql.ends_with("SELECT pg_catalog.set_config('a.b', 'c', false);\nINSERT INTO t VALUES (1);\n"))
      << result.sql;
}

// log_statement = mod logs no SET.
TEST(LoggedSettings, SessionsOfWhichNothingButChangesIsLoggedAreNamed) {
  StatementLog log;
  log.run('a', 1, "INSERT INTO t VALUES (1)");
  log.run('b', 1, "INSERT INTO t VALUES (2)");
  log.run('a', 2, "INSERT INTO t VALUES (3)");
  EXPECT_EQ(extract(log).places(Remark::bare_sessions), "2: 1 2");
  StatementLog timed = log;
  timed.say('c', 1, "duration: 1 ms  statement: SELECT 1");
  EXPECT_EQ(extract(timed).places(Remark::bare_sessions), "");
  log.run('c', 1, "SELECT 1");
  EXPECT_EQ(extract(log).places(Remark::bare_sessions), "");
}

TEST(LoggedSettings, SessionsThatSetWhatIsLoggedOfThemAreNamed) {
  StatementLog log;
  log.run('a', 1, "SET log_statement = none");
  log.run('b', 1, "BEGIN; SET LOCAL \"Log_Min_Duration_Statement\" = -1; ROLLBACK");
  log.run('b', 2, "SELECT set_config('log_min_messages', 'panic', false)");
  log.run('b', 3, "RESET log_statement; SET log_timezone = 'UTC'");
  log.run('b', 4, "INSERT INTO t VALUES (1)");
  log.server("database system is shut down");
  const Result result = extract(log);
  EXPECT_EQ(result.places(Remark::logging_changed), "3: 1 2 3");
  EXPECT_FALSE(result.report.complete());
}

// A server reads a string before it runs any of it; psql reads and runs one statement after another.
TEST(LoggedSettings, LiteralsAreReadAsTheSettingWasWhenTheirStringCame) {
  StatementLog log;
  log.run('a', 1, "SET standard_conforming_strings = off; INSERT INTO t VALUES ('on\\')");
  log.run('a', 2, "INSERT INTO t VALUES ('off\\'')");
  log.run('a', 3, "RESET ALL; INSERT INTO t VALUES ('off\\'')");
  log.run('a', 4, "INSERT INTO t VALUES ('on\\')");
  log.run('a', 5, "BEGIN; SET standard_conforming_strings = off");
  log.run('a', 5, "ROLLBACK; INSERT INTO t VALUES ('off\\'')");
  log.server("database system is shut down");
  EXPECT_EQ(extract(log).sql,
            "BEGIN;\nSET standard_conforming_strings = off;\nINSERT INTO t VALUES (E'on\\\\');\nCOMMIT;\n"
            "INSERT INTO t VALUES ('off\\'');\n"
            "BEGIN;\nINSERT INTO t VALUES (E'off\\'');\nCOMMIT;\n"
            "INSERT INTO t VALUES ('on\\');\n"
            "INSERT INTO t VALUES (E'off\\'');\n");
}

TEST(LoggedSettings, APreparedStatementIsReadAsTheSettingWasThen) {
  StatementLog log;
  log.run('a', 1, "PREPARE p AS INSERT INTO t VALUES ('a\\', $1)");
  log.run('a', 2, "SET standard_conforming_strings = off");
  log.run('a', 3, "EXECUTE p('b\\'')");
  log.server("database system is shut down");
  EXPECT_TRUE(extract(log).sql.ends_with(
      "BEGIN;\nPREPARE p AS INSERT INTO t VALUES (E'a\\\\', $1);\nEXECUTE p('b\\'');\nDEALLOCATE p;\nCOMMIT;\n"))
      << extract(log).sql;
}

}  // namespace
}  // namespace lpbm::job
