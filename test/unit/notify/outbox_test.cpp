#include "notify/outbox.h"

#include <gtest/gtest.h>

namespace lpbm::notify {
namespace {

constexpr Micros second = 1'000'000;
constexpr Micros start = 1'795'000'000 * second;
const Error refused(ErrorKind::permanent, "mailing to a", "550 no", "hint");
const Error away(ErrorKind::retryable, "mailing to a", "no connection", "hint");

// An outbox over time: each run() is one of the engine, and sends all that is due.
class Outboxes : public testing::Test {
 protected:
  Outboxes() {
    situation.now = start;
    situation.interval = 60 * second;
  }
  // What went to whom: "a journal", "b trouble delta"; `refusing`: to whom nothing goes.
  std::vector<std::string> run(const std::string& refusing = "", const Error& error = refused) {
    outbox = Outbox::parse(outbox.text());  // as between two processes
    outbox.prepare(recipients, situation);
    std::vector<std::string> out;
    for (const std::string& recipient : recipients)
      for (const Letter& letter : outbox.due(recipient, situation)) {
        if (recipient == refusing) {
          outbox.failed(recipient, letter, situation, error, situation.now);
          continue;
        }
        outbox.sent(recipient, letter, situation);
        out.push_back(recipient + (letter.kind == Letter::Kind::journal   ? " journal"
                                   : letter.kind == Letter::Kind::trouble ? " trouble " + letter.trouble.name
                                                                          : " over " + letter.trouble.name));
      }
    situation.asked = situation.again = false;
    return out;
  }
  void later(Micros seconds) { situation.now += seconds * second; }
  // A trouble that has lasted long enough.
  void trouble(const std::string& name, const std::string& text) {
    situation.troubles.push_back({name, text, "do this", situation.now - 10 * second});
  }

