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
  void arm(CodeGuard& guard, bool all = false) {
    guard.arm(all);
    connection_->exec("SET search_path = public");
  }
  void refuse() {
    refuse_reach(*connection_, "x");
    connection_->exec("SET search_path = public");
  }
  void run_bound(CodeGuard& guard, const std::string& text) {
    guard.run_bound("g_low", "SET LOCAL search_path = public", text, "");
  }
  std::string definers() {
    return rows(*connection_, "SELECT proname FROM pg_proc WHERE oid >= 16384 AND prosecdef ORDER BY 1");
  }
  std::unique_ptr<postgres::Connection> connection_;
};

TEST_F(CodeGuardTest, BindsWhatRowsReachAndLetsItGoAgain) {
  CodeGuard guard(*connection_);
  EXPECT_FALSE(guard.armed());
  arm(guard);
  EXPECT_TRUE(guard.armed());
  EXPECT_EQ(definers(), "own\nwho");
  connection_->exec("INSERT INTO t VALUES (1)");
  arm(guard, true);
  EXPECT_EQ(definers(), "alone\nown\nwho");
  guard.disarm();
  connection_->exec("SET search_path = public");
  EXPECT_EQ(definers(), "own");
  EXPECT_FALSE(guard.armed());
}

TEST_F(CodeGuardTest, RefusesWhatCallsBeyondItsOwner) {
  refuse();  // what belongs to a superuser may
  for (const char* expression : {"lo_import('x') > 0", "set_config('a.b', 'c', false) = ''",
                                 "query_to_xml('SELECT 1', true, true, '') IS NOT NULL", "pg_read_file('x') = ''"}) {
    connection_->exec(std::string("SET ROLE g_low; CREATE TABLE bad (a int CHECK (") + expression + ")); RESET ROLE");
    const Error error = error_of([&] { refuse_reach(*connection_, "x"); });
    connection_->exec("SET search_path = public");
    EXPECT_NE(error.cause().find("the constraint bad_check of public.bad calls "), std::string::npos) << error.cause();
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
  const auto of = [&](const char* role, const char* text) { return confinement_of(*connection_, role, text); };
  EXPECT_EQ(of("\"postgres\"", "CREATE TABLE x ()"), Confinement::none);
  EXPECT_EQ(of("\"g_low\"", "CREATE TABLE x ()"), Confinement::function);
  EXPECT_EQ(of("\"g_low\"", "create  or\nreplace function f() ..."), Confinement::function);
  EXPECT_EQ(of("\"g_low\"", "CREATE TABLE function (role int)"), Confinement::function);
  EXPECT_EQ(of("\"g_low\"", "-- a\n/* b */ create or replace function f() ... set role = x"), Confinement::role);
  EXPECT_EQ(of("\"g_low\"", "ALTER FUNCTION f() SET role = x"), Confinement::role);
  connection_->exec("ROLLBACK");
}

TEST_F(CodeGuardTest, LetsNobodyElseRunDdlWhileItIsArmed) {
  CodeGuard guard(*connection_);
  arm(guard);
  connection_->exec("CREATE TABLE by_superuser ()");
  for (const char* command : {"CREATE TABLE x ()", "CREATE TEMP TABLE x ()", "ALTER FUNCTION who() SECURITY INVOKER",
                              "CREATE OR REPLACE FUNCTION who() RETURNS text LANGUAGE sql AS 'SELECT 1'"}) {
    connection_->exec("SET ROLE g_low");
    EXPECT_NE(error_of([&] { connection_->exec(command); }).cause().find("code that rows run may not run "),
              std::string::npos);
    connection_->exec("RESET ROLE");
  }
  guard.disarm();
  connection_->exec("SET search_path = public");
  connection_->exec("SET ROLE g_low; CREATE TABLE x (); RESET ROLE");
  arm(guard);
  guard.remove();
  EXPECT_EQ(rows(*connection_, "SELECT count(*) FROM pg_event_trigger"), "0");
  EXPECT_EQ(rows(*connection_, "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'guard'"), "0");
}

TEST_F(CodeGuardTest, HidesThePreparedStatementsWhileItIsArmed) {
  const std::string look = "SET ROLE g_low; SELECT count(*) FROM pg_prepared_statements";
  CodeGuard guard(*connection_);
  arm(guard);
  EXPECT_NE(error_of([&] { connection_->exec(look); }).cause().find("permission denied for function"),
            std::string::npos);
  connection_->exec("RESET ROLE");
  guard.disarm();
  connection_->exec("SET search_path = public");
  connection_->exec(look + "; RESET ROLE");
  EXPECT_EQ(rows(*connection_, "SELECT proacl IS NULL FROM pg_proc WHERE proname = 'pg_prepared_statement'"), "t");
}

TEST_F(CodeGuardTest, BindsFunctionsThatSetARoleAsTheirOwners) {
  connection_->exec(
      "SET ROLE g_low; CREATE FUNCTION roled() RETURNS text LANGUAGE sql SET work_mem = '1MB' SET role = g_low AS "
      "'SELECT current_user';"
      "CREATE TABLE r (id int CHECK (roled() = 'g_low')); RESET ROLE");
  CodeGuard guard(*connection_);
  arm(guard);
  connection_->exec("INSERT INTO r VALUES (1)");
  guard.disarm();
  connection_->exec("SET search_path = public");
  EXPECT_EQ(rows(*connection_, "SELECT proconfig, prosecdef FROM pg_proc WHERE proname = 'roled'"),
            "{work_mem=1MB,role=g_low}|f");
}

TEST_F(CodeGuardTest, BindsAllWhereACommandCannotBeConfined) {
  connection_->exec(
      "SET ROLE g_low; CREATE FUNCTION leak() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RESET ROLE; RETURN true; END';"
      "CREATE FUNCTION alter_back() RETURNS boolean LANGUAGE plpgsql AS"
      " 'BEGIN ALTER FUNCTION leak() SECURITY INVOKER; RETURN true; END';"
      "CREATE DOMAIN leaking AS text CHECK (leak()); CREATE DOMAIN altering AS text CHECK (alter_back()); RESET ROLE");
  CodeGuard guard(*connection_);
  connection_->exec("BEGIN");
  const auto refused = [&](const char* type, const char* cause) {
    connection_->exec("SAVEPOINT s");
    const std::string text = std::string("CREATE FUNCTION f(a ") + type +
                             "[] DEFAULT '{x}') RETURNS int LANGUAGE sql SET role = g_low AS 'SELECT 1'";
    const Error error = error_of([&] { run_bound(guard, text); });
    EXPECT_NE(error.cause().find(cause), std::string::npos) << error.cause();
    connection_->exec("ROLLBACK TO s");
  };
  refused("leaking", "cannot set parameter \"role\" within security-definer function");
  refused("altering", "code that rows run may not run ALTER FUNCTION");
  run_bound(guard, "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET role = g_low AS 'SELECT 1'");
  run_bound(guard, "CREATE OR REPLACE FUNCTION who() RETURNS text LANGUAGE sql SET role = g_low AS 'SELECT 1'");
  guard.remove();
  connection_->exec("COMMIT; SET search_path = public");
  EXPECT_EQ(definers(), "f\nown");
  EXPECT_EQ(rows(*connection_, "SELECT count(*) FROM pg_event_trigger"), "0");
}

TEST_F(CodeGuardTest, LetsNothingOutOfAConfinedCommand) {
  connection_->exec(
      "SET ROLE g_low; CREATE FUNCTION leak() RETURNS int LANGUAGE plpgsql AS 'BEGIN RESET ROLE; RETURN 1; END';"
      "CREATE TABLE filled (id int PRIMARY KEY); INSERT INTO filled VALUES (1); RESET ROLE");
  connection_->exec("BEGIN; SAVEPOINT s");
  const auto run = [&](const std::string& text) {
    run_confined(*connection_, "\"g_low\"", "SET LOCAL search_path = public", text, "RESET ROLE");
  };
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
