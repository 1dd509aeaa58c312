#include "job/code_guard.h"

#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using test::error_of;

class CodeGuardTest : public test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    make_database("guarded");
    connection_ = std::make_unique<postgres::Connection>(conninfo("guarded"));
    connection_->exec(
        "DO $$ BEGIN IF to_regrole('g_low') IS NULL THEN CREATE ROLE g_low; END IF; END $$;"
        "GRANT CREATE ON SCHEMA public TO g_low; SET ROLE g_low;"
        "CREATE FUNCTION who() RETURNS text LANGUAGE sql AS 'SELECT current_user';"
        "CREATE FUNCTION alone() RETURNS text LANGUAGE sql AS 'SELECT current_user';"
        "CREATE FUNCTION own() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user';"
        "CREATE TABLE t (id int PRIMARY KEY, v text CHECK (who() = 'g_low'), w text CHECK (own() = 'g_low'));"
        "RESET ROLE; CREATE FUNCTION ours() RETURNS text LANGUAGE sql AS 'SELECT current_user';"
        "CREATE TABLE u (id int CHECK (ours() = 'postgres' AND lo_import('x') > 0))");
  }
  std::string definers() {
    return rows(*connection_, "SELECT proname FROM pg_proc WHERE oid >= 16384 AND prosecdef ORDER BY 1");
  }
  std::unique_ptr<postgres::Connection> connection_;
};

TEST_F(CodeGuardTest, BindsWhatRowsReachAndLetsItGoAgain) {
  CodeGuard guard(*connection_);
  EXPECT_FALSE(guard.armed());
  guard.arm(false);
  EXPECT_TRUE(guard.armed());
  EXPECT_EQ(definers(), "own\nwho");
  connection_->exec("INSERT INTO t VALUES (1)");
  guard.arm(true);
  EXPECT_EQ(definers(), "alone\nown\nwho");
  guard.disarm();
  EXPECT_EQ(definers(), "own");
  EXPECT_FALSE(guard.armed());
}

TEST_F(CodeGuardTest, RefusesWhatCallsBeyondItsOwner) {
  refuse_reach(*connection_, "x");  // what belongs to a superuser may
  for (const char* expression : {"lo_import('x') > 0", "set_config('a.b', 'c', false) = ''",
                                 "query_to_xml('SELECT 1', true, true, '') IS NOT NULL", "pg_read_file('x') = ''"}) {
    connection_->exec(std::string("SET ROLE g_low; CREATE TABLE bad (a int CHECK (") + expression + ")); RESET ROLE");
    const Error error = error_of([&] { refuse_reach(*connection_, "x"); });
    EXPECT_NE(error.cause().find("the constraint bad_check of bad calls "), std::string::npos) << error.cause();
    connection_->exec("DROP TABLE bad");
  }
  connection_->exec(
      "SET ROLE g_low; CREATE DOMAIN good AS text CHECK (VALUE ~ 'x' AND random() < 2);"
      "CREATE TABLE fine (a int CHECK (a > 0), b text CHECK (lower(b) = b), c timestamptz CHECK (c > now()),"
      " d int GENERATED ALWAYS AS (a + 1) STORED); RESET ROLE");
  refuse_reach(*connection_, "x");
}

TEST_F(CodeGuardTest, ConfinesCommandsOfOthersAlone) {
  connection_->exec("BEGIN");
  EXPECT_FALSE(is_to_be_confined(*connection_, "\"postgres\"", "CREATE TABLE x ()"));
  EXPECT_TRUE(is_to_be_confined(*connection_, "\"g_low\"", "CREATE TABLE x ()"));
  EXPECT_FALSE(is_to_be_confined(*connection_, "\"g_low\"", "create  or\nreplace function f() ..."));
  EXPECT_TRUE(is_to_be_confined(*connection_, "\"g_low\"", "CREATE TABLE function ()"));
  connection_->exec("ROLLBACK");
}

TEST_F(CodeGuardTest, LetsNothingOutOfAConfinedCommand) {
  connection_->exec(
      "SET ROLE g_low; CREATE FUNCTION leak() RETURNS int LANGUAGE plpgsql AS 'BEGIN RESET ROLE; RETURN 1; END';"
      "CREATE TABLE filled (id int PRIMARY KEY); INSERT INTO filled VALUES (1); RESET ROLE");
  connection_->exec("BEGIN; SAVEPOINT s");
  const auto run = [&](const std::string& text) { run_confined(*connection_, "\"g_low\"", "", text, "RESET ROLE"); };
  const Error error = error_of([&] { run("ALTER TABLE filled ADD x int DEFAULT leak()\n;"); });
  EXPECT_NE(error.cause().find("cannot set parameter \"role\" within security-definer function"), std::string::npos)
      << error.cause();
  connection_->exec("ROLLBACK TO s");
  run("CREATE TABLE made (who text DEFAULT current_user)\n;");
  connection_->exec("COMMIT");
  EXPECT_EQ(rows(*connection_, "SELECT relowner::regrole FROM pg_class WHERE relname = 'made'"), "g_low");
  EXPECT_EQ(rows(*connection_, "SELECT count(*) FROM pg_proc WHERE proname = 'lpbm_ddl'"), "0");
}

}  // namespace
}  // namespace lpbm::job
