#include "job/preflight.h"

#include "job/database_properties.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using test::error_of;

class PreflightTest : public test::WithServer {
 protected:
  // What is in the way, and what is told.
  std::string found(const std::string& what, bool makes_database = true) {
    Obstacles obstacles;
    told_.clear();
    check_database_needs(connection_, properties_, makes_database, obstacles,
                         [this](const std::string& text) { told_ += text + '\n'; });
    if (obstacles.empty()) return "";
    return error_of([&] { obstacles.refuse(what); }).cause();
  }
  postgres::Connection connection_{conninfo()};
  json properties_ = collect_database_properties(connection_);
  std::string told_;
};

TEST_F(PreflightTest, FindsNothingInTheWayOnTheServerItself) {
  connection_.exec("SET lc_messages = 'C'");
  EXPECT_EQ(found("x"), "");
  EXPECT_EQ(told_, "");
}

TEST_F(PreflightTest, FindsWhatIsMissingAndTellsAllOfItAtOnce) {
  connection_.exec("SET lc_messages = 'C'");
  properties_["extensions"] = {{{"name", "no_such"}, {"version", "7.1"}},
                               {{"name", "plpgsql"}, {"version", "0.3"}},
                               {{"name", "lpbm"}, {"version", "1.0"}}};
  properties_["collate"] = properties_["ctype"] = "xx_YY.UTF-8";
  properties_["collations"] = {{{"name", "s.c"}, {"provider", "c"}, {"collate", "zz_ZZ"}, {"ctype", "C"}},
                               {{"name", "s.d"}, {"provider", "c"}, {"collate", "C"}, {"ctype", "POSIX"}}};
  EXPECT_EQ(found("x"),
            "3 things are in the way\n"
            "  1. the extension no_such is not installed on the server\n"
            "     Install its package there, of version 7.1 or later.\n"
            "  2. the locale xx_YY.UTF-8 of the database is not known to the server's system\n"
            "     Generate it on that host and restart the server, or create the empty database yourself with a locale "
            "that you accept.\n"
            "  3. the locale zz_ZZ of the collation s.c is not known to the server's system\n"
            "     Generate it on that host and restart the server.");
  EXPECT_EQ(told_, "the extension plpgsql comes in version 1.0, the backup is of 0.3\n");
  properties_["collations"] = json::array();
  EXPECT_EQ(found("x", false), "the extension no_such is not installed on the server") << "the database is there";
  EXPECT_EQ(rows(connection_, "SELECT count(*) FROM pg_collation WHERE collname = 'lpbm_trial'"), "0");
}

TEST_F(PreflightTest, TellsOfTablespacesThatCannotBeMade) {
  Obstacles obstacles;
  check_tablespaces(connection_,
                    parse_globals("CREATE TABLESPACE p_space OWNER postgres LOCATION '/nonexistent/g';"
                                  "CREATE TABLESPACE p_full OWNER postgres LOCATION '/usr';"
                                  "CREATE TABLESPACE pg_default OWNER postgres LOCATION '/usr';"),
                    obstacles);
  const std::string cause = error_of([&] { obstacles.refuse("x"); }).cause();
  EXPECT_NE(cause.find("1. the tablespace p_space cannot be made: there is no directory /nonexistent/g\n"),
            std::string::npos)
      << cause;
  EXPECT_NE(cause.find("2. the tablespace p_full cannot be made: the directory /usr is not empty\n"),
            std::string::npos);
  EXPECT_EQ(cause.find("3. "), std::string::npos);
}

TEST_F(PreflightTest, TellsOfRolesThatWillBeMadeAndOfThoseThatDiffer) {
  connection_.exec("CREATE ROLE p_same LOGIN; CREATE ROLE p_other SUPERUSER; CREATE ROLE p_mapped");
  std::string told;
  tell_globals(
      connection_,
      parse_globals("CREATE ROLE p_same; ALTER ROLE p_same WITH NOSUPERUSER INHERIT LOGIN CONNECTION LIMIT 3;"
                    "CREATE ROLE p_other; ALTER ROLE p_other WITH NOSUPERUSER LOGIN CREATEDB; CREATE ROLE p_new;"
                    "CREATE ROLE p_mapped; ALTER ROLE p_mapped WITH LOGIN; CREATE ROLE p_gone;"),
      RoleMap({"p_mapped=p_same", "p_gone=p_same"}, false), [&](const std::string& text) { told += text + '\n'; });
  EXPECT_EQ(told,
            "the role p_other is there already and stays as it is: it has SUPERUSER, had CREATEDB, LOGIN\n"
            "roles that will be made: p_new\n");
  connection_.exec("DROP ROLE p_same, p_other, p_mapped");
}

}  // namespace
}  // namespace lpbm::job
