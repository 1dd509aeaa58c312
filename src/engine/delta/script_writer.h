// Writes records as the script of a delta (docs/formats.md, Script of a delta), streaming.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/stream.h"
#include "csvlog/record.h"
#include "delta/proof.h"

namespace lpbm::delta {

struct Hole {
  Lsn lsn;
  std::string code, detail;
};

// From this record on the content of a table, or of all large objects, is not carried, until it is refreshed.
struct StaleMark {
  Lsn lsn;
  csvlog::Stale what;
};

struct ScriptSummary {
  std::uint64_t records = 0;  // written, those without a transaction (sequence positions) included
  std::uint64_t transactions = 0;
  std::uint64_t rows = 0;
  Lsn first, last;  // lsn of the first and last record
  Micros first_commit = 0, last_commit = 0;
  std::vector<Hole> holes;
  std::uint64_t ddl = 0;         // commands
  Micros latest_commit = 0;      // commit times need not grow
  std::vector<StaleMark> stale;  // the first of each
  // Holes that no record told of: what the script cannot carry, as Refreshing says. Also among `holes`.
  std::vector<Hole> forced;
  // Tables of which there may be rows, by schema and name, and those that were truncated.
  std::set<std::pair<std::string, std::string>> changed;
};

// How the script treats what its records do not tell (Stale).
struct Refreshing {
  // False: it is a hole.
  bool possible = false;
  // What is not known where the script begins.
  std::vector<csvlog::Stale> open = {};
  // Oids of tables (0: large objects) that nobody will refresh, and why: a hole.
  std::map<std::uint32_t, std::string> hopeless = {};
  // The nonce of the anchor behind which the refreshes come. At any other one, that of a full, what is not known is a
  // hole: the full makes up for it, and whoever follows the stream from there on needs every row behind it.
  std::string own_anchor = {};
};

struct ScriptHeader {
  std::string manifest;  // JSON on one line
  std::string encoding;  // PostgreSQL's name of the encoding of the bytes
  // Where a record of more than a few megabytes is kept until it is complete, in a file without a name; empty: the
  // system's directory of temporary files. As large as the largest transaction.
  std::filesystem::path spool_directory = {};
  Refreshing refreshing = {};
};

// What is stale: the table is emptied where its content ceases to be known, and its rows are left out from there on. So
// no row that is not there any more stands in the way of what comes before the refresh: a primary key, a unique row.
//
// A RecordHandler whose output goes to `out` (not finished by it). Runs of inserts into one relation become one COPY
// block. A record reaches `out` only when it is complete. finish() writes the trailer. summary() is valid at any time
// for the records completed so far. Throws Error: permanent for events that no record has, retryable where the spool or
// `out` fails.
class ScriptWriter final : public csvlog::RecordHandler {
 public:
  ScriptWriter(ScriptHeader header, Sink& out);
  ~ScriptWriter() override;
  void finish();
  // Between the last record and finish().
  void prove(const Proof& proof);
  [[nodiscard]] const ScriptSummary& summary() const;
  [[nodiscard]] bool at_anchor() const;  // the last completed record was an anchor
  [[nodiscard]] const std::string& anchor_nonce() const;
  // What is not known where the script ends.
  [[nodiscard]] std::vector<csvlog::Stale> open() const;

  void begin(const csvlog::RecordHead& head) override;
  void relation(const csvlog::Relation& relation) override;
  void begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) override;
  void row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values) override;
  void begin_value(ValueKind kind) override;
  void value(std::string_view slice) override;
  void end_row() override;
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override;
  void ddl(const csvlog::Ddl& ddl) override;
  void rewrite(std::uint32_t relation) override;
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) override;
  void sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                bool called) override;
  void hole(const std::string& code, const std::string& detail) override;
  void stale(const csvlog::Stale& stale) override;
  void anchor(const std::string& nonce) override;
  void end(std::uint64_t rows) override;
  void abandon() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lpbm::delta
