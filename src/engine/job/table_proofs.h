// Proofs of tables: which ones are due, taking them at the cut of a delta, and checking them in a restored database.
//
// Reading a table costs the server time. So at most lpbm.proof_limit is read at once, and then none for thirty times as
// long as it took; what changed meanwhile is remembered, and comes first. What is remembered is no more than a hint: a
// file that is lost or torn delays proofs, and nothing else.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "delta/proof.h"
#include "job/site.h"
#include "job/stale.h"

namespace lpbm::job {

using TableNames = std::set<std::pair<std::string, std::string>>;  // schema and name

// The memory of the delta job: what has changed and was not proven since.
class ProofLedger {
 public:
  // Reads the file `proofs` of the site.
  explicit ProofLedger(const Site& site);
  // Whether proofs are wanted, and the pause after the last ones is over.
  [[nodiscard]] bool due() const;
  // Tables to prove now, those that wait for the longest first: of `changed` and what is remembered, as far as they
  // exist, are read by nobody else (`except`) and fit into the limit. At most max_tables.
  [[nodiscard]] std::vector<csvlog::Stale> choose(const TableNames& changed, const std::vector<csvlog::Stale>& except);
  // Until they change again.
  void forget(const std::vector<csvlog::Stale>& tables);
  // The proofs, or the attempt to take them, took so long; `now` as by the clock.
  void pause_after(Micros took);
  // These are proven in an entry of the journal, those have changed and are not. Writes the file; never throws.
  void keep(const TableNames& changed, const std::vector<delta::Proof>& proven);
  static constexpr std::size_t max_tables = 64;

 private:
  void remember(const TableNames& changed);

  const Site& site_;
  std::vector<std::pair<std::string, std::string>> waiting_;  // in the order of their first change
  Micros paused_at_ = 0, pause_ = 0;
};

// Reads the table, in whatever transaction the session is in; sets rows and sum. Throws ReadError (copy_out.h).
void add_up(postgres::Connection& connection, delta::Proof& proof);

// How the table differs from its proof, for people; empty: it does not. The session's settings are a fixed_session's,
// and it is in no transaction. Throws Error where the connection is lost.
std::string difference_from(postgres::Connection& connection, const delta::Proof& proof);

}  // namespace lpbm::job
