#include "base/encoding.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lpbm::test {
namespace {

TEST(Hex, goes_both_ways) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(from_hex(to_hex(all)), all);
  EXPECT_EQ(to_hex(std::string("\x00\x9f\xff", 3)), "009fff");
}

TEST(Hex, refuses_what_it_would_not_write) {
  for (const char* text : {"0", "0G", "AA", "0x00", " 00", "00\n"}) EXPECT_THROW(from_hex(text), Error) << text;
}

TEST(Base64, agrees_with_rfc_4648) {
  const char* vectors[][3] = {{"", "", ""},
                              {"f", "Zg==", "Zg"},
                              {"fo", "Zm8=", "Zm8"},
                              {"foo", "Zm9v", "Zm9v"},
                              {"foob", "Zm9vYg==", "Zm9vYg"},
                              {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                              {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
  for (const auto& [plain, padded, bare] : vectors) {
    EXPECT_EQ(to_base64(plain), padded);
    EXPECT_EQ(to_base64(plain, false), bare);
    EXPECT_EQ(from_base64(padded), plain);
    EXPECT_EQ(from_base64(bare, false), plain);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(from_base64(to_base64(all)), all);
}

TEST(Base64, refuses_what_it_would_not_write) {
  for (const char* text :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "=", "Zm9v\n", "Zm9-", "Zm=v", "Zg==Zg==", "Z"})
    EXPECT_THROW(from_base64(text), Error) << text;
  for (const char* text : {"Zg==", "Zh", "Zm9", "Z", "Zm9vY", "Zm 9"})
    EXPECT_THROW(from_base64(text, false), Error) << text;
}

TEST(Encodings, do_not_repeat_what_may_be_a_secret) {
  try {
    from_base64("c2VjcmV0!!!!");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("c2Vjc"), std::string::npos);
  }
}

}  // namespace
}  // namespace lpbm::test
