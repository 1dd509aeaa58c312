#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "job/object.h"

namespace lpbm::cli {
namespace {

class CommandTest : public testing::Test {
 protected:
  CommandTest() : identity_(codec::generate_identity()), key_(codec::generate_signing_key()) {
    std::string path = (std::filesystem::temp_directory_path() / "lpbm-cli-XXXXXX").string();
    if (!::mkdtemp(path.data())) throw std::runtime_error("mkdtemp");
    root_ = path;
    replace_file(root_ / "identity", "# a comment\n" + identity_.secret + "\n");
    store::Options options;
    options.url = store_url();
    options.site = "here";
    store_ = store::open(options);
    journal::Header header;
    header.site = "here";
    header.system = "1";
    header.key = to_base64(key_.public_key);
    header.created = now();
    header.recipients = {identity_.recipient};
    file().create(header, key_);
  }
  ~CommandTest() override { std::filesystem::remove_all(root_); }

  std::string store_url() { return "file:" + (root_ / "store").string(); }
  journal::JournalFile file() { return journal::JournalFile(root_ / "journal"); }

  // Adds a full whose only object has this content.
  journal::Entry add_full(const std::string& content) {
    journal::Entry entry;
    entry.kind = journal::Kind::full;
    entry.name = "2026-11-21T00:00:00.000000Z-full";
    entry.stream = "00112233aabbccdd";
    entry.from = entry.to = entry.anchor = Lsn{0x20};
    entry.snapshot = "10:10:";
    entry.reason = "asked";
    entry.started = entry.finished = now();
    entry.encoding = "UTF8";
    entry.server_version = 150018;
    entry.objects = {
        job::store_object(*store_, {"dump", "lpbm/here/x/dump", 1, {identity_.recipient}, false}, content)};
    entry.cid = entry.objects[0].cid;
    file().append(entry, key_);
    return entry;
  }

  // The exit code of a command line; what it printed is in out_.
  int run(std::vector<std::string> arguments) {
    Options options;
    Command chosen;
    CLI::App app;
    app.require_subcommand(1);
    add_backup_commands(app, options, chosen);
    add_restore_command(app, options, chosen);
    add_journal_commands(app, options, chosen);
    add_object_commands(app, options, chosen);
    add_extract_command(app, options, chosen);
    add_keygen_command(app, options, chosen);
    std::reverse(arguments.begin(), arguments.end());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    int code = 2;
    try {
      app.parse(arguments);
      code = chosen();
    } catch (const CLI::ParseError&) {
    } catch (const Error& error) {
      code = report(error);
    }
    out_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr();
    return code;
  }

