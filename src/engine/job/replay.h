// Replays the scripts of bridge and deltas into a database: many source transactions in one of its own, statements sent
// ahead of their results, every row count checked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/stream.h"
#include "delta/script_reader.h"
#include "postgres/connection.h"

namespace lpbm::job {

struct ReplayOptions {
  std::optional<Micros> until;                               // stop before the first transaction that committed later
  std::optional<Lsn> stop_before;                            // stop before this transaction (a hole)
  std::set<std::pair<std::uint64_t, std::uint32_t>> proofs;  // entry and oid: which proofs of the scripts are checked
  bool trust_source = false;                                 // true: code runs unbound (job/code_guard.h)
  bool lpbm_available = true;                                // false: DDL of the extension lpbm is passed over
  std::uint64_t batch_transactions = 1000;                   // source transactions in one of ours, at most
  std::function<void(std::uint64_t transactions)> progress;  // called now and then with the number applied so far
};

struct ReplayTotals {
  std::uint64_t transactions = 0, rows = 0;
  Lsn last;  // of the last transaction applied
  Micros last_commit = 0;
  bool stopped = false;  // by `until` or `stop_before`
  std::optional<Lsn> stopped_at;
  bool skipped_lpbm = false;
  // What is not as it was in the source: oid there (0: large objects) and name.
  std::map<std::uint32_t, std::string> stale;
  std::uint64_t proven = 0;                   // tables that hold what their proofs say
  std::vector<std::string> different;         // those that do not, with entry and difference
  std::vector<std::string> emptied;           // unlogged tables whose rows stood in the way of DDL
  bool refreshed = false;                     // the stream held DDL on materialized views
  std::vector<std::string> passed_over;       // DDL on databases, which belongs to the whole server: not replayed
  std::vector<std::string> newer_extensions;  // updates that the target's version is beyond, with the server's words
  std::vector<std::string>
      stand_ins;  // roles that DDL needed and nobody knows: created NOLOGIN, to be dropped at the end
};

// At the stop the positions of sequences are still taken from the next record of them in the same script: they are
// written at each trigger, not with each transaction, and a position further on is right where one behind would give
// numbers twice.
//
// Replays one script after another on `connection` (superuser, no transaction open, used by nobody else until
// finish()). Any error is thrown as Error with entry, transaction, statement and cause; then the database is incomplete
// and the connection unusable. Not thread-safe.
class Replay {
 public:
  Replay(postgres::Connection& connection, ReplayOptions options);
  ~Replay();
  // False once the stream was stopped: nothing more is to be replayed. `after`: transactions up to there are passed
  // over.
  bool script(std::uint64_t entry, Source& source, Lsn after);
  // This was refreshed by what was replayed last.
  void refreshed(std::uint32_t relation);
  // As far as statements were sent; their results may still be missing.
  [[nodiscard]] const ReplayTotals& totals() const;
  // Commits and sees all results of what was replayed so far: for work on another connection in between.
  void settle();
  // Commits, sees all results, gives triggers and rules their state back. Afterwards the connection is out of pipeline
  // mode; its settings are those of the last script, with pg_catalog alone in the search_path.
  const ReplayTotals& finish();

 private:
  class Handler;
  std::unique_ptr<Handler> handler_;
};

}  // namespace lpbm::job
