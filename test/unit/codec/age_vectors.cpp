// The published test vectors of the age format (data/age/README.md): every file there is a test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "codec/age.h"
#include "codec/age_armor.h"
#include "codec/age_format.h"
#include "codec/crypto.h"
#include "codec/zstd.h"
#include "unit/codec/text_sink.h"

namespace lpbm::codec::test {
namespace {

// Their only identity is of the post-quantum kind (stanza mlkem768x25519), which lpbm does not have.
const std::set<std::string> other_stanza_types = {"armor_hybrid",
                                                  "hybrid",
                                                  "hybrid_and_x25519",
                                                  "hybrid_bad_tag",
                                                  "hybrid_currupted_enc_mlkem",
                                                  "hybrid_currupted_enc_x25519",
                                                  "hybrid_extra_argument",
                                                  "hybrid_grease",
                                                  "hybrid_identity",
                                                  "hybrid_long_file_key",
                                                  "hybrid_long_share",
                                                  "hybrid_low_order",
                                                  "hybrid_multiple_recipients",
                                                  "hybrid_no_match",
                                                  "hybrid_not_canonical_body",
                                                  "hybrid_not_canonical_enc",
                                                  "hybrid_short_share",
                                                  "hybrid_uppercase"};

constexpr std::size_t expected_count = 143;

struct Vector {
  std::multimap<std::string, std::string> fields;
  std::string file;
  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
};

// The tests may run as a user who cannot read the checkout: TEST_DATA_ROOT names a copy of test/unit then.
std::filesystem::path vectors() {
  const char* root = std::getenv("TEST_DATA_ROOT");
  return root != nullptr ? std::filesystem::path(root) / "codec" / "data" / "age"
                         : std::filesystem::path(TEST_DATA "/age");
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(vectors()))
    if (file.path().filename() != "README.md") out.push_back(file.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

Vector read_vector(const std::string& name) {
  const std::string text = read_file(vectors() / name);
  Vector out;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != at; at = end + 1) {
    const std::string line = text.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    out.fields.emplace(line.substr(0, colon), line.substr(colon + 2));
  }
  out.file = text.substr(at + 1);
  if (!out.field("compressed").empty()) {
    EXPECT_EQ(out.field("compressed"), "zstd");
    TextSink plain;
    feed(*zstd_decompress(plain), out.file);
    out.file = plain.text;
  }
  return out;
}

AgeKeys keys_of(const Vector& vector) {
  AgeKeys keys;
  const auto range = vector.fields.equal_range("identity");
  for (auto field = range.first; field != range.second; ++field)
    if (!field->second.starts_with("AGE-SECRET-KEY-PQ-1")) keys.identities.push_back(field->second);
  if (vector.fields.count("passphrase")) keys.passphrase = vector.field("passphrase");
  return keys;
}

std::string kind_of(const Error& error) {
  const std::map<std::string, std::string> kinds = {{age::reading_armor, "armor failure"},
                                                    {age::reading_header, "header failure"},
                                                    {age::opening, "no match"},
                                                    {age::checking_header, "HMAC failure"},
                                                    {age::decrypting, "payload failure"}};
  const auto found = kinds.find(error.step());
  return found == kinds.end() ? error.what() : found->second;
}

// What came of it, in the words of the vectors; `out` has what was released.
std::string decrypt(const Vector& vector, std::size_t step, TextSink& out) {
  try {
    feed(*age_decrypt(keys_of(vector), out), vector.file, step);
    return "success";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent) << error.what();
    EXPECT_FALSE(out.finished);
    return kind_of(error);
  }
}

class AgeVector : public testing::TestWithParam<std::string> {};

TEST_P(AgeVector, comes_out_as_published) {
  const Vector vector = read_vector(GetParam());
  if (other_stanza_types.count(GetParam())) {
    EXPECT_TRUE(vector.field("identity").starts_with("AGE-SECRET-KEY-PQ-1"));
    EXPECT_TRUE(vector.field("passphrase").empty());
    EXPECT_THROW(parse_identity(vector.field("identity")), Error);
    GTEST_SKIP() << "stanza type mlkem768x25519 is not supported";
  }
  for (const std::size_t step : {SIZE_MAX, std::size_t{1}, std::size_t{65536 + 15}}) {
    if (step == 1 && vector.file.size() > 1u << 20) continue;
    TextSink out;
    std::string came = decrypt(vector, step, out);
    // A file that is armored or not is told by its first character: one that begins with anything else is told as a
    // wrong header.
    if (came == "header failure" && vector.field("armored") == "yes" && vector.file[0] != '-') came = "armor failure";
    EXPECT_EQ(came, vector.field("expect")) << "in steps of " << step;
    const std::string none = to_hex(sha256(""));
    EXPECT_EQ(to_hex(sha256(out.text)), vector.fields.count("payload") ? vector.field("payload") : none);
    EXPECT_EQ(out.finished, vector.field("expect") == "success");
  }
}

INSTANTIATE_TEST_SUITE_P(published, AgeVector, testing::ValuesIn(names()), [](const auto& test) { return test.param; });

TEST(AgeVectors, are_all_there) {
  EXPECT_EQ(names().size(), expected_count);
}

}  // namespace
}  // namespace lpbm::codec::test
