#include "job/record_watch.h"

#include <gtest/gtest.h>

#include "unit/job/records.h"

namespace lpbm::job {
namespace {

using namespace test;

const std::string nonce = "000102030405060708090a0b0c0d0e0f";

// The conflict of a snapshot that does not see transaction 5 with a record of that transaction before the anchor.
std::string conflict(const std::string& lines, int xid = 5, int rows = 0) {
  RecordWatch watch({7}, Visibility("4:9:5"), nonce);
  feed(watch, transaction(10, 0, xid, lines, rows) + transaction(20, 10, 8, anchor(nonce), 0) +
                  transaction(30, 20, 5, relation_t + insert("after"), 1));
  EXPECT_TRUE(watch.anchored());
  return watch.conflict();
}

TEST(RecordWatch, AnUnseenChangeOfWhatIsRefreshedSpoilsTheCut) {
  EXPECT_NE(conflict(relation_t + insert("x"), 5, 1), "");
  EXPECT_NE(conflict("N\tt\t7\tpublic\tt\n"), "");
  EXPECT_NE(conflict("T\t-\t1\tpublic\tt\n"), "");
  EXPECT_NE(conflict("Q\tt\tALTER SCHEMA\t\tjoe\t0\tALTER SCHEMA a RENAME TO b\n"), "");
}

TEST(RecordWatch, WhatTheSnapshotSeesAndWhatTouchesOthersDoesNot) {
  EXPECT_EQ(conflict(relation_t + insert("x"), 4, 1), "");
  EXPECT_EQ(conflict("N\tt\t8\tpublic\tu\n"), "");
  EXPECT_EQ(conflict("N\tl\n"), "");
}

TEST(RecordWatch, TellsWhatIsStale) {
  RecordWatch watch({}, {}, "");
  feed(watch, transaction(10, 0, 1, "N\tt\t8\tpublic\tu\nN\tl\n", 0));
  ASSERT_EQ(watch.stale().size(), 2U);
  EXPECT_EQ(watch.stale()[0].relation, 8U);
  EXPECT_EQ(watch.stale()[1].kind, 'l');
  EXPECT_FALSE(watch.anchored());
}

TEST(RecordWatch, TellsWhichTablesAreChanged) {
  using Names = std::set<std::pair<std::string, std::string>>;
  RecordWatch watch({}, {}, "");
  feed(watch, transaction(10, 0, 1, relation_t, 0));
  EXPECT_EQ(watch.changed(), Names{}) << "defined, but not used";
  feed(watch, transaction(20, 10, 1, relation_t + insert("x"), 1));
  EXPECT_EQ(watch.changed(), (Names{{"public", "t"}}));
  feed(watch, transaction(30, 20, 1, "T\t-\t1\tpublic\tu\n", 0));
  EXPECT_EQ(watch.changed(), (Names{{"public", "t"}, {"public", "u"}}));
}

}  // namespace
}  // namespace lpbm::job
