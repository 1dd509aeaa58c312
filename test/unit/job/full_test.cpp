#include "job/full.h"

#include <fcntl.h>

#include <thread>

#include "job/anchor_gate.h"
#include "job/snapshot.h"
#include "job/verify.h"
#include "unit/job/records.h"
#include "unit/job/site_fixture.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using namespace test;
using nlohmann::json;

const std::string nonce = "000102030405060708090a0b0c0d0e0f";

TEST(DumpErrors, ThatTheOutsideWorldMayHealAreRetryable) {
  EXPECT_EQ(dump_error_kind("pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout"),
            ErrorKind::retryable);
  EXPECT_EQ(dump_error_kind("pg_dump: error: connection to server on socket failed"), ErrorKind::retryable);
  EXPECT_EQ(dump_error_kind("pg_dump: error: invalid input syntax"), ErrorKind::permanent);
}

// A server of its own, a site whose csvlog holds the anchor already.
class FullTest : public WithSite {
 protected:
  static void SetUpTestSuite() {
    const auto programs = lpbm::test::bindir();
    if (!programs.empty()) server_ = std::make_unique<postgres::ScratchServer>(programs);
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "PostgreSQL is not installed";
    postgres::Connection admin(server_->conninfo("postgres"));
    admin.exec("DROP DATABASE IF EXISTS source WITH (FORCE)");
    admin.exec("CREATE DATABASE source");
    settings_.conninfo = server_->conninfo("postgres");
    settings_.database = "source";
    settings_.bindir = lpbm::test::bindir();
    settings_.max_full_backups = 1;
    site_ = std::make_unique<Site>(settings_);
    connection_ = std::make_unique<postgres::Connection>(server_->conninfo("source"));
    connection_->exec("CREATE TABLE t (a text PRIMARY KEY); INSERT INTO t VALUES ('dumped')");
    events_ = std::make_unique<Events>(null_.fd());
  }
  void TearDown() override { connection_.reset(); }
  json request() {
    return {{"stream", stream_}, {"start", "0/1"},   {"nonce", nonce}, {"hold", {{"run", 1}, {"seq", 0}}},
            {"after", "0/10"},   {"reason", "asked"}};
  }

  inline static std::unique_ptr<postgres::ScratchServer> server_;
  std::unique_ptr<postgres::Connection> connection_;
  File null_ = File::open("/dev/null", O_WRONLY);
  std::unique_ptr<Events> events_;
};

TEST_F(FullTest, HoldsDumpGlobalsBridgeAndManifest) {
  write_log("a.csv", {frame(1, 0,
                            transaction(10, 1, 2000000000, relation_t + insert("bridged"), 1) +
                                transaction(20, 10, 2000000001, anchor(nonce), 0))});
  run_full(*site_, request(), *events_);
  const auto journal = site_->journal().load();
  ASSERT_EQ(journal.entries().size(), 1U);
  const journal::Entry& entry = journal.entries()[0];
  EXPECT_EQ(entry.kind, journal::Kind::full);
  EXPECT_EQ(entry.anchor, Lsn{0x20});
  EXPECT_EQ(entry.reason, "asked");
  std::string names;
  std::map<std::string, std::string> texts;
  for (const journal::Object& object : entry.objects) {
    names += object.name + ' ';
    texts[object.name] = fetch_text(*store_, object, {{identity_.secret}, std::nullopt});
  }
  EXPECT_EQ(names, "manifest dump globals bridge ");
  EXPECT_EQ(entry.cid, entry.objects[0].cid);
  EXPECT_NE(texts["dump"].find("dumped"), std::string::npos);
  EXPECT_NE(texts["globals"].find("CREATE ROLE"), std::string::npos);
  EXPECT_NE(texts["bridge"].find("bridged"), std::string::npos);
  const json manifest = json::parse(texts["manifest"]);
  EXPECT_EQ(manifest["anchor"], "0/20");
  EXPECT_EQ(manifest["snapshot"], entry.snapshot);
  EXPECT_EQ(manifest["database"]["name"], "source");
  EXPECT_EQ(manifest["objects"].size(), 3U);
  EXPECT_TRUE(verify_links(journal).empty());
  EXPECT_TRUE(verify_entries(journal, *store_, [](auto, auto) {}).empty());
}

