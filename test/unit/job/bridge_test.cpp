#include "job/bridge.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "unit/job/records.h"

namespace lpbm::job {
namespace {

using namespace test;

const std::string nonce = "000102030405060708090a0b0c0d0e0f";

class BridgeTest : public testing::Test {
 protected:
  // xids up to 19 are seen but for 12 and 15.
  const Visibility visibility_{"12:20:12,15"};
  Recorder recorder_;
  BridgeFilter filter_{visibility_, nonce, {}, recorder_};
};

TEST(Visibility, SeesWhatIsBelowXmaxAndWasNotRunning) {
  const Visibility some("12:20:15,12");
  EXPECT_TRUE(some.sees(11));
  EXPECT_FALSE(some.sees(12));
  EXPECT_TRUE(some.sees(13));
  EXPECT_FALSE(some.sees(15));
  EXPECT_TRUE(some.sees(19));
  EXPECT_FALSE(some.sees(20));
  const Visibility none("10:10:");
  EXPECT_TRUE(none.sees(9));
  EXPECT_FALSE(none.sees(10));
  EXPECT_TRUE(Visibility("4294967400:4294967401:4294967400").sees(4294967399));
}

TEST(Visibility, RefusesWhatIsNoSnapshot) {
  EXPECT_THROW(Visibility("12:20"), Error);
  EXPECT_THROW(Visibility("12:x:"), Error);
  EXPECT_THROW(Visibility("12:20:1,,2"), Error);
}

TEST_F(BridgeTest, KeepsOnlyTransactionsThatTheSnapshotDoesNotSee) {
  feed(filter_, transaction(10, 0, 11, relation_t + insert("seen"), 1) + transaction(20, 10, 12, insert("unseen"), 1) +
                    transaction(30, 20, 19, insert("seen"), 1) + transaction(40, 30, 25, insert("new"), 1));
  EXPECT_EQ(recorder_.text, "begin 0/20;relation t;row unseen;end;begin 0/40;row new;end;");
  EXPECT_FALSE(filter_.anchor_lsn());
}

TEST_F(BridgeTest, EndsAtItsOwnAnchorAndKnowsItsLsn) {
  feed(filter_, transaction(10, 0, 30, anchor("ffffffffffffffffffffffffffffffff"), 0) +
                    transaction(20, 10, 31, anchor(nonce), 0) +
                    transaction(30, 20, 32, relation_t + insert("after"), 1));
  EXPECT_EQ(filter_.anchor_lsn(), Lsn{0x20});
  EXPECT_EQ(recorder_.text, "");
}

TEST_F(BridgeTest, LeavesPositionsOfSequencesOut) {
  feed(filter_, transaction(10, 0, 0, "S\tpublic\ts\t5\tt\n", 0));
  EXPECT_EQ(recorder_.text, "");
}

TEST_F(BridgeTest, HandsHolesOn) {
  feed(filter_, transaction(10, 0, 12, "H\toutput\traised\n", 0));
  EXPECT_EQ(recorder_.text, "begin 0/10;hole output;end;");
}

TEST_F(BridgeTest, ARunThatRepeatsAnEarlierOneWithoutItsSequencePositionsLinksBeforeThem) {
  EXPECT_NO_THROW(feed(filter_, transaction(10, 0, 12, "", 0) + transaction(20, 10, 0, "S\tpublic\ts\t5\tt\n", 0) +
                                    transaction(30, 10, 15, relation_t + insert("x"), 1)));
  EXPECT_EQ(recorder_.text, "begin 0/30;relation t;row x;end;");
}

TEST_F(BridgeTest, ARecordThatIsMissingInTheMiddleIsAGap) {
  try {
    feed(filter_, transaction(10, 0, 12, "", 0) + transaction(30, 20, 13, "", 0));
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::gap);
    EXPECT_NE(error.cause().find("0/10 and 0/20"), std::string::npos);
  }
}

TEST(Bridge, BeginsBehindTheRecordItWasToldOf) {
  const Visibility visibility("12:20:12,15");
  Recorder recorder;
  BridgeFilter whole(visibility, nonce, Lsn{0x20}, recorder);
  feed(whole, transaction(10, 0, 11, "", 0) + transaction(30, 20, 12, relation_t + insert("x"), 1));
  EXPECT_EQ(recorder.text, "begin 0/30;relation t;row x;end;");
  BridgeFilter cut(visibility, nonce, Lsn{0x20}, recorder);
  try {
    feed(cut, transaction(40, 30, 12, relation_t + insert("y"), 1));
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::gap);
    EXPECT_NE(error.cause().find("0/20 and 0/30"), std::string::npos);
  }
}

}  // namespace
}  // namespace lpbm::job
