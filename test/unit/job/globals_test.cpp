#include "job/globals.h"

#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using test::error_of;

constexpr const char* dumped = R"(--
-- PostgreSQL database cluster dump
--

\restrict abc;def

SET client_encoding = 'LATIN1';

CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$4096:a==$b=:c=';
COMMENT ON ROLE app IS 'it''s; "x"
CREATE ROLE trap;';
CREATE ROLE "we;ird""x";
ALTER ROLE "we;ird""x" WITH NOLOGIN;
ALTER ROLE app SET search_path TO 'a b', 'c';
ALTER ROLE app IN DATABASE shop SET work_mem TO '1MB';
GRANT pg_monitor TO app WITH ADMIN OPTION GRANTED BY postgres;
GRANT SET ON PARAMETER work_mem TO app;
CREATE TABLESPACE fast OWNER app LOCATION E'/a\\b''c';
GRANT ALL ON TABLESPACE fast TO PUBLIC;

\unrestrict abc
-- PostgreSQL database cluster dump complete
)";

TEST(GlobalsTextTest, IsSplitAroundQuotesCommentsAndBackslashLines) {
  const std::vector<GlobalStatement> statements = split_globals(dumped);
  ASSERT_EQ(statements.size(), 12U);
  EXPECT_EQ(statements[3].text, "COMMENT ON ROLE app IS 'it''s; \"x\"\nCREATE ROLE trap;';");
  EXPECT_EQ(statements[4].words, (std::vector<std::string>{"CREATE", "ROLE", "we;ird\"x"}));
}

TEST(GlobalsTextTest, IsSortedByRoleAndTablespace) {
  const Globals globals = parse_globals(dumped);
  EXPECT_EQ(globals.encoding, "LATIN1");
  ASSERT_EQ(globals.roles.size(), 2U);
  EXPECT_EQ(globals.roles[0].name, "app");
  EXPECT_EQ(globals.roles[0].statements.size(), 4U) << "settings of one database are not the role's";
  EXPECT_EQ(globals.roles[1].name, "we;ird\"x");
  ASSERT_EQ(globals.memberships.size(), 1U);
  EXPECT_EQ(globals.memberships[0].role + ">" + globals.memberships[0].member, "pg_monitor>app");
  ASSERT_EQ(globals.tablespaces.size(), 1U);
  EXPECT_EQ(globals.tablespaces[0].location, "/a\\b'c");
  EXPECT_EQ(globals.tablespaces[0].statements.size(), 2U);
  EXPECT_EQ(globals.parameters.size(), 1U);
}

TEST(GlobalsTextTest, IsRefusedWhenItIsCut) {
  EXPECT_EQ(error_of([] { parse_globals("CREATE ROLE a; CREATE ROLE b"); }).cause(), "the last statement has no end");
  EXPECT_EQ(error_of([] { parse_globals("COMMENT ON ROLE a IS 'x;\n"); }).cause(), "an unfinished quote");
}

class GlobalsTest : public test::WithServer {
 protected:
  std::string roles(postgres::Connection& connection) {
    return rows(connection,
                "SELECT rolname, rolcanlogin, rolconnlimit, rolpassword IS NOT NULL, (SELECT setconfig::text FROM "
                "pg_db_role_setting WHERE setrole = a.oid),"
                " shobj_description(a.oid, 'pg_authid') FROM pg_authid a WHERE rolname ~ '^g_' ORDER BY 1");
  }
};

