#include "notify/letter.h"

#include <gtest/gtest.h>

namespace lpbm::notify {
namespace {

Subject sample() {
  Subject out;
  out.prefix = "[prod]";
  out.site = "shop";
  out.database = "app";
  out.store = "file:/srv/backup";
  out.server_version = 150018;
  out.key = "KEY=";
  return out;
}

journal::Entry entry(std::uint64_t number, journal::Kind kind) {
  journal::Entry out;
  out.number = number;
  out.kind = kind;
  out.cid = "bafy" + std::to_string(number);
  out.name = "2026-11-21T12:00:00.000000Z-" + std::string(kind == journal::Kind::full ? "full" : "delta");
  out.finished = 1'795'262'400'000'000;
  return out;
}

bool says(const Text& text, const std::string& words) {
  return text.body.find(words) != std::string::npos;
}

TEST(Letter, JournalNamesPrefixSiteAndEntry) {
  const Text text = journal_letter(sample(), {entry(1, journal::Kind::full), entry(2, journal::Kind::delta)}, "f.zst");
  EXPECT_EQ(text.subject, "[prod] shop 2026-11-21T12:00:00.000000Z-delta");
  EXPECT_LT(text.body.find("bafy2"), text.body.find("bafy1"));
  EXPECT_TRUE(says(text, "2      delta  2026-11-21 12:00:00 UTC  0             0     0             bafy2\n"));
}

TEST(Letter, JournalHoldsTheCommandOfTheWorstDay) {
  const std::vector<journal::Entry> newest{entry(1, journal::Kind::full)};
  EXPECT_TRUE(says(journal_letter(sample(), newest, "f.zst"),
                   "\n  lpbm restore --store file:/srv/backup --journal f.zst --passphrase-file PASSPHRASE --target "
                   "'host=HOST port=PORT user=postgres dbname=app'\n"));
  Subject subject = sample();
  subject.database = "it's";
  subject.store = "ipfs+http://host:9094";
  subject.store_options = "--ipfs-api http://host:5001 --store-auth-file STORE_AUTH";
  subject.recipients = {"age1a", "age1b"};
  const Text text = journal_letter(subject, newest, "f.zst");
  EXPECT_TRUE(says(text,
                   "\n  lpbm restore --store ipfs+http://host:9094 --ipfs-api http://host:5001 --store-auth-file "
                   "STORE_AUTH --journal f.zst --identity IDENTITY --signer KEY= --target "
                   "'host=HOST port=PORT user=postgres dbname='\\''it\\'\\''s'\\'''\n"));
  EXPECT_TRUE(says(text, "of age1a or age1b\n"));
  EXPECT_TRUE(says(text, "with --site shop in place of --journal"));
  EXPECT_TRUE(says(text, "  STORE_AUTH  a file"));
}

TEST(Letter, StoreOnTheServerIsWarnedOf) {
  Subject subject = sample();
  EXPECT_FALSE(says(journal_letter(subject, {}, "f"), "WARNING"));
  subject.store_on_server = true;
  EXPECT_TRUE(says(journal_letter(subject, {}, "f"), "WARNING: it lies on the server itself"));
}

TEST(Letter, EmptyJournalIsSaidToBe) {
  const Text text = journal_letter(sample(), {}, "f");
  EXPECT_EQ(text.subject, "[prod] shop no entry yet");
  EXPECT_TRUE(says(text, "nothing is backed up"));
}

TEST(Letter, TroubleAndItsEndAreNamed) {
  const Trouble trouble{"delta", "it failed", "mend it", 1'795'262'400'000'000};
  Subject subject = sample();
  subject.prefix.clear();
  const Text begun = trouble_letter(subject, trouble);
  EXPECT_EQ(begun.subject, "shop problem: delta");
  EXPECT_TRUE(says(begun, "it failed\nHint: mend it\n\nSince 2026-11-21 12:00:00 UTC"));
  const Text ended = over_letter(subject, trouble, trouble.since + 60'000'000);
  EXPECT_EQ(ended.subject, "shop over: delta");
  EXPECT_TRUE(says(ended, "from 2026-11-21 12:00:00 UTC to 2026-11-21 12:01:00 UTC"));
}

TEST(Letter, WordsOfACommandAreQuotedWhereNeeded) {
  EXPECT_EQ(shell_word("file:/srv/a-b_c.d"), "file:/srv/a-b_c.d");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b$(x)'y"), "'a b$(x)'\\''y'");
}

}  // namespace
}  // namespace lpbm::notify
