#include "job/replay.h"

#include "base/error.h"
#include "job/replay_copy.h"
#include "unit/job/script_source.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using test::ddl;
using test::error_of;
using test::Script;

TEST(CopyLineTest, IsSplitIntoUnescapedValues) {
  Pipeline::Values values{"left over", "x", "y", "z", "w"};
  split_copy_line("a\\tb\t\\N\t\t\\\\N", values);
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0], "a\tb");
  EXPECT_FALSE(values[1].has_value());
  EXPECT_EQ(values[2], "");
  EXPECT_EQ(values[3], "\\N");
}

TEST(CopyLineTest, RefusesWhatPostgresWouldNotWrite) {
  Pipeline::Values values;
  EXPECT_EQ(error_of([&] { split_copy_line("a\\x41", values); }).cause(), "unknown escape \\x");
  EXPECT_EQ(error_of([&] { split_copy_line("a\\", values); }).cause(), "a value ends in a lone backslash");
}

class ReplayTest : public test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    make_database("replay");
    connection_ = std::make_unique<postgres::Connection>(conninfo("replay"));
    connection_->exec("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'one'), (2, 'two')");
  }
  ReplayTotals replay(const Script& script, ReplayOptions options = {}) {
    test::TextSource source(script.text());
    Replay replay(*connection_, std::move(options));
    replay.script(12, source, {});
    ReplayTotals totals = replay.finish();
    connection_->exec("SET search_path = public");
    return totals;
  }
  Error replay_error(const Script& script) {
    return error_of([&] { replay(script); });
  }
  // As somebody else sees it.
  std::string content() {
    postgres::Connection other(conninfo("replay"));
    return rows(other, "SELECT id, v FROM t ORDER BY id");
  }
  std::unique_ptr<postgres::Connection> connection_;
};

constexpr const char* update = "PREPARE s1 AS UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2;\n";

TEST_F(ReplayTest, AppliesRowsOfManyTransactions) {
  const ReplayTotals totals =
      replay(Script()
                 .tx(1, std::string(update) + "EXECUTE s1('it''s','1');\nEXECUTE s1(NULL,'2');\n")
                 .tx(2, "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n3\ta\\tb\\\\\n4\t\\N\n\\.\n-- lpbm:rows 2\n")
                 .tx(3, "EXECUTE s1(E'a\\\\b','3');\n"));
  EXPECT_EQ(content(), "1|it's\n2|NULL\n3|a\\b\n4|NULL");
  EXPECT_EQ(totals.transactions, 3U);
  EXPECT_EQ(totals.last.value, 3U);
  EXPECT_EQ(totals.last_commit, 3000000);
  EXPECT_FALSE(totals.stopped);
}

TEST_F(ReplayTest, TakesLargeCopyBlocksBetweenPipelinedStatements) {
  std::string block = "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n";
  for (int i = 10; i < 5010; ++i) block += std::to_string(i) + "\tvalue " + std::to_string(i) + "\n";
  block += "\\.\n-- lpbm:rows 5000\n";
  std::string updates = update;
  for (int i = 10; i < 5010; ++i) updates += "EXECUTE s1('new','" + std::to_string(i) + "');\n";
  const ReplayTotals totals = replay(Script()
                                         .tx(1, std::string(update) + "EXECUTE s1('x','1');\n" + block)
                                         .tx(2, "EXECUTE s1('y','2');\n")
                                         .tx(3, "DEALLOCATE ALL;\n" + updates));
  EXPECT_EQ(totals.transactions, 3U);
  EXPECT_EQ(rows(*connection_, "SELECT v, count(*) FROM t GROUP BY v ORDER BY v"), "new|5000\nx|1\ny|1");
}

TEST_F(ReplayTest, WritesIdentityColumnsAndLeavesGeneratedOnesAlone) {
  connection_->exec(
      "CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)");
  replay(Script().tx(1, "COPY \"public\".\"g\" (\"id\",\"a\") FROM stdin;\n70\t5\n\\.\n-- lpbm:rows 1\n"));
  EXPECT_EQ(rows(*connection_, "SELECT * FROM g"), "70|5|10");
}