TEST_F(GlobalsTest, MakesWhatIsMissingAndLeavesAloneWhatIsThere) {
  postgres::Connection connection(conninfo());
  connection.exec("CREATE ROLE g_old CONNECTION LIMIT 3");
  GlobalsKeeper keeper(connection);
  keeper.apply(
      parse_globals("CREATE ROLE g_old; ALTER ROLE g_old WITH LOGIN CONNECTION LIMIT 9; CREATE ROLE g_new;"
                    "ALTER ROLE g_new WITH LOGIN PASSWORD 'x'; ALTER ROLE g_new SET work_mem TO '1MB';"
                    "COMMENT ON ROLE g_new IS 'c'; GRANT g_old TO g_new; GRANT pg_monitor TO g_old;"));
  EXPECT_EQ(roles(connection), "g_new|t|-1|t|{work_mem=1MB}|c\ng_old|f|3|f|NULL|NULL");
  EXPECT_EQ(rows(connection,
                 "SELECT roleid::regrole, member::regrole FROM pg_auth_members WHERE member::regrole::text"
                 " ~ '^g_'"),
            "g_old|g_new");
  std::vector<std::string> notes;
  keeper.finish(notes);
  EXPECT_TRUE(notes.empty());
  connection.exec("DROP ROLE g_new; DROP ROLE g_old");
}

TEST_F(GlobalsTest, FollowsTheRolesItMadeAndDropsThemWhenTheyWereDropped) {
  postgres::Connection connection(conninfo());
  GlobalsKeeper keeper(connection);
  keeper.apply(
      parse_globals("CREATE ROLE g_a; CREATE ROLE g_b; CREATE ROLE g_c; ALTER ROLE g_a WITH LOGIN PASSWORD 'x';"
                    "ALTER ROLE g_a SET work_mem TO '1MB'; GRANT g_b TO g_a; GRANT g_c TO g_a;"));
  keeper.apply(
      parse_globals("CREATE ROLE g_a; CREATE ROLE g_b; ALTER ROLE g_a WITH NOLOGIN; GRANT g_b TO g_a WITH ADMIN"
                    " OPTION;"));
  std::vector<std::string> notes;
  keeper.finish(notes);
  EXPECT_EQ(roles(connection), "g_a|f|-1|f|NULL|NULL\ng_b|f|-1|f|NULL|NULL");
  EXPECT_EQ(rows(connection, "SELECT roleid::regrole, admin_option FROM pg_auth_members WHERE member = 'g_a'::regrole"),
            "g_b|t");
  connection.exec("DROP ROLE g_a; DROP ROLE g_b");
}

TEST_F(GlobalsTest, GrantsInAnOrderThatTheGrantorsAllow) {
  postgres::Connection connection(conninfo());
  GlobalsKeeper keeper(connection);
  keeper.apply(
      parse_globals("CREATE ROLE g_a; CREATE ROLE g_b; CREATE ROLE g_c;"
                    "GRANT g_c TO g_a GRANTED BY g_b; GRANT g_c TO g_b WITH ADMIN OPTION;"));
  EXPECT_EQ(rows(connection, "SELECT count(*) FROM pg_auth_members WHERE roleid = 'g_c'::regrole"), "2");
  connection.exec("DROP OWNED BY g_b; REVOKE g_c FROM g_a; REVOKE g_c FROM g_b; DROP ROLE g_a, g_b, g_c");
}

TEST_F(GlobalsTest, TellsOfTablespacesThatCannotBeMade) {
  postgres::Connection connection(conninfo());
  const Globals globals = parse_globals(
      "CREATE TABLESPACE g_space OWNER postgres LOCATION '/nonexistent/g';"
      "CREATE TABLESPACE g_full OWNER postgres LOCATION '/usr';");
  const std::vector<std::string> missing = check_tablespaces(connection, globals);
  ASSERT_EQ(missing.size(), 2U);
  EXPECT_EQ(missing[0], "g_space (there is no directory /nonexistent/g)");
  EXPECT_EQ(missing[1], "g_full (the directory /usr is not empty)");
  GlobalsKeeper(connection, true).apply(globals);
  EXPECT_TRUE(check_tablespaces(connection, globals).empty());
  connection.exec("DROP TABLESPACE g_space");
  connection.exec("DROP TABLESPACE g_full");
}

}  // namespace
}  // namespace lpbm::job
