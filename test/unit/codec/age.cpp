#include "codec/age.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "codec/age_payload.h"
#include "codec/bech32.h"
#include "unit/codec/text_sink.h"

namespace lpbm::codec::test {
namespace {

constexpr std::size_t chunk = age::chunk_size + age::tag_size;

const AgeIdentity& own() {
  static const AgeIdentity identity = generate_identity();
  return identity;
}

std::string encrypt(Bytes plain, std::size_t step = SIZE_MAX) {
  TextSink out;
  feed(*age_encrypt({own().recipient}, out), plain, step);
  return out.text;
}

// The message of the refusal, or empty when the file was accepted. What was released must be whole chunks of `plain`.
std::string refusal(Bytes file, Bytes plain) {
  TextSink out;
  std::string message;
  try {
    feed(*age_decrypt({{own().secret}, {}}, out), file);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    EXPECT_FALSE(out.finished);
    EXPECT_EQ(std::string(error.what()).find("AGE-SECRET"), std::string::npos);
    message = error.what();
  }
  if (!message.empty()) {
    EXPECT_EQ(plain.substr(0, out.text.size()), out.text);
    EXPECT_TRUE(out.text.size() % age::chunk_size == 0 || out.text.size() == plain.size());
  }
  return message;
}

// Three chunks, the last one short.
class DamagedFile : public testing::Test {
 protected:
  const std::string plain = noise(2 * age::chunk_size + 1000);
  const std::string file = encrypt(plain);
  const std::size_t header = file.find("\n---") + 1 + 4 + 43 + 1;
  const std::size_t first = header + age::payload_nonce_size;  // where the first chunk begins
};

TEST_F(DamagedFile, is_accepted_before_it_is_damaged) {
  EXPECT_EQ(refusal(file, plain), "");
}

TEST_F(DamagedFile, is_refused_at_every_length_in_the_header_and_near_the_borders_of_chunks) {
  const std::size_t borders[] = {first, first + chunk, first + 2 * chunk, file.size()};
  for (std::size_t size = 0; size < file.size(); ++size) {
    bool near = size < first + 40;
    for (const std::size_t border : borders) near = near || (size + 40 > border && size < border + 40);
    if (!near) continue;
    EXPECT_NE(refusal(Bytes(file).substr(0, size), plain), "") << size;
  }
}

TEST_F(DamagedFile, is_refused_with_any_bit_flipped_in_header_and_nonce) {
  for (std::size_t at = 0; at < first; ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      EXPECT_NE(refusal(damaged, plain), "") << at << " " << bit;
    }
}

TEST_F(DamagedFile, is_refused_with_a_bit_flipped_in_any_region_of_any_chunk) {
  for (const std::size_t begin : {first, first + chunk, first + 2 * chunk}) {
    const std::size_t size = std::min(chunk, file.size() - begin);
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}, size / 2, size - 17, size - 16, size - 8, size - 1}) {
      std::string damaged = file;
      damaged[begin + at] = static_cast<char>(damaged[begin + at] ^ 0x20);
      EXPECT_NE(refusal(damaged, plain), "") << begin << " " << at;
    }
  }
}

TEST_F(DamagedFile, is_refused_with_chunks_swapped_dropped_or_doubled) {
  const std::string head = file.substr(0, first), a = file.substr(first, chunk), b = file.substr(first + chunk, chunk),
                    c = file.substr(first + 2 * chunk);
  for (const std::string& wrong : {b + a + c, a + c, b + c, a + b, a, b, c, a + a + b + c, a + b + b + c, a + b + c + c,
                                   c + b + a, a + c + b, std::string()})
    EXPECT_NE(refusal(head + wrong, plain), "");
}

TEST_F(DamagedFile, is_refused_with_anything_behind_it) {
  for (const std::size_t size : {1u, 15u, 16u, 17u, 64500u, 70000u}) {
    EXPECT_NE(refusal(file + noise(size), plain), "") << size;
    EXPECT_NE(refusal(file + std::string(size, '\0'), plain), "") << size;
  }
  EXPECT_NE(refusal(file + file, plain), "");
  const std::string full_plain = noise(age::chunk_size);
  const std::string full = encrypt(full_plain);
  EXPECT_EQ(refusal(full, full_plain), "");
  EXPECT_EQ(refusal(full + "x", full_plain), "decrypting an age file: something follows its end");
}

TEST_F(DamagedFile, is_refused_with_chunks_or_header_of_another_file) {
  const std::string other = encrypt(plain);
  EXPECT_EQ(other.size(), file.size());
  EXPECT_NE(refusal(file.substr(0, first + chunk) + other.substr(first + chunk), plain), "");
  EXPECT_NE(refusal(file.substr(0, header) + other.substr(header), plain), "");
  EXPECT_NE(refusal(file.substr(0, first) + other.substr(first), plain), "");
}

