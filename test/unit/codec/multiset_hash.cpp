#include "codec/multiset_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/encoding.h"

namespace lpbm::codec {
namespace {

std::string sum_of(const std::vector<std::string>& elements) {
  MultisetHash hash;
  for (const std::string& element : elements) hash.add(element);
  EXPECT_EQ(hash.count(), elements.size());
  return hash.text();
}

TEST(MultisetHash, of_nothing_is_zero_and_of_one_element_its_sha256) {
  EXPECT_EQ(MultisetHash().text(), std::string(64, '0'));
  EXPECT_EQ(sum_of({"abc"}), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(MultisetHash, does_not_depend_on_the_order) {
  std::vector<std::string> elements{"a", "b", "", "a", "tab\t", std::string("\0", 1)};
  const std::string sum = sum_of(elements);
  std::sort(elements.begin(), elements.end());
  do {
    EXPECT_EQ(sum_of(elements), sum);
  } while (std::next_permutation(elements.begin(), elements.end()));
}

TEST(MultisetHash, knows_how_often_an_element_is_there) {
  EXPECT_NE(sum_of({"a", "b"}), sum_of({"a", "a", "b"}));
  EXPECT_NE(sum_of({"a", "a", "b"}), sum_of({"a", "b", "b"}));
  EXPECT_NE(sum_of({"a", "a"}), sum_of({}));
}

// The sum by schoolbook addition of the digests' bytes.
TEST(MultisetHash, carries_over_all_256_bits) {
  std::string sum(32, '\0');
  MultisetHash hash;
  for (int i = 0; i < 2000; ++i) {
    const std::string element = "element " + std::to_string(i);
    hash.add(element);
    const std::string digest = sha256(element);
    unsigned carry = 0;
    for (std::size_t at = sum.size(); at-- > 0;) {
      carry += static_cast<unsigned char>(sum[at]) + static_cast<unsigned char>(digest[at]);
      sum[at] = static_cast<char>(carry & 0xff);
      carry >>= 8;
    }
    ASSERT_EQ(hash.text(), to_hex(sum)) << i;
  }
}

}  // namespace
}  // namespace lpbm::codec
