// Proofs of tables: which ones are due, taking them at the cut of a delta, and checking them in a restored database.
//
// Reading a table costs the server time. So at most lpbm.proof_limit is read at once, and then none for thirty times as
// long as it took; what changed meanwhile is remembered, and comes first. A table that is larger is proven slice by
// slice, in the order of its primary key, one slice at a time. What is remembered is no more than a hint: a file that
// is lost or torn delays proofs, and nothing else.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "delta/proof.h"
#include "job/site.h"
#include "job/stale.h"

namespace lpbm::job {

using TableNames = std::set<std::pair<std::string, std::string>>;  // schema and name

// Which rows of a table are read.
struct Slice {
  std::uint64_t rows = 0;          // at most; 0: all rows of the table
  std::vector<std::string> key;    // columns of the primary key, whose values every server puts into the same order
  std::vector<std::string> after;  // values of the key in the row before; empty: from the first row on
  std::uint32_t number = 0;        // from 1 in each pass over the table; 0: no slice
};

struct ToProve {
  csvlog::Stale table;
  Slice slice;
};

struct TableProof {
  delta::Proof proof;
  Slice slice;
  std::vector<std::string> last;  // values of the key in the last row; empty: the table ends with this slice
};

// The memory of the delta job: what has changed and was not proven since.
class ProofLedger {
 public:
  // Reads the file `proofs` of the site.
  explicit ProofLedger(const Site& site);
  // Whether proofs are wanted, and the pause after the last ones is over.
  [[nodiscard]] bool due() const;
  // Tables to prove now, those that wait for the longest first: of `changed` and what is remembered, as far as they
  // exist, are read by nobody else (`except`) and fit into the limit. At most max_tables.
  [[nodiscard]] std::vector<ToProve> choose(const TableNames& changed, const std::vector<csvlog::Stale>& except);
  // Until they change again; then from their begin.
  void forget(const std::vector<ToProve>& tables);
  // The proofs, or the attempt to take them, took so long; `now` as by the clock.
  void pause_after(Micros took);
  // These are proven in an entry of the journal, those have changed and are not. Writes the file; never throws.
  void keep(const TableNames& changed, const std::vector<TableProof>& proven);
  static constexpr std::size_t max_tables = 64;

 private:
  using Name = std::pair<std::string, std::string>;
  struct Place {  // where the next slice begins
    std::uint32_t number = 0;
    std::vector<std::string> after;
  };
  void remember(const TableNames& changed);
  [[nodiscard]] Slice next_slice(const Name& table, std::vector<std::string> key, std::uint64_t rows) const;

  const Site& site_;
  std::vector<Name> waiting_;     // in the order of their first change
  std::map<Name, Place> places_;  // of tables that are proven in slices, but for those at their begin
  Micros paused_at_ = 0, pause_ = 0;
};

// Reads what `proof` names of a table, in whatever transaction the session is in: sets rows and sum and, for a slice,
// the condition and the last row. Throws ReadError (copy_out.h).
void take_proof(postgres::Connection& connection, TableProof& proof);

// How the table differs from its proof, for people; empty: it does not. The session's settings are a fixed_session's,
// and it is in no transaction. Throws Error where the connection is lost.
std::string difference_from(postgres::Connection& connection, const delta::Proof& proof);

}  // namespace lpbm::job
