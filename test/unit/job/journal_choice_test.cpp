#include "job/journal_choice.h"

#include <gtest/gtest.h>

#include "unit/journal/sample.h"

namespace lpbm::job {
namespace {

using journal::delta;
using journal::full;
using journal::Journal;
using journal::other_key;
using journal::site_key;

StoredJournal stored(const std::string& cid, std::vector<journal::Entry> entries,
                     const codec::SigningKey& key = site_key()) {
  return {cid, Journal::parse(journal::journal_text(std::move(entries), key))};
}

journal::Trust by_signer(const Journal& journal) {
  return journal.authenticate(to_base64(site_key().public_key), "");
}

// Nothing is known of any.
journal::Trust by_nothing(const Journal&) {
  return {};
}

Error refusal_of(std::vector<StoredJournal> found, const Prove& prove) {
  std::vector<std::string> notes;
  try {
    (void)choose_journal(std::move(found), prove, notes);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {ErrorKind::permanent, "nothing", "nothing"};
}

const StoredJournal early = stored("early", {full(0, 100)});
const StoredJournal late = stored("late", {full(0, 100), delta(1, 100, 200)});
const StoredJournal copy = stored("copy", {full(0, 100), full(5, 300), delta(6, 300, 400)});
const StoredJournal forged = stored("forged", {full(0, 100), full(1, 200), full(2, 300), full(3, 400)}, other_key());

TEST(JournalChoice, the_newest_state_of_one_journal_is_taken_without_a_proof) {
  std::vector<std::string> notes;
  const Prove never = [](const Journal&) -> journal::Trust { throw std::logic_error("asked for a proof"); };
  EXPECT_EQ(choose_journal({early, late}, never, notes).text(), late.journal.text());
  EXPECT_EQ(choose_journal({late, early}, never, notes).text(), late.journal.text());
  EXPECT_TRUE(notes.empty());
}

TEST(JournalChoice, two_ends_of_one_journal_are_refused_and_named) {
  for (const Prove& prove : {Prove(by_signer), Prove(by_nothing)}) {
    const Error error = refusal_of({early, late, copy}, prove);
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.cause().find("there are 2 journals of 7301234567890"), std::string::npos) << error.cause();
    for (const StoredJournal* one : {&late, &copy}) {
      const auto& entries = one->journal.entries();
      EXPECT_NE(error.cause().find(one->cid + " (entries 1 to " + std::to_string(entries.size()) + ", the last of " +
                                   to_iso(entries.back().finished)),
                std::string::npos)
          << error.cause();
    }
    EXPECT_NE(error.hint().find("--journal"), std::string::npos) << error.hint();
    EXPECT_EQ(error.hint().find("--signer"), std::string::npos) << "the key is the same";
  }
}

TEST(JournalChoice, what_is_not_genuine_is_left_out_however_new_it_is) {
  std::vector<std::string> notes;
  EXPECT_EQ(choose_journal({forged, late}, by_signer, notes).text(), late.journal.text());
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("forged"), std::string::npos) << notes[0];
  EXPECT_EQ(refusal_of({forged, late, copy}, by_signer).cause().find("forged"), std::string::npos);
}

TEST(JournalChoice, what_proves_itself_is_taken_before_what_does_not) {
  std::vector<std::string> notes;
  const Prove half = [](const Journal& journal) {
    return journal.text() == late.journal.text() ? journal::Trust{"passphrase"} : journal::Trust{};
  };
  EXPECT_EQ(choose_journal({forged, late}, half, notes).text(), late.journal.text());
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("nothing proves who wrote it"), std::string::npos) << notes[0];
}

TEST(JournalChoice, without_a_proof_another_key_is_refused_too) {
  const Error error = refusal_of({forged, late}, by_nothing);
  EXPECT_NE(error.hint().find("--signer"), std::string::npos) << error.hint();
}

TEST(JournalChoice, where_none_is_genuine_the_reason_is_told) {
  const Prove never = [](const Journal&) -> journal::Trust {
    throw Error(ErrorKind::permanent, "authenticating the journal", "the passphrase is wrong");
  };
  EXPECT_EQ(refusal_of({forged, late}, never).cause(), "the passphrase is wrong");
}

}  // namespace
}  // namespace lpbm::job
