#include "codec/crypto.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::codec::test {
namespace {

TEST(Sha256, agrees_with_fips_180) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, may_be_fed_in_pieces_and_begun_again) {
  Sha256 hash;
  hash.update("a");
  hash.update("");
  hash.update("bc");
  EXPECT_EQ(hash.digest(), sha256("abc"));
  hash.restart();
  hash.update("other");
  EXPECT_EQ(hash.digest(), sha256("other"));
}

TEST(Hmac, agrees_with_rfc_4231) {
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, takes_an_empty_key_and_does_not_remember_another) {
  hmac_sha256("key", "x");
  EXPECT_EQ(to_hex(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hkdf, agrees_with_rfc_5869) {
  const std::string secret(22, '\x0b');
  EXPECT_EQ(to_hex(hkdf_sha256(secret, from_hex("000102030405060708090a0b0c"), from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(secret, "", "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  EXPECT_EQ(hkdf_sha256(secret, "", "", 255 * 32).size(), 255u * 32);
  EXPECT_THROW(hkdf_sha256(secret, "", "", 255 * 32 + 1), Error);
}

TEST(Random, has_the_size_asked_for_and_differs) {
  EXPECT_EQ(random_bytes(33).size(), 33u);
  EXPECT_NE(random_bytes(16), random_bytes(16));
  EXPECT_EQ(random_bytes(0), "");
}

TEST(Equality, is_of_size_and_bytes) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
  EXPECT_TRUE(equal_constant_time("", ""));
}

TEST(Signatures, agree_with_rfc_8032) {
  const SigningKey key = signing_key(from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(key.public_key), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(sign(key, "\x72")),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Signatures, hold_for_their_message_and_key_alone) {
  const SigningKey key = generate_signing_key(), other = generate_signing_key();
  EXPECT_NE(key.seed, other.seed);
  const std::string message = "a line of the journal";
  const std::string signature = sign(key, message);
  EXPECT_TRUE(verify(key.public_key, message, signature));
  EXPECT_FALSE(verify(other.public_key, message, signature));
  EXPECT_FALSE(verify(key.public_key, message + "x", signature));
  for (std::size_t at = 0; at < signature.size(); ++at) {
    std::string flipped = signature;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    EXPECT_FALSE(verify(key.public_key, message, flipped)) << at;
  }
  EXPECT_FALSE(verify(key.public_key, message, ""));
  EXPECT_FALSE(verify("short", message, signature));
  EXPECT_THROW(signing_key("short"), Error);
}

}  // namespace
}  // namespace lpbm::codec::test