  std::filesystem::path root_;
  codec::AgeIdentity identity_;
  codec::SigningKey key_;
  std::unique_ptr<store::Store> store_;
  std::string out_, errors_;
};

TEST_F(CommandTest, KeygenWritesAnIdentityForItsOwnerOnly) {
  const std::string path = (root_ / "new").string();
  EXPECT_EQ(run({"keygen", "-o", path}), 0);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto identities = codec::read_identities(read_file(path));
  ASSERT_EQ(identities.size(), 1U);
  EXPECT_EQ(errors_, "Public key: " + codec::parse_identity(identities[0]).recipient + "\n");
  EXPECT_EQ(run({"keygen", "-o", path}), 2) << "an identity is never written over";
  EXPECT_NE(errors_.find("lpbm: writing " + path + ": the file exists"), std::string::npos);
}

TEST_F(CommandTest, DecryptUndoesEncryptionAndCompression) {
  const auto entry = add_full("some content");
  const std::string object = (root_ / "object").string(), identity = (root_ / "identity").string();
  ASSERT_EQ(run({"get", entry.cid, "--store", store_url(), "-o", object}), 0) << errors_;
  EXPECT_EQ(run({"decrypt", object, "--identity", identity}), 0) << errors_;
  EXPECT_EQ(out_, "some content");
  EXPECT_EQ(run({"decrypt", object, "--identity", identity, "--raw"}), 0);
  EXPECT_TRUE(out_.starts_with("\x28\xb5\x2f\xfd"));
  EXPECT_EQ(run({"get", entry.cid, "--store", store_url(), "--decrypt", "--identity", identity}), 0);
  EXPECT_EQ(out_, "some content");
}

TEST_F(CommandTest, DecryptWithTheWrongIdentityWritesNoFile) {
  const auto entry = add_full("some content");
  const std::string object = (root_ / "object").string(), other = (root_ / "other").string();
  ASSERT_EQ(run({"get", entry.cid, "--store", store_url(), "-o", object}), 0);
  ASSERT_EQ(run({"keygen", "-o", other}), 0);
  EXPECT_EQ(run({"decrypt", object, "--identity", other, "-o", (root_ / "plain").string()}), 1);
  EXPECT_NE(errors_.find("no identity matched"), std::string::npos) << errors_;
  EXPECT_FALSE(std::filesystem::exists(root_ / "plain"));
  EXPECT_FALSE(std::filesystem::exists(root_ / "plain.part"));
}

TEST_F(CommandTest, APassphraseOpensThroughTheJournalsIdentity) {
  std::filesystem::remove(root_ / "journal");
  journal::Header header;
  header.site = "here";
  header.system = "1";
  header.key = to_base64(key_.public_key);
  header.created = now();
  header.recipients = {identity_.recipient};
  header.identity = codec::age_wrap(identity_.secret + "\n", "correct horse", 10);
  header.mac = journal::header_mac(header, identity_.secret);
  file().create(header, key_);
  const auto entry = add_full("some content");
  replace_file(root_ / "passphrase", "correct horse\n");
  replace_file(root_ / "wrong", "battery staple\n");
  const std::string journal = (root_ / "journal").string();
  EXPECT_EQ(run({"get", entry.cid, "--store", store_url(), "--decrypt", "--journal", journal, "--passphrase-file",
                 (root_ / "passphrase").string()}),
            0)
      << errors_;
  EXPECT_EQ(out_, "some content");
  EXPECT_EQ(run({"get", entry.cid, "--store", store_url(), "--decrypt", "--journal", journal, "--passphrase-file",
                 (root_ / "wrong").string()}),
            1);
  EXPECT_NE(errors_.find("wrong passphrase"), std::string::npos) << errors_;
  EXPECT_EQ(errors_.find("hint: The passphrase"), std::string::npos) << errors_;
  replace_file(root_ / "wrong",
               "\xef\xbb\xbf"
               "correct horse\r\n");
  EXPECT_EQ(run({"get", entry.cid, "--store", store_url(), "--decrypt", "--journal", journal, "--passphrase-file",
                 (root_ / "wrong").string()}),
            1);
  EXPECT_NE(errors_.find("hint: The passphrase as given begins with a byte order mark and ends with a carriage return"),
            std::string::npos)
      << errors_;
}

TEST_F(CommandTest, DecryptReadsAes256CbcAndSaysWhatItCannotProve) {
  const std::string file = (root_ / "old.sql.enc").string(), secret = (root_ / "secret").string();
  const std::string plain = (root_ / "plain").string(), identity = (root_ / "identity").string();
  // "hello world" under "secret", by Node's crypto.
  std::string bytes =
      from_hex("549c3f06130a93556fcb84f8344f38c03d656908a63b5e3e4ce6282e6092ef27a9b908301698cc9a9ee0a39bdc6b117d");
  replace_file(file, bytes);
  replace_file(secret, "secret\n");
  EXPECT_EQ(run({"decrypt", file, "--passphrase-file", secret}), 0) << errors_;
  EXPECT_EQ(out_, "hello world");
  EXPECT_NE(errors_.find("aes-256-cbc cannot prove"), std::string::npos) << errors_;
  EXPECT_EQ(run({"decrypt", file, "--passphrase-file", secret, "--format", "aes-256-cbc"}), 0) << errors_;
  EXPECT_EQ(run({"decrypt", file, "--passphrase-file", secret, "--format", "age"}), 1);
  EXPECT_EQ(run({"decrypt", file, "--identity", identity}), 2);
  EXPECT_NE(errors_.find("opened by a passphrase alone"), std::string::npos) << errors_;
  replace_file(secret, "Secret\n");
  EXPECT_EQ(run({"decrypt", file, "--passphrase-file", secret, "-o", plain}), 1);
  EXPECT_NE(errors_.find("the passphrase is wrong, or the file is damaged or cut"), std::string::npos) << errors_;
  EXPECT_EQ(errors_.find("carriage return"), std::string::npos) << errors_;
  replace_file(secret, "secret\r\n");
  EXPECT_EQ(run({"decrypt", file, "--passphrase-file", secret, "-o", plain}), 1);
  EXPECT_NE(errors_.find("The passphrase as given ends with a carriage return (the CRLF of Windows)"),
            std::string::npos)
      << errors_;
  EXPECT_FALSE(std::filesystem::exists(plain));
  bytes.pop_back();
  replace_file(file, bytes);
  EXPECT_EQ(run({"decrypt", file, "--passphrase-file", secret}), 1);
  EXPECT_NE(errors_.find("a file of 47 bytes cannot be whole"), std::string::npos) << errors_;
  EXPECT_EQ(out_, "");
}

TEST_F(CommandTest, ListShowsTheEntriesAsATableOrAsJson) {
  const auto entry = add_full("some content");
  const std::string journal = (root_ / "journal").string();
  EXPECT_EQ(run({"list", "--journal", journal}), 0) << errors_;
  EXPECT_NE(out_.find("site here, key " + to_base64(key_.public_key)), std::string::npos) << out_;
  EXPECT_NE(out_.find("    1  full"), std::string::npos) << out_;
  EXPECT_EQ(run({"list", "--journal", journal, "--json"}), 0);
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["entries"][0]["cid"], entry.cid);
  EXPECT_EQ(json["entries"][0]["to"], "0/20");
}

TEST_F(CommandTest, ListRefusesAJournalOfAnotherSigner) {
  add_full("some content");
  EXPECT_EQ(run({"list", "--journal", (root_ / "journal").string(), "--signer",
                 to_base64(codec::generate_signing_key().public_key)}),
            1);
}

TEST_F(CommandTest, VerifyEndsWithOneWhereAnObjectIsMissing) {
  const auto entry = add_full("some content");
  const std::string journal = (root_ / "journal").string();
  EXPECT_EQ(run({"verify", "--journal", journal, "--store", store_url()}), 0) << errors_;
  EXPECT_EQ(out_, "1 entries, no problem\n");
  EXPECT_NE(errors_.find("nothing proves who wrote this journal"), std::string::npos);
  store_->remove(entry.cid);
  EXPECT_EQ(run({"verify", "--journal", journal, "--store", store_url()}), 1);
  EXPECT_NE(errors_.find("lpbm: verifying the store: 1 problem"), std::string::npos) << errors_;
  EXPECT_NE(out_.find("entry 1 (" + entry.cid + "): dump"), std::string::npos) << out_;
}

TEST_F(CommandTest, WrongUsageEndsWithTwo) {
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"restore"}), 2);
  EXPECT_EQ(run({"get", "nonsense", "--store", store_url()}), 2);
  EXPECT_EQ(run({"list", "--journal", (root_ / "journal").string(), "--nonsense"}), 2);
  EXPECT_EQ(run({"verify", "--journal", (root_ / "journal").string(), "--store", "ftp://x"}), 2);
}

TEST_F(CommandTest, ASecretThatOthersCanReadIsRefused) {
  const auto entry = add_full("some content");
  std::filesystem::permissions(root_ / "identity", std::filesystem::perms(0644));
  EXPECT_EQ(run({"get", entry.cid, "--store", store_url(), "--decrypt", "--identity", (root_ / "identity").string()}),
            1);
  EXPECT_FALSE(errors_.empty());
}

TEST(Terminal, SizesAreForPeople) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1536), "1.5 kB");
  EXPECT_EQ(human_size(1048575), "1.0 MB");
  EXPECT_EQ(human_size(std::uint64_t{5} << 30), "5.0 GB");
}

TEST(Terminal, CellsArePadded) {
  EXPECT_EQ(pad("ab", 4, false), "ab  ");
  EXPECT_EQ(pad("ab", 4, true), "  ab");
  EXPECT_EQ(pad("abcde", 4, true), "abcde");
}

}  // namespace
}  // namespace lpbm::cli
