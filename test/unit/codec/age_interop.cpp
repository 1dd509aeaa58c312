// The real age program reads what we write, and we read what it writes.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "codec/age.h"
#include "unit/codec/program.h"
#include "unit/codec/text_sink.h"

namespace lpbm::codec::test {
namespace {

constexpr const char* passphrase = "correct horse b\xC3\xA4ttery staple";

std::string encrypt(const std::vector<std::string>& recipients, Bytes plain) {
  TextSink out;
  feed(*age_encrypt(recipients, out), plain, 50000);
  EXPECT_TRUE(out.finished);
  return out.text;
}

std::string decrypt(const AgeKeys& keys, Bytes file) {
  TextSink out;
  feed(*age_decrypt(keys, out), file, 100000);
  EXPECT_TRUE(out.finished);
  return out.text;
}

class AgeProgram : public testing::Test {
 protected:
  void run(std::vector<std::string> command, const std::string& answer = {}) {
    std::string shown;
    ASSERT_EQ(run_program(command, answer, shown), 0) << command[0] << ": " << shown;
  }

  TemporaryDirectory directory;
  AgeIdentity identity = generate_identity();
  std::string identity_file = directory.put("identity", "# a comment\n\n" + identity.secret + "\n");
  std::string in = directory.file("in"), out = directory.file("out");
};

class AgeProgramSizes : public AgeProgram, public testing::WithParamInterface<std::size_t> {};

TEST_P(AgeProgramSizes, reads_what_we_write) {
  const std::string plain = noise(GetParam());
  replace_file(in, encrypt({identity.recipient}, plain));
  run({"age", "-d", "-i", identity_file, "-o", out, in});
  // age makes no file of no bytes.
  EXPECT_EQ(plain.empty() && !std::filesystem::exists(out) ? "" : read_file(out), plain);
}

TEST_P(AgeProgramSizes, writes_what_we_read) {
  const std::string plain = noise(GetParam());
  replace_file(in, plain);
  run({"age", "-r", identity.recipient, "-o", out, in});
  EXPECT_EQ(decrypt({{identity.secret}, {}}, read_file(out)), plain);
  std::filesystem::remove(out);
  run({"age", "-a", "-r", identity.recipient, "-o", out, in});
  EXPECT_EQ(decrypt({{identity.secret}, {}}, read_file(out)), plain);
}

INSTANTIATE_TEST_SUITE_P(chunks, AgeProgramSizes,
                         testing::Values(0, 1, 47, 48, 65535, 65536, 65537, 131072, 131073, 1000000),
                         [](const auto& test) { return std::to_string(test.param); });

TEST_F(AgeProgram, reads_our_passphrase_files) {
  replace_file(in, age_wrap(identity.secret + "\n", passphrase));
  run({"age", "-d", "-o", out, in}, passphrase);
  EXPECT_EQ(read_file(out), identity.secret + "\n");
}

TEST_F(AgeProgram, refuses_our_passphrase_file_with_another_passphrase) {
  replace_file(in, age_wrap("content", passphrase, 10));
  std::string shown;
  EXPECT_EQ(run_program({"age", "-d", "-o", out, in}, "another", shown), 1);
  EXPECT_NE(shown.find("incorrect passphrase"), std::string::npos) << shown;
}

TEST_F(AgeProgram, writes_passphrase_files_that_we_read) {
  const std::string plain = noise(70000);
  replace_file(in, plain);
  run({"age", "-p", "-o", out, in}, passphrase);
  EXPECT_EQ(decrypt({{identity.secret}, passphrase}, read_file(out)), plain);
  std::filesystem::remove(out);
  run({"age", "-p", "-a", "-o", out, in}, passphrase);
  EXPECT_EQ(age_unwrap(read_file(out), passphrase), plain);
}

TEST_F(AgeProgram, opens_a_backup_by_hand_with_a_wrapped_identity) {
  replace_file(identity_file, age_wrap(identity.secret + "\n", passphrase));
  replace_file(in, encrypt({identity.recipient}, "the backup"));
  run({"age", "-d", "-i", identity_file, "-o", out, in}, passphrase);
  EXPECT_EQ(read_file(out), "the backup");
}

TEST_F(AgeProgram, and_we_agree_about_keys) {
  const std::string file = directory.file("key");
  run({"age-keygen", "-o", file});
  const std::vector<std::string> identities = read_identities(read_file(file));
  ASSERT_EQ(identities.size(), 1u);
  run({"age-keygen", "-y", "-o", out, file});
  EXPECT_EQ(parse_identity(identities[0]).recipient + "\n", read_file(out));
  std::filesystem::remove(out);
  run({"age-keygen", "-y", "-o", out, identity_file});
  EXPECT_EQ(identity.recipient + "\n", read_file(out));
}

TEST_F(AgeProgram, opens_our_files_with_each_of_several_recipients) {
  const AgeIdentity other = generate_identity();
  replace_file(in, encrypt({other.recipient, identity.recipient}, "for two"));
  run({"age", "-d", "-i", identity_file, "-o", out, in});
  EXPECT_EQ(read_file(out), "for two");
  std::filesystem::remove(out);
  run({"age", "-d", "-i", directory.put("other", other.secret), "-o", out, in});
  EXPECT_EQ(read_file(out), "for two");
}

}  // namespace
}  // namespace lpbm::codec::test