TEST_F(FullTest, RetentionFollowsAFull) {
  write_log("a.csv", {frame(1, 0, transaction(20, 10, 2000000001, anchor(nonce), 0))});
  run_full(*site_, request(), *events_);
  run_full(*site_, request(), *events_);
  const auto journal = site_->journal().load();
  ASSERT_EQ(journal.entries().size(), 1U);
  EXPECT_EQ(journal.entries()[0].number, 2U);
  EXPECT_EQ(store_->list("lpbm/").size(), 4U);
}

TEST_F(FullTest, ATransactionThatCannotBeReplayedInTheBridgeMeansAnotherSnapshotAndInTheEndAnError) {
  std::string log = transaction(10, 1, 2000000000, "H\toutput\traised\n", 0), next = nonce;
  for (int i = 0; i < 8; ++i, next = next_nonce(next))
    log += transaction(20 + 10 * i, 10 + 10 * i, 2000000001, anchor(next), 0);
  write_log("a.csv", {frame(1, 0, log)});
  const Error error = error_of([&] { run_full(*site_, request(), *events_); });
  EXPECT_EQ(error.kind(), ErrorKind::retryable);
  EXPECT_NE(error.cause().find("output: raised"), std::string::npos);
  EXPECT_TRUE(site_->journal().load().entries().empty());
  EXPECT_TRUE(store_->list("lpbm/").empty());
}

TEST_F(FullTest, VerifyNamesAnObjectThatIsGone) {
  write_log("a.csv", {frame(1, 0, transaction(20, 10, 2000000001, anchor(nonce), 0))});
  run_full(*site_, request(), *events_);
  const auto journal = site_->journal().load();
  store_->remove(journal.entries()[0].objects[2].cid);
  const auto problems = verify_entries(journal, *store_, [](auto, auto) {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].entry, 1U);
  EXPECT_EQ(problems[0].cid, journal.entries()[0].objects[2].cid);
  EXPECT_NE(problems[0].problem.find("globals"), std::string::npos);
}

TEST_F(FullTest, TheSnapshotKeepsTablesFromBeingEmptied) {
  LockedSnapshot snapshot(*site_, {1, std::chrono::milliseconds(100)}, nonce, [](int) {});
  EXPECT_TRUE(snapshot.visibility().sees(3));
  connection_->exec("SET lock_timeout = '50ms'");
  EXPECT_NE(error_of([&] { connection_->exec("TRUNCATE t"); }).cause().find("lock timeout"), std::string::npos);
}

TEST_F(FullTest, ATableThatStaysLockedEndsTheAttemptsWithAHint) {
  connection_->exec("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
  int attempts = 0;
  const LockedSnapshot::Limits limits{2, std::chrono::milliseconds(50)};
  const Error error = error_of([&] { LockedSnapshot(*site_, limits, nonce, [&](int number) { attempts = number; }); });
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(error.kind(), ErrorKind::retryable);
  EXPECT_NE(error.hint().find("pg_locks"), std::string::npos);
}

TEST_F(FullTest, WriterToATableWithoutAKeyEndsAnAttemptThatHoldsWritersAndNoOther) {
  connection_->exec("CREATE TABLE keyless (a int)");
  connection_->exec("BEGIN; INSERT INTO keyless VALUES (1)");
  const auto none = [](int) {};
  const Error error = error_of([&] { LockedSnapshot(*site_, {1, std::chrono::milliseconds(50), true}, nonce, none); });
  EXPECT_NE(error.cause().find("lock timeout"), std::string::npos);
  EXPECT_NO_THROW(LockedSnapshot(*site_, {1, std::chrono::milliseconds(50), false}, nonce, none));
  connection_->exec("COMMIT");
  connection_->exec("BEGIN; INSERT INTO t VALUES ('keyed')");
  EXPECT_NO_THROW(LockedSnapshot(*site_, {1, std::chrono::milliseconds(50), true}, nonce, none));
}

}  // namespace
}  // namespace lpbm::job