  using Sent = std::vector<std::string>;
  Outbox outbox;
  Situation situation;
  std::vector<std::string> recipients{"a"};
};

TEST_F(Outboxes, NothingIsMailedWithoutAJournal) {
  EXPECT_EQ(run(), Sent{});
  EXPECT_FALSE(outbox.next(situation));
}

TEST_F(Outboxes, ChangedJournalGoesAtOnceAndThenOnceAnInterval) {
  situation.journal = "1";
  EXPECT_EQ(run(), Sent{"a journal"});
  later(1);
  EXPECT_EQ(run(), Sent{});
  EXPECT_FALSE(outbox.next(situation));
  EXPECT_EQ(outbox.journal_after(situation), start + 60 * second);
  situation.journal = "2";
  EXPECT_EQ(run(), Sent{});
  EXPECT_EQ(outbox.next(situation), start + 60 * second);
  situation.journal = "3";
  later(59);
  EXPECT_EQ(run(), Sent{"a journal"});
  later(600);
  EXPECT_EQ(run(), Sent{});
}

TEST_F(Outboxes, ClockSetBackHoldsUpNothing) {
  situation.journal = "1";
  run();
  later(-86400);
  situation.journal = "2";
  EXPECT_EQ(run(), Sent{"a journal"});
}

TEST_F(Outboxes, WhoAsksGetsTheJournalAgainAndAtOnce) {
  situation.journal = "1";
  run();
  situation.asked = true;
  EXPECT_EQ(run(), Sent{"a journal"});
}

TEST_F(Outboxes, OneThatRefusesHoldsUpNoOther) {
  recipients = {"a", "b"};
  situation.journal = "1";
  EXPECT_EQ(run("a"), Sent{"b journal"});
  ASSERT_TRUE(outbox.problem());
  EXPECT_EQ(outbox.problem()->cause, "mailing to a: 550 no");
  EXPECT_EQ(outbox.next(situation), start + 5 * second);
  later(60);
  situation.journal = "2";
  EXPECT_EQ(run("a"), Sent{"b journal"});
  later(10);
  EXPECT_EQ(run(), Sent{"a journal"});
  EXPECT_FALSE(outbox.problem());
}

TEST_F(Outboxes, PausesGrowUpToALimit) {
  situation.journal = "1";
  std::vector<Micros> pauses;
  for (int i = 0; i < 9; ++i) {
    run("a", away);
    const Micros next = *outbox.next(situation);
    pauses.push_back((next - situation.now) / second);
    situation.now = next;
  }
  EXPECT_EQ(pauses, (std::vector<Micros>{5, 10, 20, 40, 80, 160, 320, 600, 600}));
  for (int i = 0; i < 4; ++i) {
    run("a", refused);
    situation.now = *outbox.next(situation);
  }
  run("a", refused);
  EXPECT_EQ(*outbox.next(situation) - situation.now, 3600 * second);
}

TEST_F(Outboxes, NewSettingsEndAPause) {
  situation.journal = "1";
  run("a");
  situation.again = true;
  EXPECT_EQ(run(), Sent{"a journal"});
}

TEST_F(Outboxes, TroubleIsToldOnceAndItsEndOnce) {
  trouble("delta", "no route to 10.0.0.1 after 17 ms");
  EXPECT_EQ(run(), Sent{"a trouble delta"});
  later(100);
  situation.troubles.front().text = "no route to 10.0.0.1 after 23 ms";
  EXPECT_EQ(run(), Sent{});
  situation.troubles.clear();
  EXPECT_EQ(run(), Sent{}) << "not seen is not over: the server may just have started";
  situation.good = {"delta"};
  EXPECT_EQ(run(), Sent{"a over delta"});
  EXPECT_EQ(run(), Sent{});
  later(100);
  EXPECT_EQ(run(), Sent{});
}

TEST_F(Outboxes, ShortTroubleIsNotTold) {
  situation.troubles = {{"delta", "gone", "", start}};
  EXPECT_EQ(run(), Sent{});
  EXPECT_EQ(outbox.next(situation), start + 5 * second);
  situation.troubles.clear();
  situation.good = {"delta"};
  later(5);
  EXPECT_EQ(run(), Sent{});
}

TEST_F(Outboxes, OtherTextIsAnotherTroubleButNotWithoutEnd) {
  trouble("delta", "first");
  run();
  std::size_t told = 1;
  for (const char* text : {"second", "third", "first", "fourth", "fifth", "sixth", "seventh"}) {
    later(61);
    situation.troubles.front().text = text;
    told += run().size();
  }
  EXPECT_EQ(told, 5U);
}

TEST_F(Outboxes, SameTextUnderTwoNamesIsOneTrouble) {
  trouble("delta", "no route to 10.0.0.1");
  run();
  trouble("full", "no route to 10.0.0.2");
  EXPECT_EQ(run(), Sent{});
  situation.troubles.erase(situation.troubles.begin());
  situation.good = {"delta"};
  EXPECT_EQ(run(), Sent{"a over delta"});
  EXPECT_EQ(run(), Sent{"a trouble full"}) << "what goes on is told";
}

TEST_F(Outboxes, TroubleThatComesBackSoonWaitsForTheInterval) {
  trouble("delta", "first");
  run();
  const auto troubles = situation.troubles;
  situation.troubles.clear();
  situation.good = {"delta"};
  EXPECT_EQ(run(), Sent{"a over delta"});
  situation.troubles = troubles;
  situation.good.clear();
  later(1);
  EXPECT_EQ(run(), Sent{});
  later(60);
  EXPECT_EQ(run(), Sent{"a trouble delta"});
}

TEST_F(Outboxes, JournalThatIsRefusedHoldsUpNoAlert) {
  situation.journal = "1";
  run("a");
  trouble("delta", "gone");
  EXPECT_EQ(run(), Sent{"a trouble delta"});
}

TEST_F(Outboxes, NewRecipientGetsWhatIsAndAFormerOneIsForgotten) {
  situation.journal = "1";
  trouble("delta", "gone");
  run();
  recipients = {"b"};
  EXPECT_EQ(run(), (Sent{"b trouble delta", "b journal"}));
  EXPECT_EQ(outbox.text().find("\"a\""), std::string::npos);
}

TEST_F(Outboxes, ProblemEndsWithTheReasonToMail) {
  trouble("delta", "gone");
  run("a", away);
  EXPECT_TRUE(outbox.problem());
  situation.troubles.clear();
  run();
  EXPECT_FALSE(outbox.problem());
}

TEST_F(Outboxes, DamagedStateIsAnEmptyOne) {
  situation.journal = "1";
  for (const char* text : {"", "{", "[]", "{\"version\":1}", "{\"version\":2,\"recipients\":{}}",
                           "{\"version\":1,\"recipients\":{\"a\":{}}}"}) {
    outbox = Outbox::parse(text);
    EXPECT_EQ(run(), Sent{"a journal"}) << text;
  }
}

}  // namespace
}  // namespace lpbm::notify
