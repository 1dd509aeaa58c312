#include "delta/logged_sql.h"

#include <gtest/gtest.h>

#include "delta/session_settings.h"

namespace lpbm::delta {
namespace {

SqlParameters parameters(const std::vector<std::string>& values) {
  SqlParameters out;
  for (const std::string& value : values) out.values.push_back({true, value == "NULL", value});
  return out;
}

// What psql is to run of a statement of the extended protocol.
std::string filled(std::string_view sql, const std::vector<std::string>& values) {
  const SqlParameters given = parameters(values);
  LoggedSql reader(sql, true, &given);
  LoggedStatement statement;
  if (!reader.next(statement)) return "none";
  return statement.rendered + (statement.parameters_missing ? " missing" : "");
}

LoggedStatement only(std::string_view sql, bool standard_strings = true) {
  LoggedSql reader(sql, standard_strings);
  LoggedStatement out, more;
  EXPECT_TRUE(reader.next(out)) << sql;
  EXPECT_FALSE(reader.next(more)) << sql;
  return out;
}

TEST(LoggedSql, ParametersAreFilledInWhereTheLexerSeesThem) {
  EXPECT_EQ(filled("INSERT INTO t VALUES ($1, $2, $1)", {"a", "NULL"}), "INSERT INTO t VALUES ('a', NULL, 'a')");
  // Not in strings, comments, dollar quotes, names and longer numbers.
  EXPECT_EQ(
      filled("SELECT '$1', E'\\'$1', $$ $1 $$, $a$ $1 $a$, \"$1\", a$1, U&'$1' /* $1 /* */ $1 */ -- $1\n, $1", {"x"}),
      "SELECT '$1', E'\\'$1', $$ $1 $$, $a$ $1 $a$, \"$1\", a$1, U&'$1' /* $1 /* */ $1 */ -- $1\n, 'x'");
  EXPECT_EQ(filled("VALUES ($1, $12, $11)", {"a", "", "", "", "", "", "", "", "", "", "k", "l"}),
            "VALUES ('a', 'l', 'k')");
  // A value is taken as it is.
  EXPECT_EQ(filled("VALUES ($1, $2)", {"$2 $$ $& it's", "\\1 :x"}), "VALUES ('$2 $$ $& it''s', E'\\\\1 :x')");
  EXPECT_EQ(filled("VALUES ($1)", {"a\nb"}), "VALUES (E'a\\nb')");
  // Nothing joins with what stands beside it.
  EXPECT_EQ(filled("a=$1and b>$2::int", {"x", "1"}), "a='x' and b> '1' ::int");
  EXPECT_EQ(filled("U&$1 || 'a'", {"x"}), "U& 'x' || 'a'");
  EXPECT_EQ(filled("a[1:$1]", {"2"}), "a[1: '2' ]");
  EXPECT_EQ(filled("f($1,$2)", {"1", "NULL"}), "f('1',NULL)");
  EXPECT_EQ(filled("VALUES ($1, $3)", {"a"}), "VALUES ('a', $3) missing");
}

TEST(LoggedSql, StatementsArePartedAsPsqlPartsThem) {
  LoggedSql reader(
      " a 1; -- c\n b ';' ; ;CREATE RULE r AS ON INSERT TO t DO ALSO (x; y); /* ; */ CREATE OR REPLACE FUNCTION f() "
      "RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; z -- end",
      true);
  std::vector<std::string> found;
  for (LoggedStatement s; reader.next(s);) found.emplace_back(s.text);
  EXPECT_EQ(found,
            (std::vector<std::string>{
                "a 1", "b ';'", "CREATE RULE r AS ON INSERT TO t DO ALSO (x; y)",
                "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT "
                "2; END",
                "z"}));
}

TEST(LoggedSql, WhatPsqlWouldTakeForItsOwnIsNotRun) {
  for (const char* sql : {"SELECT 'a", "SELECT $$a", "SELECT 1 /* a", "SELECT \"a", "SELECT (1", "SELECT 1)",
                          "\\! touch /tmp/x", "SELECT 1 \\g |cat"}) {
    LoggedSql reader(sql, true);
    LoggedStatement s;
    ASSERT_TRUE(reader.next(s)) << sql;
    EXPECT_FALSE(s.runnable) << sql;
  }
  EXPECT_TRUE(only("SELECT E'\\'', '\\', $$\\$$ -- \\\n").runnable);
  EXPECT_TRUE(only("SELECT '\\' \\''", false).runnable);
  EXPECT_EQ(only("SELECT a[b:c], ':x', x::text").rendered, "SELECT a[b: c], ':x', x::text");
}

TEST(LoggedSql, KindsAreKnownByTheirWords) {
  using K = LoggedStatement::Kind;
  const std::tuple<const char*, K, const char*> cases[] = {
      {"BEGIN ISOLATION LEVEL SERIALIZABLE", K::begin, ""},
      {"start transaction", K::begin, ""},
      {"COMMIT", K::commit, ""},
      {"END WORK", K::commit, ""},
      {"commit prepared 'a b'", K::commit_prepared, "'a b'"},
      {"ROLLBACK", K::rollback, ""},
      {"ABORT", K::rollback, ""},
      {"ROLLBACK TO a", K::rollback_to, "a"},
      {"rollback work to savepoint \"A b\"", K::rollback_to, "\"A b\""},
      {"ROLLBACK PREPARED 'x'", K::rollback_prepared, "'x'"},
      {"SAVEPOINT s", K::savepoint, "s"},
      {"RELEASE s", K::release, "s"},
      {"RELEASE SAVEPOINT s", K::release, "s"},
      {"PREPARE TRANSACTION 'g'", K::prepare_transaction, "'g'"},
      {"PREPARE p (int) AS INSERT INTO t VALUES ($1)", K::prepare, "p"},
      {"EXECUTE p(1)", K::execute, "p"},
      {"DEALLOCATE PREPARE p", K::deallocate, "p"},
      {"SET a = 1", K::set, ""},
      {"SET TRANSACTION READ ONLY", K::neutral, ""},
      {"SET CONSTRAINTS ALL DEFERRED", K::supporting, ""},
      {"RESET ALL", K::set, ""},
      {"DISCARD ALL", K::discard, ""},
      {"SELECT pg_catalog.set_config('search_path', '', false)", K::set, ""},
      {"SHOW x", K::neutral, ""},
      {"VACUUM t", K::neutral, ""},
      {"SELECT * FROM t WHERE a = lower('x') FOR UPDATE", K::neutral, ""},
      {"(SELECT count(*) FROM t)", K::neutral, ""},
      {"SELECT pg_catalog.pg_table_is_visible(1), now()", K::neutral, ""},
      {"SELECT f(1)", K::change, ""},
      {"SELECT s.lower(1)", K::change, ""},
      {"SELECT nextval('s')", K::change, ""},
      {"SELECT 1 INTO x", K::change, ""},
      {"WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", K::change, ""},
      {"WITH d AS (SELECT 1) SELECT * FROM d", K::neutral, ""},
      {"EXPLAIN INSERT INTO t VALUES (1)", K::neutral, ""},
      {"EXPLAIN (ANALYZE) INSERT INTO t VALUES (1)", K::change, ""},
      {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", K::change, ""},
      {"TRUNCATE t", K::change, ""},
      {"COPY t (a, b) FROM STDIN", K::copy_rows, ""},
      {"copy t from '/x' csv", K::copy_rows, ""},
      {"COPY t TO STDOUT", K::neutral, ""},
      {"COPY (SELECT a FROM t) TO STDOUT", K::neutral, ""},
      {"COPY (SELECT f(a) FROM t) TO STDOUT", K::change, ""},
      {"DO $$ $$", K::call, ""},
      {"CALL p()", K::call, ""},
      {"CREATE TABLE t (a varchar(10))", K::change, ""},
      {"CREATE DATABASE x", K::beyond, ""},
      {"ALTER SYSTEM SET a = 1", K::beyond, ""},
      {"GRANT CONNECT ON DATABASE x TO y", K::beyond, ""},
      {"GRANT SELECT ON t TO y", K::change, ""},
      {"SELECT f(set_config('search_path', '', false))", K::change, ""},
      {"VALUES (set_config('search_path', '', false))", K::set, ""},
      {"DECLARE c CURSOR FOR SELECT 1", K::cursor, "c"},
      {"FETCH FORWARD 5 FROM \"c d\"", K::cursor, "\"c d\""},
      {"MOVE c", K::cursor, "c"},
      {"CLOSE ALL", K::cursor, "ALL"},
      {"FROBNICATE", K::change, ""},
  };
  for (const auto& [sql, kind, object] : cases) {
    const LoggedStatement s = only(sql);
    EXPECT_EQ(s.kind, kind) << sql;
    EXPECT_EQ(s.object, object) << sql;
  }
  EXPECT_TRUE(only("COMMIT AND CHAIN").chain);
  EXPECT_FALSE(only("COMMIT AND NO CHAIN").chain);
}

TEST(LoggedSql, ValuesThatAreOthersEachTimeAndCallsAreSeen) {
  for (const char* sql : {"INSERT INTO t VALUES (now())", "UPDATE t SET a = CURRENT_TIMESTAMP", "SELECT nextval('s')",
                          "INSERT INTO t SELECT random()", "INSERT INTO t VALUES ('now'::timestamp)",
                          "CREATE TABLE t AS SELECT now() AS a", "INSERT INTO t VALUES (uuid_generate_v4())"})
    EXPECT_TRUE(only(sql).volatile_values) << sql;
  for (const char* sql :
       {"INSERT INTO t VALUES ('now or never')", "UPDATE t SET now = 1", "CREATE TABLE t (a date DEFAULT now())",
        "CREATE VIEW v AS SELECT now()", "INSERT INTO t (a) VALUES (lower('A'))"})
    EXPECT_FALSE(only(sql).volatile_values) << sql;
  for (const char* sql : {"SELECT f(1)", "INSERT INTO t VALUES (my.lower(1))", "CALL p()", "UPDATE t SET a = \"F\"(1)"})
    EXPECT_TRUE(only(sql).calls) << sql;
  for (const char* sql : {"INSERT INTO t (a) VALUES (1)", "INSERT INTO s.t (a) SELECT count(*) FROM u AS x(y)",
                          "UPDATE t SET (a, b) = (1, 2) WHERE c IN (1) AND EXISTS (SELECT 1)",
                          "INSERT INTO t VALUES ('1'::numeric(10,2)) ON CONFLICT (a) DO NOTHING",
                          "CREATE INDEX ON t (f(a))", "PREPARE p(int) AS SELECT 1"})
    EXPECT_FALSE(only(sql).calls) << sql;
  EXPECT_TRUE(only("CREATE LOCAL TEMPORARY TABLE t (a int)").temporary);
  EXPECT_TRUE(only("SELECT 1 INTO TEMP t").temporary);
  EXPECT_FALSE(only("CREATE TABLE temp (a int)").temporary);
}

std::string text_of(const SettingChanges& set) {
  std::string out = set.unknown ? "unknown " : "";
  if (set.changes.empty()) out += "none";
  for (const SettingChange& change : set.changes) {
    out += &change == &set.changes.front() ? "" : "; ";
    if (change.scope == SettingChange::all)
      out += "all";
    else if (change.scope == SettingChange::everything)
      out += "everything";
    else
      out += change.name + (change.local ? " local" : "") + ": " + change.statement.value_or("default");
  }
  return out;
}

std::string change_of(const char* sql, bool standard_strings = true) {
  return text_of(setting_changes(only(sql, standard_strings)));
}

TEST(SessionSettings, AreTakenFromEachFormOfSet) {
  EXPECT_EQ(change_of("SET search_path TO a, \"B\""), "search_path: SET search_path TO a, \"B\"");
  EXPECT_EQ(change_of("set session Search_Path = a"), "search_path: SET Search_Path = a");
  EXPECT_EQ(change_of("SET LOCAL app.x = 'y'"), "app.x local: SET app.x = 'y'");
  EXPECT_EQ(change_of("SET search_path TO DEFAULT"), "search_path: default");
  EXPECT_EQ(change_of("SET SCHEMA 's'"), "search_path: SET SCHEMA 's'");
  EXPECT_EQ(change_of("SET TIME ZONE 'UTC'"), "timezone: SET TIME ZONE 'UTC'");
  EXPECT_EQ(change_of("SET ROLE bob"), "role: SET ROLE bob");
  EXPECT_EQ(change_of("SET ROLE NONE"), "role: default");
  EXPECT_EQ(change_of("SET SESSION AUTHORIZATION bob"), "session_authorization: SET SESSION AUTHORIZATION bob");
  EXPECT_EQ(change_of("RESET SESSION AUTHORIZATION"), "session_authorization: default");
  EXPECT_EQ(change_of("RESET datestyle"), "datestyle: default");
  EXPECT_EQ(change_of("SET extra_float_digits = 0"), "extra_float_digits: SET extra_float_digits = 0");
  EXPECT_EQ(change_of("RESET ALL"), "all");
  EXPECT_EQ(change_of("DISCARD ALL"), "everything");
  EXPECT_EQ(change_of("DISCARD TEMP"), "none");
  EXPECT_EQ(change_of("SELECT pg_catalog.set_config('search_path', '', false)"),
            "search_path: SELECT pg_catalog.set_config('search_path', '', false)");
  EXPECT_EQ(change_of("select set_config('a.b', 'it''s', true)"),
            "a.b local: SELECT pg_catalog.set_config('a.b', 'it''s', false)");
  for (const char* sql : {"SET client_encoding = 'LATIN1'", "SET NAMES 'x'", "SET statement_timeout = 1"})
    EXPECT_EQ(change_of(sql), "none") << sql;
  // The same whatever the settings are where it is set anew.
  EXPECT_EQ(change_of("SET app.x = 'a\\'b'", false), "app.x: SET app.x = E'a\\'b'");
  EXPECT_EQ(change_of("SET app.x = 'a\\b'", true), "app.x: SET app.x = E'a\\\\b'");
}

TEST(SessionSettings, AreTakenFromSetConfigWhereItsValuesStandInTheText) {
  const std::string path = "search_path: SELECT pg_catalog.set_config('search_path', 'a', false)";
  for (const char* sql :
       {"SELECT set_config('search_path', 'a', false)", "select PG_CATALOG.SET_CONFIG('Search_Path','a','f')",
        "SELECT \"pg_catalog\".\"set_config\"('search_path'::text, ('a')::varchar, NULL)",
        "SELECT set_config(E'search_path', CAST('a' AS text), 0::bool) AS x",
        "SELECT 1, set_config('search_path', "
        "'a', 'off') y, current_user"})
    EXPECT_EQ(change_of(sql), path) << sql;
  for (const char* local : {"true", "'t'", "'yes'", "'on'::boolean", "1::bool", "CAST('true' AS text)::bool"})
    EXPECT_EQ(change_of((std::string("SELECT set_config('a.b', 'c', ") + local + ")").c_str()),
              "a.b local: SELECT pg_catalog.set_config('a.b', 'c', false)")
        << local;
  EXPECT_EQ(change_of("SELECT set_config('a.b', NULL::text, false), set_config('role', 'bob', false), "
                      "set_config('c.d', 5::text, false), set_config('c.e', true::text, false)"),
            "a.b: default; role: SELECT pg_catalog.set_config('role', 'bob', false); c.d: SELECT "
            "pg_catalog.set_config('c.d', '5', false); c.e: SELECT pg_catalog.set_config('c.e', 'true', false)");
  EXPECT_EQ(change_of("SELECT set_config('a.b', 'c\\'d', false)", false),
            "a.b: SELECT pg_catalog.set_config('a.b', E'c\\'d', false)");
  EXPECT_EQ(change_of("SELECT set_config('application_name', f(), false)"), "none") << "it changes no meaning";
  EXPECT_EQ(change_of("SELECT my.set_config('search_path', 'a', false)"), "none");
}

TEST(SessionSettings, OfSetConfigThatTheTextDoesNotShowForSureAreUnknown) {
  for (const char* sql :
       {"SELECT set_config('a.b', f(), false)", "SELECT set_config('a.b', (SELECT x FROM y), false)",
        "SELECT set_config(x, 'b', false) FROM y", "SELECT set_config('a.b', 'c' || 'd', false)",
        "SELECT set_config('a.b', 'c', x)", "SELECT set_config('a.b', 'now'::date::text, false)",
        "SELECT set_config('a.b', '1'::bool::text, false)", "SELECT set_config('a.b', ('1'::bool)::text, false)",
        "SELECT set_config('a.b', CAST('1'::bool AS text), false)",
        "SELECT set_config('a.b', 'abc'::varchar(2), false)", "SELECT set_config('a.b', '007'::int::text, false)",
        "SELECT set_config('a.b', 7.50::text, false)", "SELECT set_config('a.b', true::int::text, false)",
        "SELECT set_config('a.b', $1, false)", "SELECT set_config(U&'a.b', 'c', false)",
        "SELECT set_config(setting_name => 'a.b')", "SELECT set_config("})
    EXPECT_EQ(change_of(sql), "unknown none") << sql;
  const std::string known = "unknown a.b: SELECT pg_catalog.set_config('a.b', 'c', false)";
  for (const char* sql :
       {"SELECT set_config('a.b', 'c', false) FROM t", "SELECT set_config('a.b', 'c', false) WHERE x",
        "SELECT CASE WHEN x THEN set_config('a.b', 'c', false) END", "SELECT upper(set_config('a.b', 'c', false))",
        "SELECT set_config('a.b', 'c', false) || 'x'", "VALUES (set_config('a.b', 'c', false))",
        "SELECT (SELECT set_config('a.b', 'c', false))", "SELECT 1 UNION SELECT set_config('a.b', 'c', false)",
        "INSERT INTO t SELECT set_config('a.b', 'c', false)"})
    EXPECT_EQ(change_of(sql), known) << sql;
}

TEST(SessionSettings, OfSetConfigInADefinitionAreNoneOfTheSession) {
  for (const char* sql : {"CREATE VIEW v AS SELECT set_config('a.b', 'c', false)",
                          "CREATE TABLE t (a text DEFAULT set_config('a.b', 'c', false))",
                          "CREATE FUNCTION f() RETURNS text RETURN set_config('a.b', 'c', false)"})
    EXPECT_FALSE(only(sql).sets_config) << sql;
  EXPECT_TRUE(only("CREATE TABLE t AS SELECT set_config('a.b', 'c', false)").sets_config);
}

}  // namespace
}  // namespace lpbm::delta
