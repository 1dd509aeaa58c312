// What is to be mailed to whom and when, and what was: each recipient on its own, so that one that refuses holds up no
// other. No mail is sent here and no clock read; the state is a text that is kept over restarts.
//
// The journal goes out when it differs from the one that a recipient has, at most once an interval. A trouble goes out
// once it has lasted some seconds, one mail for each name and distinct text (numbers and identifiers in it do not
// count), and one when it is over: when its name is known to be good, not when it is merely not seen, as after a
// restart. What fails is due again after a pause that grows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace lpbm::notify {

struct Trouble {
  std::string name, text, hint;
  Micros since = 0;
};

struct Situation {
  Micros now = 0;       // of this run
  Micros interval = 0;  // lpbm.mail_interval
  std::string journal;  // what identifies its content; empty: there is nothing to mail yet
  std::vector<Trouble> troubles;
  std::vector<std::string> good;  // names that are known not to be in trouble
  bool asked = false;             // somebody waits for the journal
  bool again = false;             // no pause counts: the settings are others
};

struct Letter {
  enum class Kind { trouble, over, journal };
  Kind kind = Kind::journal;
  Trouble trouble;  // over: as it was mailed last
};

class Outbox {
 public:
  // A text that is none gives an empty outbox: better a mail twice than none.
  static Outbox parse(const std::string& text);
  [[nodiscard]] std::string text() const;

  // The recipients from now on, and no others. Forgets what the situation has settled.
  void prepare(const std::vector<std::string>& recipients, const Situation& situation);
  // For a recipient of prepare(), in the order in which they are to be sent.
  [[nodiscard]] std::vector<Letter> due(const std::string& recipient, const Situation& situation) const;
  void sent(const std::string& recipient, const Letter& letter, const Situation& situation);
  // `time`: now, after the failure.
  void failed(const std::string& recipient, const Letter& letter, const Situation& situation, const Error& error,
              Micros time);

  // When something is due although nothing new happens; nothing: never.
  [[nodiscard]] std::optional<Micros> next(const Situation& situation) const;
  // Before that a change of the journal is no reason to look again.
  [[nodiscard]] Micros journal_after(const Situation& situation) const;
  // When the journal was mailed last, to anybody; 0: never.
  [[nodiscard]] Micros mailed() const;
  // What keeps mails from being sent, in one line, with a hint.
  struct Problem {
    std::string cause, hint;
  };
  [[nodiscard]] std::optional<Problem> problem() const;

 private:
  struct Retry {
    int failures = 0;
    Micros after = 0, run = 0;
    std::string cause, hint;
  };
  struct Alert {
    Trouble last;                   // as mailed
    std::vector<std::string> told;  // what was distinct about each text
    Micros at = 0;                  // of the last mail
    bool over = false;
  };
  struct Box {
    std::string journal;  // what the recipient has
    Micros sent = 0;
    Retry journal_retry, alert_retry;
    std::map<std::string, Alert> alerts;
  };
  struct Pending {
    Letter letter;
    Micros when;
  };
  static std::vector<Pending> pending(const Box& box, const Situation& situation);
  static void pending_alerts(const Box& box, const Situation& situation, std::vector<Pending>& out);

  std::map<std::string, Box> boxes_;
};

}  // namespace lpbm::notify