TEST_F(ReplayTest, StopsAtARowThatIsNotThereAndNamesIt) {
  const Error error =
      replay_error(Script().tx(1, std::string(update) + "EXECUTE s1('x','1');\n").tx(0xA2, "EXECUTE s1('x','99');\n"));
  EXPECT_EQ(error.kind(), ErrorKind::permanent);
  EXPECT_EQ(
      error.step(),
      "replaying entry 12, transaction 0/A2 (xid 862): UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2");
  EXPECT_EQ(error.cause(), "it touched 0 rows instead of 1");
}

TEST_F(ReplayTest, StopsAtAnErrorOfTheServerAndNamesTheChange) {
  const Error error = replay_error(
      Script().tx(1, "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n1\tdouble\n\\.\n-- lpbm:rows 1\n"));
  EXPECT_TRUE(error.step().starts_with("replaying entry 12, transaction 0/1 (xid 701): INSERT INTO")) << error.step();
  EXPECT_TRUE(error.cause().starts_with("duplicate key value violates unique constraint")) << error.cause();
}

TEST_F(ReplayTest, ChecksTheRowsOfOtherStatementsEvenWhenTheResultIsThereAlready) {
  EXPECT_EQ(replay_error(Script().tx(1, "DELETE FROM ONLY \"public\".\"t\";\n-- lpbm:rows 3\n")).cause(),
            "it touched 2 rows instead of 3");
  SetUp();
  EXPECT_EQ(
      replay_error(Script().tx(1, "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n9\tx\n\\.\n-- lpbm:rows 2\n"))
          .cause(),
      "a COPY block holds 1 rows instead of 2");
}

TEST_F(ReplayTest, RunsDdlWithItsSettingsAndUsesItInTheNextTransaction) {
  const ReplayTotals totals =
      replay(Script()
                 .tx(1, ddl('t', "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE m (m mood)",
                            "SET LOCAL search_path = public;", "SET LOCAL search_path = pg_catalog;"))
                 .tx(2, ddl('t', "ALTER TYPE public.mood ADD VALUE 'happy'"))
                 .tx(3, "COPY \"public\".\"m\" (\"m\") FROM stdin;\nhappy\n\\.\n-- lpbm:rows 1\n")
                 .concurrently(4, ddl('c', "CREATE INDEX CONCURRENTLY m_i ON public.m (m)")));
  EXPECT_EQ(rows(*connection_, "SELECT m, (SELECT indisvalid FROM pg_index WHERE indexrelid = 'm_i'::regclass) FROM m"),
            "happy|t");
  EXPECT_EQ(totals.transactions, 4U);
}

TEST_F(ReplayTest, NamesTheDdlThatFails) {
  const Error error = replay_error(Script().tx(1, ddl('t', "ALTER TABLE public.missing ADD COLUMN x int\n;")));
  EXPECT_EQ(error.step(), "replaying entry 12, transaction 0/1 (xid 701): ALTER TABLE public.missing ADD COLUMN x int");
  EXPECT_TRUE(error.cause().starts_with("relation \"public.missing\" does not exist")) << error.cause();
}

TEST_F(ReplayTest, LendsARoleThatNobodyKnowsAnyMore) {
  const ReplayTotals totals = replay(Script().tx(
      1, ddl('t', "SET LOCAL work_mem = '1MB'", "SET LOCAL ROLE r_lost;", "RESET ROLE;") +
             ddl('t', "GRANT SELECT ON public.t TO r_gone") + ddl('t', "REVOKE SELECT ON public.t FROM r_gone")));
  EXPECT_EQ(totals.stand_ins, (std::vector<std::string>{"r_lost", "r_gone"}));
  connection_->exec("DROP ROLE r_lost; DROP ROLE r_gone");
}

TEST_F(ReplayTest, LeavesConcurrentRefreshesToTheEnd) {
  const ReplayTotals totals = replay(Script().tx(1, ddl('t', "refresh  materialized view\nconcurrently nowhere")));
  EXPECT_TRUE(totals.refreshed);
}

