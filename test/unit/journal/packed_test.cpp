#include "journal/packed.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "codec/zstd.h"

namespace lpbm::journal {
namespace {

class TextSink final : public Sink {
 public:
  void write(Bytes data) override { text.append(data); }
  void finish() override {}
  std::string text;
};

std::string packed(const std::string& text) {
  TextSink out;
  const auto filter = codec::zstd_compress(3, out);
  filter->write(text);
  filter->finish();
  return out.text;
}

TEST(Packed, TextPassesAndCompressedTextComesBack) {
  EXPECT_EQ(unpack(""), "");
  EXPECT_EQ(unpack("lpbm-journal 1\n"), "lpbm-journal 1\n");
  const std::string text(300'000, 'x');
  EXPECT_EQ(unpack(packed(text)), text);
}

TEST(Packed, CutAndDamagedOnesAreRefused) {
  const std::string whole = packed(std::string(300'000, 'x'));
  EXPECT_THROW(unpack(whole.substr(0, whole.size() - 1)), Error);
  EXPECT_THROW(unpack(whole.substr(0, 4)), Error);
  std::string changed = whole;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  EXPECT_THROW(unpack(changed), Error);
}

TEST(Packed, WhatIsLargerThanAnyJournalIsRefused) {
  TextSink out;
  const auto filter = codec::zstd_compress(1, out);
  const std::string block(16u << 20, '\0');
  for (int i = 0; i < 65; ++i) filter->write(block);
  filter->finish();
  try {
    unpack(out.text);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.cause().find("larger than"), std::string::npos);
  }
}

}  // namespace
}  // namespace lpbm::journal
