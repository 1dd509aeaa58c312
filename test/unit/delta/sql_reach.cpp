#include "delta/sql_reach.h"

#include <gtest/gtest.h>

namespace lpbm::delta {
namespace {

std::optional<std::string> judged(std::string_view sql, bool standard_strings = true) {
  return reach_beyond_database(sql, standard_strings, [](const std::string& name) { return name == "hstore"; });
}

TEST(SqlReachTest, RefusesWhatReachesBeyondTheDatabase) {
  for (const char* sql : {"COPY t FROM PROGRAM 'id'",
                          "copy/**/t(a) to /* x */ program $$id$$",
                          "COPY t FROM '/etc/passwd'",
                          "COPY (SELECT 1) TO E'/tmp/x'",
                          "ALTER ROLE me SUPERUSER",
                          "alter user me superuser",
                          "CREATE ROLE x",
                          "DROP GROUP x",
                          "CREATE DATABASE x",
                          "ALTER DATABASE shop SET role = x",
                          "DROP TABLESPACE x",
                          "ALTER SYSTEM SET archive_command = 'id'",
                          "LOAD 'x'",
                          "SET SESSION AUTHORIZATION me",
                          "SET SESSION SESSION AUTHORIZATION me",
                          "SET ROLE me",
                          "SET \"Role\" = 'me'",
                          "SET LOCAL role = 'me'",
                          "SET \"role\" TO me",
                          "RESET ROLE",
                          "RESET SESSION AUTHORIZATION",
                          "DISCARD ALL",
                          "GRANT pg_execute_server_program TO me",
                          "REVOKE ADMIN OPTION FOR a FROM b",
                          "GRANT ALL ON DATABASE other TO me",
                          "GRANT SET ON PARAMETER x TO me",
                          "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'system'",
                          "CREATE OR REPLACE FUNCTION f(a int) RETURNS int AS 'x' LANGUAGE \"internal\"",
                          "CREATE FUNCTION f() RETURNS int LANGUAGE 'plpython3u' AS 'x'",
                          "CREATE PROCEDURE f() LANGUAGE plpgsql SECURITY DEFINER AS 'x'",
                          "ALTER FUNCTION f() SECURITY DEFINER",
                          "CREATE EXTENSION file_fdw",
                          "CREATE EXTENSION IF NOT EXISTS hstore CASCADE",
                          "CREATE LANGUAGE x",
                          "CREATE SERVER s FOREIGN DATA WRAPPER file_fdw",
                          "CREATE FOREIGN TABLE t (a int) SERVER s",
                          "DO 'x'",
                          "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
                          "CREATE CAST (a AS b) WITHOUT FUNCTION",
                          "CREATE TYPE t (INPUT = a, OUTPUT = b)",
                          "CREATE TYPE \"as\" (INPUT = a)",
                          "ALTER TYPE t SET (RECEIVE = x)",
                          "CREATE SUBSCRIPTION s",
                          "UPDATE pg_catalog.pg_authid SET rolsuper = true",
                          "INSERT INTO pg_proc SELECT 1",
                          "UPDATE ONLY pg_class SET a = 1",
                          "CREATE VIEW v AS SELECT * FROM pg_language",
                          "DELETE FROM \"pg_class\"",
                          "UPDATE U&\"pg\\005fclass\" SET a = 1",
                          "INSERT INTO t SELECT pg_read_file('/etc/passwd')",
                          "SELECT lo_export(1, '/tmp/x')",
                          "REASSIGN OWNED BY a TO b",
                          "SET client_encoding = 'SJIS'",
                          "SET NAMES 'BIG5'",
                          "SET session_preload_libraries = 'x'",
                          "DROP OWNED BY x",
                          "COMMENT ON ROLE x IS 'y'",
                          "SECURITY LABEL ON TABLE t IS 'x'",
                          "CHECKPOINT"})
    EXPECT_TRUE(judged(sql)) << sql;
}

TEST(SqlReachTest, SeesEveryStatementThatTheServerWouldSee) {
  for (const char* sql : {"SELECT 1; ALTER ROLE me SUPERUSER", "SELECT 1 -- x\r; ALTER ROLE me SUPERUSER",
                          "CREATE FUNCTION begin() RETURNS int RETURN 1; ALTER ROLE me SUPERUSER; END",
                          "SELECT (1; ALTER ROLE me SUPERUSER", "/* a /* b */ c */ ALTER ROLE me SUPERUSER",
                          "SELECT 'a' -- b\n'c'; ALTER ROLE me SUPERUSER"})
    EXPECT_TRUE(judged(sql)) << sql;
  EXPECT_FALSE(judged("SELECT '\\'; ALTER ROLE me SUPERUSER; --'", false)) << "there it is a literal";
  EXPECT_TRUE(judged("SELECT '\\'; ALTER ROLE me SUPERUSER; --'"));
}

TEST(SqlReachTest, LetsTheContentOfADatabaseBe) {
  for (const char* sql :
       {"INSERT INTO t VALUES ('COPY t FROM PROGRAM ''id''')",
        "UPDATE t SET role = 'ALTER ROLE x SUPERUSER'",
        "DELETE FROM roles WHERE \"program\" = $$; ALTER ROLE x SUPERUSER$$",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "CREATE TABLE role (superuser text, language text)",
        "CREATE UNLOGGED TABLE t (a int) -- ALTER ROLE x",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE UNIQUE INDEX i ON t (a)",
        "COPY t FROM stdin",
        "COPY t TO STDOUT",
        "CREATE FUNCTION f(language text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC INSERT INTO t VALUES (1); SELECT CASE WHEN true THEN 1 END; END",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM w)",
        "GRANT SELECT (a), UPDATE (b) ON t TO x",
        "REVOKE GRANT OPTION FOR SELECT ON ALL TABLES IN SCHEMA s FROM x",
        "ALTER TABLE t OWNER TO x",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x",
        "CREATE EXTENSION hstore",
        "CREATE TYPE s.t AS ENUM ('a')",
        "CREATE TYPE t AS (a int)",
        "ALTER TYPE t ADD VALUE 'x'",
        "DROP TABLE t",
        "CREATE CONSTRAINT TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "TRUNCATE TABLE ONLY a, b",
        "BEGIN; SET search_path = a, b; SET TIME ZONE 'UTC'; INSERT INTO t VALUES (1); COMMIT",
        "RESET ALL",
        "INSERT INTO t SELECT nextval(pg_get_serial_sequence('t', 'a')), count(*) FROM pg_class",
        "SET NAMES 'UTF8'",
        "COMMENT ON TABLE t IS 'x'",
        "DROP EXTENSION hstore",
        "REFRESH MATERIALIZED VIEW m",
        "(SELECT 1)",
        ";; ;"})
    EXPECT_FALSE(judged(sql)) << sql << ": " << judged(sql).value_or("");
}

}  // namespace
}  // namespace lpbm::delta
