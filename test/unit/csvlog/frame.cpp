#include "csvlog/frame.h"

#include <gtest/gtest.h>

#include "unit/csvlog/support.h"

namespace lpbm::csvlog {
namespace {

using test::key;
using test::stream;

TEST(Frame, WhatIsWrittenIsReadBack) {
  const std::string message = make_frame(key, stream, {3, 17}, 2, "xyB\t1\n");
  const auto frame = parse_frame(message, key);
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->authentic);
  EXPECT_EQ(frame->stream, stream);
  EXPECT_EQ(frame->position, (FramePosition{3, 17}));
  EXPECT_EQ(frame->boundary, 2U);
  EXPECT_EQ(frame->payload, "xyB\t1\n");
  const std::string unbounded = make_frame(key, stream, {3, 18}, {}, "tail");
  EXPECT_FALSE(parse_frame(unbounded, key)->boundary);
}

TEST(Frame, AnyChangedByteMakesItNoFrameOrNotAuthentic) {
  const std::string message = make_frame(key, stream, {3, 17}, 0, "payload\n");
  for (std::size_t i = 0; i < message.size(); ++i) {
    std::string changed = message;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto frame = parse_frame(changed, key);
    EXPECT_TRUE(!frame || !frame->authentic) << i;
  }
  EXPECT_FALSE(parse_frame(message, std::string(32, 'x'))->authentic);
  EXPECT_FALSE(parse_frame(message, "")->authentic);
}

TEST(Frame, ABoundaryOutsideOfThePayloadMakesItNone) {
  EXPECT_TRUE(parse_frame(make_frame(key, stream, {1, 0}, 3, "abc"), key));
  EXPECT_FALSE(parse_frame(make_frame(key, stream, {1, 0}, 4, "abc"), key));
}

TEST(Frame, TheMacIsThatOfTheFormat) {
  // HMAC-SHA256 computed with `openssl mac`.
  const std::string message = make_frame(std::string(32, '\0'), "0000000000000000", {1, 0}, 0, "x");
  EXPECT_EQ(message, "lpbm1 0460680aba8c9c32eff7c016a38ce3d3 0000000000000000 1 0 0\nx");
}

}  // namespace
}  // namespace lpbm::csvlog