TEST(Age, returns_what_was_written_however_it_is_cut) {
  for (const std::size_t size : {0u, 1u, 65535u, 65536u, 65537u, 131071u, 131072u, 131073u, 400000u}) {
    const std::string plain = noise(size);
    for (const std::size_t step : {std::size_t{999}, std::size_t{65536}, std::size_t{65537}, SIZE_MAX}) {
      const std::string file = encrypt(plain, step);
      TextSink out;
      feed(*age_decrypt({{own().secret}, {}}, out), file, step);
      EXPECT_TRUE(out.finished);
      EXPECT_EQ(out.text, plain) << size << " " << step;
    }
  }
}

TEST(Age, has_the_size_that_the_format_gives) {
  const std::size_t empty = encrypt("").size();
  EXPECT_EQ(encrypt(noise(65536)).size(), empty + 65536);
  EXPECT_EQ(encrypt(noise(65537)).size(), empty + 65537 + 16);
}

TEST(Age, never_writes_the_same_file_twice) {
  EXPECT_NE(encrypt("same"), encrypt("same"));
}

TEST(Age, says_that_no_identity_matched) {
  TextSink out;
  try {
    feed(*age_decrypt({{generate_identity().secret}, "passphrase"}, out), encrypt("text"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), "no identity matched");
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(Age, says_that_a_passphrase_is_wrong_and_when_one_is_needed) {
  const std::string wrapped = age_wrap("text", "right", 4);
  EXPECT_EQ(age_unwrap(wrapped, "right"), "text");
  try {
    age_unwrap(wrapped, "wrong");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), "wrong passphrase");
  }
  TextSink out;
  try {
    feed(*age_decrypt({{own().secret}, {}}, out), wrapped);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.cause(), "no identity matched");
    EXPECT_EQ(error.hint(), "It is encrypted with a passphrase.");
  }
}

TEST(Age, needs_a_recipient) {
  TextSink out;
  EXPECT_THROW(age_encrypt({}, out), Error);
  EXPECT_EQ(out.text, "");
}

TEST(Age, refuses_a_header_that_never_ends) {
  TextSink out;
  const auto sink = age_decrypt({{own().secret}, {}}, out);
  sink->write("age-encryption.org/v1\n-> ");
  const std::string much(100000, 'a');
  EXPECT_THROW(for (int i = 0; i < 20; ++i) sink->write(much), Error);
}

TEST(Recipients, are_checked_with_a_hint) {
  EXPECT_NO_THROW(check_recipients({own().recipient, generate_identity().recipient}));
  std::string flipped = own().recipient;
  flipped[20] = flipped[20] == 'q' ? 'p' : 'q';
  std::string upper = own().recipient;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& wrong : {std::string(), std::string("age1"), flipped, upper, own().recipient + "q",
                                   own().recipient.substr(0, 61), own().secret, std::string("ssh-ed25519 AAAA")}) {
    try {
      check_recipients({own().recipient, wrong});
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_FALSE(error.hint().empty());
    }
  }
}

TEST(Recipients, of_low_order_are_refused) {
  // The point zero, which would make every shared secret zero.
  EXPECT_THROW(check_recipients({bech32_encode("age", std::string(32, '\0'))}), Error);
  EXPECT_NO_THROW(check_recipients({bech32_encode("age", '\x09' + std::string(31, '\0'))}));
}

TEST(Identities, are_refused_without_repeating_them) {
  std::string wrong = own().secret;
  wrong[30] = wrong[30] == 'Q' ? 'P' : 'Q';
  std::string lower = own().secret;
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  for (const std::string& secret : {wrong, lower, own().recipient, own().secret + " ", std::string()}) {
    try {
      parse_identity(secret);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_TRUE(secret.empty() || std::string(error.what()).find(secret) == std::string::npos);
    }
  }
}

TEST(Identities, are_read_from_a_file_of_age_keygen) {
  const std::string other = generate_identity().secret;
  EXPECT_EQ(read_identities("# created: 2026\n# public key: " + own().recipient + "\n" + own().secret + "\n\n" + other),
            (std::vector<std::string>{own().secret, other}));
  EXPECT_EQ(read_identities(own().secret + "\r\n"), std::vector<std::string>{own().secret});
  EXPECT_THROW(read_identities("# nothing\n"), Error);
  try {
    read_identities("#\n" + own().secret + "x\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.step(), "reading identities, line 2");
    EXPECT_EQ(std::string(error.what()).find(own().secret), std::string::npos);
  }
}

}  // namespace
}  // namespace lpbm::codec::test
