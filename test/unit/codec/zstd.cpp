#include "codec/zstd.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "base/error.h"
#include "unit/codec/text_sink.h"

namespace lpbm::codec::test {
namespace {

std::string compress(Bytes plain, int level = 1, std::size_t step = SIZE_MAX) {
  TextSink out;
  feed(*zstd_compress(level, out), plain, step);
  EXPECT_TRUE(out.finished);
  return out.text;
}

std::string decompress(Bytes data, std::size_t step = SIZE_MAX) {
  TextSink out;
  feed(*zstd_decompress(out), data, step);
  EXPECT_TRUE(out.finished);
  return out.text;
}

bool is_refused(Bytes data) {
  TextSink out;
  try {
    feed(*zstd_decompress(out), data);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    EXPECT_FALSE(out.finished);
    return true;
  }
}

// A frame of one byte whose header asks for a window, by hand.
std::string frame_with_window(char descriptor) {
  std::string frame("\x28\xB5\x2F\xFD\x00", 5);  // magic number; no size, no checksum, window descriptor follows
  frame.push_back(descriptor);
  return frame + std::string("\x09\x00\x00x", 4);  // last block, raw, one byte
}

TEST(Zstd, returns_what_was_written_however_it_is_cut) {
  std::string half = noise(300000) + std::string(300000, 'a');
  for (const std::string& plain : {std::string(), std::string("x"), half, std::string(5000000, '\0'), noise(131072)})
    for (const int level : {1, 3, 19}) {
      const std::string whole = compress(plain, level);
      EXPECT_EQ(decompress(whole), plain);
      if (level == 1) {
        EXPECT_EQ(decompress(compress(plain, level, 4099), 977), plain);
      }
    }
}

TEST(Zstd, makes_text_smaller_and_guards_it_with_a_checksum) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += "INSERT INTO t VALUES (" + std::to_string(i) + ");\n";
  const std::string packed = compress(text);
  EXPECT_LT(packed.size(), text.size() / 3);
  EXPECT_EQ(packed[4] & 4, 4);  // the frame header's checksum flag
  std::string flipped = packed;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  EXPECT_TRUE(is_refused(flipped));
}

TEST(Zstd, refuses_a_frame_cut_anywhere) {
  const std::string packed = compress(noise(2000) + std::string(200000, 'b'));
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_TRUE(is_refused(Bytes(packed).substr(0, size))) << size;
  EXPECT_FALSE(is_refused(packed));
}

TEST(Zstd, refuses_garbage_and_garbage_behind_a_frame) {
  EXPECT_TRUE(is_refused("this is no compressed data"));
  EXPECT_TRUE(is_refused(noise(100000)));
  const std::string packed = compress("text");
  EXPECT_TRUE(is_refused(packed + "garbage"));
  EXPECT_TRUE(is_refused(packed + "g"));
  EXPECT_TRUE(is_refused(packed + std::string(1, '\0')));
}

TEST(Zstd, reads_concatenated_and_skippable_frames) {
  const std::string skippable("\x50\x2A\x4D\x18\x03\x00\x00\x00zzz", 11);
  const std::string full = noise(ZSTD_DStreamOutSize());
  EXPECT_EQ(decompress(compress("one ") + compress("two")), "one two");
  EXPECT_EQ(decompress(compress(full) + compress(full)), full + full);
  EXPECT_EQ(decompress(compress("one ") + skippable + compress("two"), 1), "one two");
  EXPECT_TRUE(is_refused(compress("one") + compress("two").substr(0, 10)));
}

TEST(Zstd, refuses_a_window_above_128_mib) {
  EXPECT_EQ(decompress(frame_with_window('\x88')), "x");  // 2^27
  EXPECT_TRUE(is_refused(frame_with_window('\x89')));     // an eighth more
  EXPECT_TRUE(is_refused(frame_with_window('\x90')));     // 2^28
  EXPECT_TRUE(is_refused(frame_with_window('\xF8')));     // 2^41
}

}  // namespace
}  // namespace lpbm::codec::test
