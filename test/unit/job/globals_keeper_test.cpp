#include "job/globals_keeper.h"

#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using test::error_of;

class GlobalsKeeperTest : public test::WithServer {
 protected:
  std::string roles(postgres::Connection& connection) {
    return rows(connection,
                "SELECT rolname, rolcanlogin, rolconnlimit, rolpassword IS NOT NULL, (SELECT setconfig::text FROM "
                "pg_db_role_setting WHERE setrole = a.oid),"
                " shobj_description(a.oid, 'pg_authid') FROM pg_authid a WHERE rolname ~ '^g_' ORDER BY 1");
  }
};

TEST_F(GlobalsKeeperTest, MakesWhatIsMissingAndLeavesAloneWhatIsThere) {
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

TEST_F(GlobalsKeeperTest, FollowsTheRolesItMadeAndDropsThemWhenTheyWereDropped) {
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

TEST_F(GlobalsKeeperTest, GrantsInAnOrderThatTheGrantorsAllow) {
  postgres::Connection connection(conninfo());
  GlobalsKeeper keeper(connection);
  keeper.apply(
      parse_globals("CREATE ROLE g_a; CREATE ROLE g_b; CREATE ROLE g_c;"
                    "GRANT g_c TO g_a GRANTED BY g_b; GRANT g_c TO g_b WITH ADMIN OPTION;"));
  EXPECT_EQ(rows(connection, "SELECT count(*) FROM pg_auth_members WHERE roleid = 'g_c'::regrole"), "2");
  connection.exec("DROP OWNED BY g_b; REVOKE g_c FROM g_a; REVOKE g_c FROM g_b; DROP ROLE g_a, g_b, g_c");
}

TEST_F(GlobalsKeeperTest, FollowsMembershipsThatDependOnOneAnother) {
  postgres::Connection connection(conninfo());
  GlobalsKeeper keeper(connection);
  const std::string roles = "CREATE ROLE g_a; CREATE ROLE g_b; CREATE ROLE g_c; CREATE ROLE g_d;";
  keeper.apply(parse_globals(roles + "GRANT g_d TO g_a WITH ADMIN OPTION; GRANT g_d TO g_b GRANTED BY g_a;"
                                     "GRANT g_d TO g_c GRANTED BY g_a;"));
  keeper.apply(parse_globals(roles + "GRANT g_d TO g_a; GRANT g_d TO g_c;"));
  EXPECT_EQ(rows(connection,
                 "SELECT member::regrole, admin_option FROM pg_auth_members WHERE roleid = 'g_d'::regrole"
                 " ORDER BY 1"),
            "g_a|f\ng_c|f");
  connection.exec("DROP ROLE g_d, g_a, g_b, g_c");
}

TEST_F(GlobalsKeeperTest, FollowsPrivilegesOnSettings) {
  postgres::Connection connection(conninfo());
  GlobalsKeeper keeper(connection);
  constexpr const char* privileges =
      "SELECT parname, paracl::text FROM pg_parameter_acl WHERE paracl::text ~ 'g_' ORDER BY 1";
  keeper.apply(
      parse_globals("CREATE ROLE g_a; GRANT SET ON PARAMETER log_duration TO g_a WITH GRANT OPTION;"
                    "GRANT ALTER SYSTEM ON PARAMETER \"my.setting\" TO g_a;"));
  EXPECT_EQ(rows(connection, privileges),
            "log_duration|{postgres=sA/postgres,g_a=s*/postgres}\nmy.setting|{postgres=sA/postgres,g_a=A/postgres}");
  keeper.apply(parse_globals("CREATE ROLE g_a; GRANT ALTER SYSTEM ON PARAMETER log_duration TO g_a;"));
  EXPECT_EQ(rows(connection, privileges), "log_duration|{postgres=sA/postgres,g_a=A/postgres}");
  std::vector<std::string> notes;
  keeper.apply(parse_globals("CREATE ROLE g_b;"));
  keeper.finish(notes);
  EXPECT_TRUE(notes.empty());
  connection.exec("DROP ROLE g_b");
}

TEST_F(GlobalsKeeperTest, FollowsTheTablespacesItMade) {
  postgres::Connection connection(conninfo());
  GlobalsKeeper keeper(connection, true);
  constexpr const char* spaces =
      "SELECT spcname, spcowner::regrole, spcoptions::text, spcacl::text, shobj_description(oid, 'pg_tablespace')"
      " FROM pg_tablespace WHERE spcname ~ '^g_' ORDER BY 1";
  const std::string roles = "CREATE ROLE g_a; CREATE ROLE g_b; CREATE ROLE g_c;";
  keeper.apply(parse_globals(roles + "CREATE TABLESPACE g_one OWNER g_a LOCATION '/x';"
                                     "ALTER TABLESPACE g_one SET (seq_page_cost=2);"
                                     "GRANT ALL ON TABLESPACE g_one TO g_b; GRANT ALL ON TABLESPACE g_one TO PUBLIC;"
                                     "COMMENT ON TABLESPACE g_one IS 'c';"
                                     "CREATE TABLESPACE g_two OWNER g_a LOCATION '/y';"));
  EXPECT_EQ(rows(connection, spaces),
            "g_one|g_a|{seq_page_cost=2}|{g_a=C/g_a,g_b=C/g_a,=C/g_a}|c\ng_two|g_a|NULL|NULL|NULL");
  keeper.apply(parse_globals(roles + "CREATE TABLESPACE g_one OWNER g_c LOCATION '/x';"
                                     "ALTER TABLESPACE g_one SET (random_page_cost=3);"
                                     "GRANT ALL ON TABLESPACE g_one TO g_a;"));
  std::vector<std::string> notes;
  keeper.finish(notes);
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(rows(connection, spaces), "g_one|g_c|{random_page_cost=3}|{g_c=C/g_c,g_a=C/g_c}|NULL");
  connection.exec("DROP TABLESPACE g_one");
  connection.exec("DROP ROLE g_a, g_b, g_c");
}

TEST_F(GlobalsKeeperTest, MakesStandInsThatNobodyCanLogInAsAndDropsThem) {
  postgres::Connection connection(conninfo());
  connection.exec("CREATE ROLE g_new; CREATE ROLE g_there");
  RoleMap map({"g_a=g_new"}, false);
  GlobalsKeeper keeper(connection, true, &map);
  keeper.apply(parse_globals(
      "CREATE ROLE g_a; ALTER ROLE g_a WITH CREATEDB LOGIN PASSWORD 'x'; CREATE ROLE g_b; CREATE ROLE g_c;"
      "CREATE ROLE g_there; GRANT g_b TO g_a WITH ADMIN OPTION; GRANT g_b TO g_c GRANTED BY g_a;"
      "GRANT g_there TO g_a; GRANT SET ON PARAMETER work_mem TO g_a;"));
  EXPECT_EQ(rows(connection, "SELECT rolcanlogin, rolcreatedb, rolpassword FROM pg_authid WHERE rolname = 'g_a'"),
            "f|t|NULL");
  std::vector<std::string> notes;
  keeper.finish(notes);
  EXPECT_TRUE(notes.empty()) << notes.front();
  EXPECT_EQ(roles(connection),
            "g_b|f|-1|f|NULL|NULL\ng_c|f|-1|f|NULL|NULL\ng_new|f|-1|f|NULL|NULL\n"
            "g_there|f|-1|f|NULL|NULL");
  EXPECT_EQ(rows(connection,
                 "SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members WHERE roleid >= 16384"
                 " ORDER BY roleid::regrole::text, member::regrole::text"),
            "g_b|g_c|f\ng_b|g_new|t");
  connection.exec("REVOKE g_b FROM g_new, g_c CASCADE; DROP ROLE g_b, g_c, g_new, g_there");
}

}  // namespace
}  // namespace lpbm::job
