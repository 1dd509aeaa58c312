#include "job/database_properties.h"

#include "base/error.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

class DatabasePropertiesTest : public test::WithServer {};

TEST_F(DatabasePropertiesTest, ComeBackAsTheyWere) {
  postgres::Connection server(conninfo());
  for (const char* sql :
       {"CREATE ROLE p_owner", "CREATE ROLE p_user", "CREATE ROLE p_other",
        "CREATE DATABASE p_from TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' OWNER p_owner",
        "COMMENT ON DATABASE p_from IS U&'it''s \\005c m\\00efne'",
        "ALTER DATABASE p_from SET search_path = \"a b\", c, ''", "ALTER DATABASE p_from SET work_mem = '4MB'",
        "ALTER ROLE p_user IN DATABASE p_from SET \"my.setting\" = 'x, y'", "SET ROLE p_owner",
        "GRANT CONNECT ON DATABASE p_from TO p_user WITH GRANT OPTION", "SET ROLE p_user",
        "GRANT CONNECT ON DATABASE p_from TO p_other", "RESET ROLE", "REVOKE TEMPORARY ON DATABASE p_from FROM PUBLIC",
        "ALTER DATABASE p_from CONNECTION LIMIT 7"})
    server.exec(sql);
  nlohmann::json properties;
  {
    postgres::Connection from(conninfo("p_from"));
    from.exec("DROP SCHEMA public");
    properties = collect_database_properties(from);
  }
  EXPECT_EQ(properties["has_public"], false);
  // The grant of somebody other than the owner first: it has to wait.
  std::reverse(properties["acl"].begin(), properties["acl"].end());
  create_database(server, "p_to", properties);
  apply_database_access(server, "p_to", properties);
  {
    postgres::Connection to(conninfo("p_to"));
    to.exec("SET client_encoding = 'UTF8'");
    apply_database_properties(to, "p_to", properties);
  }
  const char* state =
      "SELECT encoding, datcollate, datctype, datdba::regrole, datconnlimit, datistemplate,"
      " shobj_description(oid, 'pg_database'), (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) "
      "a),"
      " (SELECT string_agg(setrole::text || setconfig::text, ' ' ORDER BY setrole) FROM pg_db_role_setting WHERE"
      " setdatabase = d.oid) FROM pg_database d WHERE datname = ";
  EXPECT_EQ(rows(server, state + std::string("'p_to'")), rows(server, state + std::string("'p_from'")));
  EXPECT_TRUE(compare_database_properties(server, "p_to", properties).empty());
  EXPECT_EQ(compare_database_properties(server, "postgres", properties).front(), "encoding is UTF8, was LATIN1");
}

TEST_F(DatabasePropertiesTest, SayWhatToDoAboutALocaleThatIsNotThere) {
  postgres::Connection server(conninfo());
  nlohmann::json properties = collect_database_properties(server);
  properties["collate"] = "xx_YY.UTF-8";
  const Error error = test::error_of([&] { create_database(server, "p_none", properties); });
  EXPECT_EQ(error.step(), "creating the database p_none");
  EXPECT_NE(error.hint().find("locale"), std::string::npos);
}

}  // namespace
}  // namespace lpbm::job
