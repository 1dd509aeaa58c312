#include "job/segments.h"

#include "job/anchor_gate.h"
#include "job/entry.h"
#include "unit/job/records.h"
#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

using namespace test;

const std::string nonce = "000102030405060708090a0b0c0d0e0f";

class SegmentsTest : public WithSite {
 protected:
  Segment open() {
    if (fail_) throw Error(ErrorKind::retryable, "storing", "the store is down");
    Segment segment;
    const std::string name = entry_name(journal::Kind::delta);
    segment.pending = std::make_unique<PendingEntry>(*site_, name);
    segment.object = std::make_unique<ObjectWriter>(*store_, objects_of(name).options("script"));
    segment.script =
        std::make_unique<delta::ScriptWriter>(script_header(settings_, stream_, name, Lsn{}), *segment.object);
    return segment;
  }
  std::string text_of(const Segment& segment) {
    return fetch_text(*store_, segment.object->object(), {{identity_.secret}, std::nullopt});
  }

  bool fail_ = false;
  Segments segments_{[this] { return open(); }};
};

TEST_F(SegmentsTest, RecordsAfterAnAnchorGoIntoTheNextSegmentWithTheirDefinitions) {
  feed(segments_, transaction(10, 0, 1, relation_t + insert("one"), 1) + transaction(20, 10, 2, anchor(nonce), 0) +
                      transaction(30, 20, 3, insert("two"), 1));
  segments_.finish(false);
  ASSERT_EQ(segments_.done().size(), 2U);
  EXPECT_EQ(segments_.done()[0].script->summary().last, Lsn{0x20});
  EXPECT_NE(text_of(segments_.done()[0]).find("one"), std::string::npos);
  EXPECT_EQ(text_of(segments_.done()[0]).find("two"), std::string::npos);
  EXPECT_NE(text_of(segments_.done()[1]).find("two"), std::string::npos);
  EXPECT_FALSE(segments_.left_out());
}

TEST_F(SegmentsTest, AnAnchorAloneMakesNoSegment) {
  feed(segments_, transaction(20, 10, 2, anchor(nonce), 0));
  segments_.finish(false);
  EXPECT_TRUE(segments_.done().empty());
  EXPECT_TRUE(segments_.left_out()) << "its log is still needed: nothing in the journal reaches it";
  EXPECT_TRUE(store_->list("lpbm/").empty());
}

TEST_F(SegmentsTest, ASegmentWithoutRecordsLeavesOutWhatWasLeftOut) {
  feed(segments_, transaction(20, 10, 2, anchor(nonce), 0));
  segments_.finish(true);
  ASSERT_EQ(segments_.done().size(), 1U);
  EXPECT_TRUE(segments_.left_out()) << "the entry ends before the record";
}

TEST_F(SegmentsTest, NothingAtAllMakesASegmentOnlyWhenAskedTo) {
  segments_.finish(true);
  ASSERT_EQ(segments_.done().size(), 1U);
  EXPECT_NE(text_of(segments_.done()[0]).find("-- lpbm:end 0 0"), std::string::npos);
}

TEST_F(SegmentsTest, PositionsOfSequencesAreChanges) {
  feed(segments_, transaction(10, 0, 0, "S\tpublic\ts\t5\tt\n", 0));
  segments_.finish(false);
  EXPECT_EQ(segments_.done().size(), 1U);
}

TEST_F(SegmentsTest, AStoreThatFailsDoesNotStopTheReading) {
  fail_ = true;
  EXPECT_NO_THROW(
      feed(segments_, transaction(10, 0, 1, relation_t + insert("one"), 1) + transaction(20, 10, 2, insert("two"), 1)));
  segments_.finish(false);
  EXPECT_TRUE(segments_.done().empty());
  ASSERT_TRUE(segments_.failure());
  EXPECT_THROW(std::rethrow_exception(segments_.failure()), Error);
}

TEST_F(SegmentsTest, AnAbandonedRecordLeavesNothingBehind) {
  csvlog::RecordParser parser(segments_);
  const std::size_t start = 0;
  const std::string torn = transaction(10, 0, 1, relation_t + insert("torn") + insert("apart"), 2);
  parser.reset();
  parser.feed(std::string_view(torn).substr(0, torn.size() - 6), &start);
  parser.reset();
  const std::string whole = transaction(10, 0, 1, relation_t + insert("whole"), 1);
  parser.feed(whole, &start);
  segments_.finish(false);
  ASSERT_EQ(segments_.done().size(), 1U);
  EXPECT_EQ(segments_.done()[0].script->summary().rows, 1U);
}

TEST_F(SegmentsTest, TheAnchorOfAFullMakesASegmentWhereSomethingIsUnknown) {
  bool unknown = true;
  Segments segments([this] { return open(); }, [&] { return unknown; });
  feed(segments, transaction(20, 10, 2, anchor(nonce), 0));
  unknown = false;
  feed(segments, transaction(30, 20, 3, anchor(next_nonce(nonce)), 0));
  segments.finish(false);
  ASSERT_EQ(segments.done().size(), 1U);
  EXPECT_EQ(segments.done()[0].script->summary().last, Lsn{0x20});
}

TEST_F(SegmentsTest, TheAnchorOfARefreshThatWasGivenUpEndsNothing) {
  feed(segments_, transaction(10, 0, 1, relation_t + insert("one"), 1) +
                      transaction(20, 10, 2, anchor(cut_nonce()), 0) + transaction(30, 20, 3, insert("two"), 1));
  segments_.finish(false);
  EXPECT_EQ(segments_.done().size(), 1U);
}

TEST_F(SegmentsTest, EndsAtTheAnchorOfARefreshEvenWithoutChanges) {
  const std::string own = cut_nonce();
  segments_.end_at(own);
  feed(segments_, transaction(10, 0, 1, anchor(cut_nonce()), 0));
  EXPECT_FALSE(segments_.complete());
  feed(segments_, transaction(20, 10, 2, anchor(own), 0));
  EXPECT_TRUE(segments_.complete());
  segments_.finish(false);
  ASSERT_EQ(segments_.done().size(), 1U);
  EXPECT_EQ(segments_.done()[0].script->summary().last, Lsn{0x20});
}

}  // namespace
}  // namespace lpbm::job
