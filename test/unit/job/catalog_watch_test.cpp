#include "job/catalog_watch.h"

#include <gtest/gtest.h>

#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

class CatalogWatchTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto programs = lpbm::test::bindir();
    if (!programs.empty()) server_ = std::make_unique<postgres::ScratchServer>(programs);
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "PostgreSQL is not installed";
    postgres::Connection(server_->conninfo("postgres")).exec("DROP DATABASE IF EXISTS watched WITH (FORCE)");
    postgres::Connection(server_->conninfo("postgres")).exec("CREATE DATABASE watched");
    reader_ = std::make_unique<postgres::Connection>(server_->conninfo("watched"));
    other_ = std::make_unique<postgres::Connection>(server_->conninfo("watched"));
    other_->exec(
        "CREATE SCHEMA s; CREATE TYPE e AS ENUM ('a', 'b'); CREATE TYPE c AS (x int); CREATE TABLE t (x int);"
        "CREATE TABLE u (t t); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE VIEW v AS SELECT f() "
        "AS one");
    reader_->exec("BEGIN ISOLATION LEVEL REPEATABLE READ");
  }
  void TearDown() override {
    reader_.reset();
    other_.reset();
  }
  // What of it has changed after `sql`.
  std::string after(Watched watched, const std::string& sql) {
    const CatalogWatch watch(*reader_, watched);
    other_->exec(sql);
    return watch.changed(*other_);
  }

  inline static std::unique_ptr<postgres::ScratchServer> server_;
  std::unique_ptr<postgres::Connection> reader_, other_;
};

TEST_F(CatalogWatchTest, SeesRenamedSchemasEnumsAndTypes) {
  EXPECT_EQ(after(Watched::values, "ALTER SCHEMA s RENAME TO r"), "schema s was changed");
}

TEST_F(CatalogWatchTest, SeesValuesOfEnumsThatChangeTheirNamesAndBack) {
  EXPECT_EQ(after(Watched::values, "ALTER TYPE e RENAME VALUE 'a' TO 'x'; ALTER TYPE e RENAME VALUE 'x' TO 'a'"),
            "enum a was changed");
}

TEST_F(CatalogWatchTest, SeesCompositeTypesThatGrow) {
  EXPECT_EQ(after(Watched::values, "ALTER TYPE c ADD ATTRIBUTE y int"), "type c was changed");
}

TEST_F(CatalogWatchTest, SeesTablesWhoseRowsAreValuesThatGrow) {
  EXPECT_EQ(after(Watched::values, "ALTER TABLE t ADD y int"), "type t was changed");
}

TEST_F(CatalogWatchTest, WhatIsNewOrConcernsNoValueIsNoChange) {
  EXPECT_EQ(after(Watched::values,
                  "CREATE SCHEMA n; ALTER TYPE e ADD VALUE 'c'; CREATE TABLE w (x e); ALTER FUNCTION f() RENAME TO g; "
                  "ALTER TABLE u ADD y int; CREATE TEMP TABLE z (x c)"),
            "");
}

TEST_F(CatalogWatchTest, SeesNamesInDefinitions) {
  EXPECT_EQ(after(Watched::definitions, "ALTER FUNCTION f() RENAME TO g"), "function f was changed");
}

TEST_F(CatalogWatchTest, SeesColumnsOfViews) {
  EXPECT_EQ(after(Watched::definitions, "ALTER VIEW v RENAME COLUMN one TO eins"), "column one was changed");
}

TEST_F(CatalogWatchTest, SeesWhatIsGoneFromDefinitions) {
  EXPECT_NE(after(Watched::definitions, "DROP VIEW v").find(" was dropped"), std::string::npos);
}

TEST_F(CatalogWatchTest, WhatIsMadeAnewOrNewOrTemporaryConcernsNoDefinition) {
  other_->exec("CREATE TEMP TABLE z (x int); CREATE TEMP VIEW y AS SELECT 1");
  EXPECT_EQ(after(Watched::definitions,
                  "CREATE TABLE w (x int); ALTER "
                  "TABLE t ADD y int; DROP VIEW y; DROP TABLE z"),
            "");
}

TEST_F(CatalogWatchTest, SeesRolesThatGo) {
  other_->exec("CREATE ROLE goes");
  reader_->exec("COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ");
  const CatalogWatch definitions(*reader_, Watched::definitions);  // privileges name them
  EXPECT_EQ(after(Watched::roles, "DROP ROLE goes"), "role goes was dropped");
  EXPECT_EQ(definitions.changed(*other_), "role goes was dropped");
}

}  // namespace
}  // namespace lpbm::job
