// The format aes-256-cbc against files of Node's crypto (the vectors), of openssl, and of Python's cryptography (made
// and read anew for every length, data/aes_cbc.py).
#include "codec/aes_cbc.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "codec/crypto.h"
#include "unit/codec/program.h"
#include "unit/codec/text_sink.h"

namespace lpbm::codec::test {
namespace {

constexpr const char* passphrase = "secret";
const std::string salt(16, 's');

std::string encrypt(Bytes plain, std::size_t step = SIZE_MAX) {
  static const AesCbcKey key(passphrase, salt);
  TextSink out;
  feed(*aes_cbc_encrypt(key, out), plain, step);
  EXPECT_TRUE(out.finished);
  return out.text;
}

std::string decrypt(Bytes file, std::size_t step = SIZE_MAX, const std::string& secret = passphrase) {
  TextSink out;
  feed(*aes_cbc_decrypt(secret, out), file, step);
  EXPECT_TRUE(out.finished);
  return out.text;
}

void check_end(Bytes file, const std::string& secret = passphrase) {
  const std::size_t tail = std::min(file.size(), aes_cbc_tail_size);
  aes_cbc_check_end(secret, file.substr(0, aes_cbc_head_size), file.substr(file.size() - tail), file.size());
}

// What a reader says of a file that it refuses; both ways must say the same. Nothing of the last block comes out.
std::string refusal(Bytes file, const std::string& secret = passphrase) {
  std::string cause, early;
  TextSink out;
  try {
    feed(*aes_cbc_decrypt(secret, out), file, 1000);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    EXPECT_FALSE(error.hint().empty());
    cause = error.cause();
  }
  try {
    check_end(file, secret);
  } catch (const Error& error) {
    early = error.cause();
  }
  EXPECT_EQ(early, cause);
  EXPECT_TRUE(cause.empty() || !out.finished);
  EXPECT_TRUE(cause.empty() || file.size() < 48 || out.text.size() <= file.size() - 48);
  return cause;
}

constexpr const char* padding_is_wrong = "the passphrase is wrong, or the file is damaged or cut";

std::string content(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 7 + size) % 251);
  return out;
}

TEST(AesCbc, reads_files_of_node) {
  const struct {
    const char *passphrase, *content, *file;
  } vectors[] = {{"secret", "",
                  "ceb20772e0c9d240c75eb26b0e37abeef0b53b2da041fca49ef0b9839060b3456a89e2c7fc36ca7930365747d86d25b0"},
                 {"secret", "hello world",
                  "549c3f06130a93556fcb84f8344f38c03d656908a63b5e3e4ce6282e6092ef27a9b908301698cc9a9ee0a39bdc6b117d"},
                 {"p\xC3\xA4ssw\xC3\xB6rd", "0123456789abcdef",
                  "10c56bcb96bc91eef94ad131ee789dbbfb0b6ac01b8126bb143c54194e6eef3685c4ca7069726accc1c8f04f8d139217"
                  "31a5987b88df963e18f2809f606e6da1"}};
  for (const auto& vector : vectors) {
    EXPECT_EQ(decrypt(from_hex(vector.file), 1, vector.passphrase), vector.content);
    EXPECT_EQ(refusal(from_hex(vector.file), vector.passphrase), "");
  }
}

TEST(AesCbc, reads_what_openssl_enc_wrote_with_pbkdf2) {
  const std::string one = from_hex("53616c7465645f5f879f5aa9cccede2e6ea3343748d3fe17cd9274f1aa93976f");
  EXPECT_EQ(decrypt(one, 1), "hello world");
  EXPECT_EQ(refusal(one), "");
  const std::string two =
      from_hex("53616c7465645f5fbecc2c929ca83d0d9b4e2ae66940465de5f810f314d3a59df535b202fe97baea557c0b9c9d165d3f");
  EXPECT_EQ(decrypt(two), "0123456789abcdef");
  EXPECT_EQ(refusal(two), "");
  EXPECT_EQ(refusal(one, "another"), padding_is_wrong);
  EXPECT_EQ(refusal(Bytes(one).substr(0, 16)), "a file of 16 bytes cannot be whole");
}

