// The refresh of a delta: the content of tables whose changes the stream does not carry, as of the LSN at which the
// delta ends.
//
// How content and cut come to be of one moment. Deltas end at LSNs, and visibility is not commit-LSN order: between the
// WAL of a commit and the moment at which others see it lie microseconds, or hours where a synchronous standby is away.
// Yet one table can be caught at an LSN. A session (the gate) locks it in SHARE mode. Whoever writes to a table holds
// ROW EXCLUSIVE on it until others see that he has committed (locks are released after that, prepared transactions
// included), so when the gate has its lock, all that was committed on the table by then is visible. Now a second
// session (the reader), which holds ACCESS SHARE on the table, takes its snapshot; then the gate commits the anchor, a
// message in the WAL, and its lock goes with that commit. Whoever wrote to the table before, committed at an LSN below
// the anchor's and is seen by the snapshot; whoever gets his lock after, commits above it and is not seen. So the
// snapshot shows the table exactly as the commits up to the anchor's LSN have left it, and the delta ends there.
// Writers wait for two round trips and an fsync. The reader then copies the table at leisure; its lock keeps it from
// being truncated, rewritten or renamed, and stops no writer.
//
// A transaction that holds the table for long would make all others queue behind the gate: its wait is short, and the
// next attempt does without the SHARE lock, hoping that nobody commits on the table between snapshot and anchor. What
// hope, or something that takes no lock on tables (large objects, the name of a schema or of an enum's value), leaves
// open, is proved: the records up to the anchor are read, and one that the snapshot does not see and that changes what
// is refreshed, or runs any DDL, spoils the attempt; so does a transaction that the snapshot does not see and whose
// record was journalled before (the worker names those that are committed and not visible).
//
// Unlogged tables are refreshed likewise; where an attempt without the SHARE lock succeeds, no record can prove that
// theirs is the content at the cut: it is that of the snapshot, a moment before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "csvlog/log_reader.h"
#include "csvlog/record.h"
#include "delta/script_writer.h"
#include "job/anchor_gate.h"
#include "job/catalog_watch.h"
#include "job/site.h"
#include "job/snapshot.h"
#include "job/stale.h"
#include "job/table_proofs.h"

namespace lpbm::job {

// The snapshot that fits a place of the stream. Holds ACCESS SHARE locks and a transaction until it is destroyed.
class RefreshCut {
 public:
  struct Table {
    csvlog::Stale what;         // by the name that it has in the snapshot
    csvlog::Relation relation;  // its columns but generated ones
    bool gone = false;          // the snapshot does not see it
    bool has_identity = true;   // updates and deletes can be carried
    bool to_prove = false;      // only its proof is wanted
    Slice slice = {};           // of which rows
  };
  // What is wanted of the snapshot: the content of tables, and the proofs of others. Proofs are not worth as much
  // waiting: only the first attempt is for them too, and where nothing else is wanted there are fewer.
  struct Reading {
    std::vector<csvlog::Stale> refresh;
    std::vector<ToProve> prove;
  };
  // Tries until it succeeds or gives up (Error, retryable): see above. `records` names the records from the end of the
  // last delta on; `invisible`: full xids.
  static std::unique_ptr<RefreshCut> make(const Site& site, const csvlog::LogOptions& records, const Reading& wanted,
                                          const std::vector<std::uint64_t>& invisible,
                                          const std::function<void(const std::string&)>& phase);

  [[nodiscard]] const std::string& nonce() const { return nonce_; }  // of the anchor
  [[nodiscard]] csvlog::FramePosition anchor() const { return anchor_; }
  [[nodiscard]] const std::vector<Table>& tables() const { return tables_; }
  // Writes the content of the table as a script (docs/formats.md, Refresh) of one transaction at `lsn` into `out`,
  // which it does not finish. Returns the number of rows. Throws ReadError (copy_out.h) where the server cannot give
  // it.
  std::uint64_t copy(const Table& table, Lsn lsn, const delta::ScriptHeader& header, Sink& out);
  // Of the tables of which nothing else is wanted and that the snapshot sees; none where one of them cannot be read.
  std::vector<TableProof> prove();
  // To be called when all is copied. Throws ReadError (retryable) where what was read may not be what the snapshot
  // shows: a name led elsewhere, a type's values are written in another way (job/catalog_watch.h). `now`: another
  // session.
  void check(postgres::Connection& now);

 private:
  RefreshCut(const Site& site, const Reading& wanted, bool share);
  void lock(AnchorGate& gate, bool share);
  [[nodiscard]] std::vector<Table> refreshed() const;
  void describe();
  // Nothing where the snapshot and the anchor fit; else what is between them.
  std::string find_anchor(const csvlog::LogOptions& records, const std::vector<std::uint64_t>& invisible);

  std::string nonce_;
  csvlog::FramePosition anchor_;
  std::unique_ptr<postgres::Connection> reader_;
  std::unique_ptr<Visibility> visibility_;
  std::unique_ptr<CatalogWatch> values_;
  Micros time_ = 0;
  std::vector<Table> tables_;
};

// Gives the refreshed tables without one REPLICA IDENTITY FULL (lpbm.replica_identity = full). What is locked is left
// for the next time.
void give_identity(const Site& site, const std::vector<RefreshCut::Table>& tables);

}  // namespace lpbm::job
