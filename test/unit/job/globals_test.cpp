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

}  // namespace
}  // namespace lpbm::job