TEST_F(ReplayTest, PassesOverTheExtensionWhereItIsNotInstalledAndDdlOnDatabases) {
  ReplayOptions options;
  options.lpbm_available = false;
  const ReplayTotals totals = replay(Script().tx(1, ddl('t', "CREATE EXTENSION lpbm", "", "", "\"lpbm\"") +
                                                        ddl('t', "GRANT EXECUTE ON FUNCTION lpbm_verify() TO public") +
                                                        ddl('t', "grant connect\n on database nowhere to public")),
                                     options);
  EXPECT_TRUE(totals.skipped_lpbm);
  EXPECT_EQ(totals.passed_over.size(), 1U);
}

TEST_F(ReplayTest, StopsBeforeATimeButTakesTheSequencesAlong) {
  connection_->exec("CREATE SEQUENCE s");
  ReplayOptions options;
  options.until = 2500000;
  const ReplayTotals totals =
      replay(Script()
                 .tx(2, std::string(update) + "EXECUTE s1('kept','1');\n")
                 .tx(3, "EXECUTE s1('late','1');\n" + ddl('t', "DROP TABLE public.t") +
                            "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n9\tx\n\\.\n-- lpbm:rows 1\n")
                 .sequences(4,
                            "SELECT pg_catalog.setval('\"public\".\"later\"', 5, true);\n"
                            "SELECT pg_catalog.setval('\"public\".\"s\"', 41, true);\n")
                 .tx(5, "EXECUTE s1('later','1');\n"),
             options);
  EXPECT_TRUE(totals.stopped);
  EXPECT_EQ(totals.stopped_at->value, 3U);
  EXPECT_EQ(totals.last.value, 2U);
  EXPECT_EQ(totals.transactions, 1U);
  EXPECT_EQ(content(), "1|kept\n2|two");
  EXPECT_EQ(rows(*connection_, "SELECT nextval('s')"), "42");
}

TEST_F(ReplayTest, StopsBeforeAHoleThatTheJournalNames) {
  const Script script =
      Script().tx(1, std::string(update) + "EXECUTE s1('kept','1');\n").hole(2, "EXECUTE s1('half','1');\n");
  ReplayOptions options;
  options.stop_before = Lsn{2};
  EXPECT_TRUE(replay(script, options).stopped);
  EXPECT_EQ(content(), "1|kept\n2|two");
  EXPECT_NE(replay_error(script).cause().find("not recorded whole"), std::string::npos);
  EXPECT_EQ(content(), "1|kept\n2|two") << "nothing of the batch was committed";
}

TEST_F(ReplayTest, KeepsTriggersSilentAndTheirStates) {
  connection_->exec(
      "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'fired'; END$$;"
      "CREATE TRIGGER a BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION no(); ALTER TABLE t ENABLE ALWAYS TRIGGER a");
  replay(Script().tx(1, std::string(update) + "EXECUTE s1('x','1');\n" +
                            ddl('t',
                                "CREATE TRIGGER b BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION "
                                "public.no(); ALTER TABLE public.t ENABLE REPLICA TRIGGER b") +
                            "DEALLOCATE ALL;\n" + update + "EXECUTE s1('y','1');\n"));
  EXPECT_EQ(content(), "1|y\n2|two");
  EXPECT_EQ(rows(*connection_, "SELECT tgname, tgenabled FROM pg_trigger ORDER BY 1"), "a|A\nb|R");
}

TEST_F(ReplayTest, FollowsSeveralScriptsThatPrepareTheSameNames) {
  Replay replay(*connection_, {});
  for (unsigned i = 1; i <= 3; ++i) {
    test::TextSource source(
        Script().tx(i, std::string(update) + "EXECUTE s1('" + std::to_string(i) + "','1');\n").text());
    EXPECT_TRUE(replay.script(i, source, {}));
  }
  EXPECT_EQ(replay.finish().transactions, 3U);
  EXPECT_EQ(content(), "1|3\n2|two");
}

}  // namespace
}  // namespace lpbm::job
