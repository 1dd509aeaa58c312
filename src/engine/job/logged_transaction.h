// A transaction as the statements of a log make it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "delta/session_settings.h"
#include "job/spilled_text.h"
#include "job/statement_remarks.h"

namespace lpbm::job {

struct LoggedTransaction {
  enum class Fate : std::uint8_t { open, keep, drop };

  explicit LoggedTransaction(SpillFile& file) : text(file) {}

  // Who and when. `before`: the session's settings at its begin.
  std::string session, user, time;
  std::shared_ptr<const delta::Settings> before;
  Place first;
  std::uint64_t local = 0;   // number of the virtual transaction; 0: not known yet
  std::uint64_t string = 0;  // of its session's strings: in which it began

  Fate fate = Fate::open;
  std::uint64_t token = 0;              // its place in the order is the latest one (statement_order.h)
  std::size_t counted = 0;              // bytes in memory that the order reckons with
  bool begun = false;                   // by BEGIN
  bool committed = false;               // by a COMMIT, or it is known to have been one string's own
  bool failed = false;                  // an error came; a ROLLBACK TO may still bring it back
  std::uint64_t failed_from = 0;        // where what failed begins in the text
  bool commits_between = false;         // DO, CALL or CONCURRENTLY is in it
  bool only_concurrently = false;       // and that alone: what fails has changed nothing
  bool unsure_settings = false;         // a function in it may have changed the session's settings
  std::string prepare_as, prepared_as;  // identifiers of PREPARE TRANSACTION that ends it, of COMMIT PREPARED

  // What is to be run, each statement with its semicolon on lines of its own.
  SpilledText text;
  std::uint64_t statements = 0;
  bool writes = false;  // something in it changes data
  bool noted = false;   // something that is missing is said in its text
  Remarks remarks;

  struct Change {
    delta::SettingChange change;
    std::uint64_t at;  // in the text
  };
  std::vector<Change> changes;

  // Cursors that it has declared and not closed, and what moved and closed them: ROLLBACK TO closes those that were
  // declared since, and leaves the others where they are.
  struct Cursor {
    std::string name;
    std::uint64_t number;  // of those of the transaction
    bool hold;
  };
  struct Motion {
    std::uint64_t cursor;  // its number
    std::string sql;
  };
  std::vector<Cursor> cursors;
  std::vector<Motion> motions;
  std::uint64_t cursors_made = 0;
  bool calls = false;  // of functions, which may have opened cursors, too
  [[nodiscard]] const Cursor* find_cursor(const std::string& name) const;
  void close_cursor(const std::string& name);  // by its name, or "all"

  struct Mark {
    std::string name;
    std::uint64_t size, statements;
    std::size_t changes, motions;
    std::uint64_t cursors_made;
    bool writes, noted;
    Remarks::Counts remarks;
  };
  std::vector<Mark> savepoints;

  [[nodiscard]] Mark mark(std::string name) const {
    return {std::move(name), text.size(), statements, changes.size(),  motions.size(),
            cursors_made,    writes,      noted,      remarks.counts()};
  }
  void go_back(const Mark& mark);
};

// Writes transactions with the settings of their sessions.
class TransactionWriter {
 public:
  // `users`: transactions run as the users who ran them.
  TransactionWriter(std::string encoding, bool users) : encoding_(std::move(encoding)), users_(users) {}

  void write(const LoggedTransaction& transaction, Sink& out);
  // What comes next is not where the last one ended: its settings are made from nothing.
  void forget() { known_ = false; }
  [[nodiscard]] std::string client_encoding() const;
  [[nodiscard]] static bool is_worth_it(const LoggedTransaction& t) { return t.writes || t.noted; }

 private:
  void settings(const LoggedTransaction& transaction, std::string& out);

  std::string encoding_;
  bool users_;
  bool known_ = false;
  std::string user_;
  delta::Settings now_;
  std::shared_ptr<const delta::Settings> last_;  // now_ is this, where it is set
};

}  // namespace lpbm::job
