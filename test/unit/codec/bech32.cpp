#include "codec/bech32.h"

#include <gtest/gtest.h>

namespace lpbm::codec::test {
namespace {

TEST(Bech32, agrees_with_the_vectors_of_its_specification) {
  EXPECT_EQ(bech32_encode("a", ""), "a12uel5l");
  EXPECT_EQ(bech32_encode("abcdef", std::string("\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf\x84\x65\x3a\x56\xd7\xc6\x75"
                                                "\xbe\x77\xdf",
                                                20)),
            "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw");
  std::string bytes;
  EXPECT_TRUE(bech32_decode("A", "A12UEL5L", bytes));
  EXPECT_TRUE(bech32_decode("abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", bytes));
  EXPECT_EQ(bytes.size(), 20u);
}

TEST(Bech32, refuses_mixed_case_other_prefixes_and_wrong_checksums) {
  std::string bytes;
  for (const char* wrong :
       {"", "a", "a1", "a12uel5", "a12uel5m", "a12UEL5L", "A12UEL5L", "b12uel5l", "a12uel5b", "a12uel5l "})
    EXPECT_FALSE(bech32_decode("a", wrong, bytes)) << wrong;
}

}  // namespace
}  // namespace lpbm::codec::test
