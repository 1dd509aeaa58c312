#include "job/keys.h"

#include "job/preconditions.h"
#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

class KeysTest : public test::WithDirectory {
 protected:
  journal::Header make() {
    const Site site(settings_);
    make_keys(site);
    return make_journal(site);
  }
};

TEST_F(KeysTest, KeysAreMadeOnceAndKeptForTheirOwnerOnly) {
  const Site site(settings_);
  make_keys(site);
  const std::string cluster = site.cluster_key(), seed = site.signing_key().seed;
  EXPECT_EQ(cluster.size(), 32U);
  EXPECT_EQ(std::filesystem::status(site.path("site.key")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(std::filesystem::status(settings_.directory).permissions(), std::filesystem::perms::owner_all);
  make_keys(site);
  EXPECT_EQ(site.cluster_key(), cluster);
  EXPECT_EQ(site.signing_key().seed, seed);
}

TEST_F(KeysTest, WithRecipientsTheHeaderHoldsNoSecret) {
  settings_.recipients = {codec::generate_identity().recipient};
  const journal::Header header = make();
  EXPECT_EQ(header.recipients, settings_.recipients);
  EXPECT_TRUE(header.identity.empty());
  EXPECT_TRUE(header.mac.empty());
}

TEST_F(KeysTest, WithAPassphraseTheHeaderHoldsAnIdentityThatThePassphraseOpens) {
  write(root_ / "passphrase", "correct horse\n");
  settings_.passphrase_file = "passphrase";
  const journal::Header header = make();
  const auto identities = codec::read_identities(codec::age_unwrap(header.identity, "correct horse"));
  ASSERT_EQ(identities.size(), 1U);
  EXPECT_EQ(header.recipients, std::vector<std::string>{codec::parse_identity(identities[0]).recipient});
  EXPECT_EQ(header.mac, journal::header_mac(header, identities[0]));
}

TEST_F(KeysTest, ThePassphraseIsNeededOnlyOnce) {
  write(root_ / "passphrase", "correct horse\n");
  settings_.passphrase_file = "passphrase";
  const journal::Header first = make();
  settings_.passphrase_file.clear();
  EXPECT_EQ(make().identity, first.identity);
  EXPECT_EQ(Site(settings_).recipients(first), first.recipients);
}

TEST_F(KeysTest, ThePassphraseMayComeFromACommand) {
  settings_.passphrase_command = "printf '%s\\n' \"a b\"";
  EXPECT_EQ(read_passphrase(settings_), "a b");
}

TEST_F(KeysTest, WithoutASecretThereIsNoJournal) {
  const Error error = test::error_of([&] { make(); });
  EXPECT_EQ(error.cause(), "no encryption secret");
  EXPECT_NE(error.hint().find("lpbm.recipients"), std::string::npos);
  EXPECT_FALSE(Site(settings_).journal().exists());
}

TEST_F(KeysTest, RecipientsAndAPassphraseExcludeEachOther) {
  settings_.recipients = {codec::generate_identity().recipient};
  settings_.passphrase_file = "passphrase";
  EXPECT_EQ(test::error_of([&] { make(); }).cause(), "both recipients and a passphrase are set");
}

TEST_F(KeysTest, APassphraseFileThatOthersCanReadIsRefused) {
  write(root_ / "passphrase", "correct horse\n", false);
  std::filesystem::permissions(root_ / "passphrase", std::filesystem::perms(0644));
  settings_.passphrase_file = "passphrase";
  EXPECT_EQ(test::error_of([&] { make(); }).kind(), ErrorKind::permanent);
}

TEST_F(KeysTest, AMissingSiteKeyIsNotReplacedBesideItsJournal) {
  settings_.recipients = {codec::generate_identity().recipient};
  make();
  std::filesystem::remove(settings_.directory / "site.key");
  EXPECT_EQ(test::error_of([&] { make(); }).cause(), "it is missing beside its journal");
  EXPECT_FALSE(std::filesystem::exists(settings_.directory / "site.key"));
}

TEST_F(KeysTest, AJournalOfAnotherKeyIsRefused) {
  settings_.recipients = {codec::generate_identity().recipient};
  make();
  write(settings_.directory / "other", to_hex(codec::random_bytes(32)) + "\n");
  std::filesystem::rename(settings_.directory / "other", settings_.directory / "site.key");
  EXPECT_EQ(test::error_of([&] { make(); }).cause(), "it is signed by another key");
}

TEST_F(KeysTest, Aes256CbcNeedsThePassphraseOfTheJournalAndKeepsOneSalt) {
  write(root_ / "passphrase", "correct horse\n");
  settings_.passphrase_file = "passphrase";
  settings_.encryption = "aes-256-cbc";
  const journal::Header header = make();
  EXPECT_EQ(header.mac.size(), 64U) << "the journal proves itself as with age";
  const auto key = aes_key(Site(settings_), header);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->bytes(), codec::AesCbcKey("correct horse", key->salt()).bytes());
  EXPECT_EQ(aes_key(Site(settings_), header)->salt(), key->salt());
  EXPECT_EQ(std::filesystem::status(settings_.directory / "aes.check").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  settings_.passphrase_file = "another";
  write(root_ / "another", "battery staple\n");
  const Error error = test::error_of([&] { aes_key(Site(settings_), header); });
  EXPECT_EQ(error.cause(), "the passphrase does not open the journal (wrong passphrase): it was begun with another");
  write(root_ / "another", "correct horse\r\n");
  EXPECT_NE(test::error_of([&] { aes_key(Site(settings_), header); }).hint().find("ends with a carriage return"),
            std::string::npos);
  settings_.passphrase_file = "passphrase";
  std::filesystem::remove(settings_.directory / "aes.check");
  EXPECT_NE(aes_key(Site(settings_), header)->salt(), key->salt()) << "made anew where it was lost";
}

TEST_F(KeysTest, Aes256CbcIsNotForRecipients) {
  settings_.encryption = "aes-256-cbc";
  settings_.recipients = {codec::generate_identity().recipient};
  EXPECT_EQ(test::error_of([&] { make(); }).cause(), "aes-256-cbc cannot encrypt to recipients");
  settings_.encryption = "age";
  const journal::Header header = make();
  settings_.recipients.clear();
  settings_.encryption = "aes-256-cbc";
  write(root_ / "passphrase", "correct horse\n");
  settings_.passphrase_file = "passphrase";
  EXPECT_EQ(test::error_of([&] { make(); }).cause(), "the journal was begun with recipients, not with a passphrase");
}

TEST(SplitCommand, KnowsQuotesAndBackslashesAndExpandsNothing) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_command("a  'b c' \"d\\\"e\" f\\ g"), (Words{"a", "b c", "d\"e", "f g"}));
  EXPECT_EQ(split_command("x ''  $HOME `id` *"), (Words{"x", "", "$HOME", "`id`", "*"}));
  EXPECT_THROW(split_command("a 'b"), Error);
}

TEST(MajorVersion, IsReadFromTheProgramsWords) {
  EXPECT_EQ(major_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), 15);
  EXPECT_EQ(major_version("pg_dump (PostgreSQL) 18beta1\n"), 18);
  EXPECT_EQ(major_version("something else"), 0);
}

TEST_F(KeysTest, InitSaysWhatStandsInTheWay) {
  settings_.bindir = root_ / "nowhere";
  settings_.conninfo = "host=" + (root_ / "nowhere").string();
  const auto result = run_init(Site(settings_));
  std::vector<std::string> names;
  for (const auto& problem : result["problems"]) {
    names.push_back(problem["name"]);
    EXPECT_NE(problem["hint"], "") << "each says how to mend it: " << problem;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"encryption", "pg_dump", "pg_dumpall", "connection"}));
  EXPECT_TRUE(result["key"].is_null());
}

}  // namespace
}  // namespace lpbm::job