TEST(AesCbc, gives_back_every_length) {
  for (std::size_t size = 0; size <= 4096; ++size) {
    const std::string file = encrypt(content(size), size % 37 + 1);
    ASSERT_EQ(file.size(), 32 + (size / 16 + 1) * 16);
    ASSERT_EQ(decrypt(file, size % 41 + 1), content(size)) << size;
  }
  // The slices in which the sinks work, and what lies around them; ciphertexts of whole kilobytes are among them.
  for (const std::size_t around : {std::size_t{65536}, std::size_t{131072}, std::size_t{1} << 20})
    for (std::size_t size = around - 33; size <= around + 33; ++size)
      ASSERT_EQ(decrypt(encrypt(content(size)), 70001), content(size)) << size;
}

TEST(AesCbc, another_implementation_reads_every_length_and_is_read) {
  const std::string python = "/usr/bin/python3", script = std::string(TEST_DATA) + "/aes_cbc.py", count = "4097";
  const TemporaryDirectory directory;
  std::string shown;
  ASSERT_EQ(run_program({python, script, "write", directory.file(""), passphrase, count}, "", shown), 0) << shown;
  for (std::size_t size = 0; size <= 4096; ++size) {
    const std::string file = read_file(directory.file(std::to_string(size)));
    ASSERT_EQ(decrypt(file, 1000), content(size)) << size;
    std::ofstream(directory.file(std::to_string(size)), std::ios::binary) << encrypt(content(size));
  }
  ASSERT_EQ(run_program({python, script, "read", directory.file(""), passphrase, count}, "", shown), 0) << shown;
}

TEST(AesCbc, never_uses_an_iv_twice) {
  const std::string one = encrypt("x"), two = encrypt("x");
  EXPECT_EQ(one.substr(0, 16), salt);
  EXPECT_NE(one.substr(16, 16), two.substr(16, 16));
}

TEST(AesCbc, refuses_lengths_that_cannot_be) {
  const std::string file = encrypt(content(100));
  for (std::size_t size = 0; size < file.size(); ++size) {
    if (size >= 48 && size % 16 == 0) continue;
    EXPECT_EQ(refusal(Bytes(file).substr(0, size)), "a file of " + std::to_string(size) + " bytes cannot be whole");
  }
  EXPECT_EQ(refusal(file + "x"), "a file of " + std::to_string(file.size() + 1) + " bytes cannot be whole");
}

TEST(AesCbc, refuses_each_damage_of_the_padding) {
  // The byte before the last block changes the last block's byte of the same place and nothing else of it.
  const std::string file = encrypt(content(107));  // 5 bytes of padding
  for (std::size_t back = 1; back <= 5; ++back)
    for (int flip = 1; flip < 256; ++flip) {
      std::string damaged = file;
      char& byte = damaged[file.size() - 16 - back];
      byte = static_cast<char>(byte ^ flip);
      // 5 to 1: the byte says that it alone is padding, which nothing contradicts.
      if (back == 1 && (5 ^ flip) == 1) continue;
      ASSERT_EQ(refusal(damaged), padding_is_wrong) << back << " " << flip;
    }
}

TEST(AesCbc, a_cut_or_another_passphrase_shows_in_nearly_all_cases) {
  const std::string plain = noise(64 << 10), file = encrypt(plain);
  int cuts = 0, noticed = 0;
  for (std::size_t size = 48; size < file.size(); size += 16, ++cuts)
    noticed += refusal(Bytes(file).substr(0, size)).empty() ? 0 : 1;
  EXPECT_GE(noticed, cuts * 98 / 100);
  EXPECT_LT(noticed, cuts) << "about one in 256 ends like a padding: no reader of this format can tell";
  EXPECT_EQ(refusal(file, "Secret"), padding_is_wrong);
}

TEST(AesCbc, a_key_needs_a_whole_salt) {
  EXPECT_THROW(AesCbcKey(passphrase, "short"), Error);
}

TEST(AesCbc, files_of_age_are_told_by_how_they_begin) {
  EXPECT_TRUE(looks_like_age("age-encryption.org/v1\n-> X25519 "));
  EXPECT_TRUE(looks_like_age("\r\n -----BEGIN AGE ENCRYPTED FILE-----\n"));
  EXPECT_FALSE(looks_like_age(encrypt("age-encryption.org/v1")));
  EXPECT_FALSE(looks_like_age(""));
  EXPECT_FALSE(looks_like_age("Salted__"));
}

}  // namespace
}  // namespace lpbm::codec::test
