#include "job/refresh.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <thread>

#include "base/error.h"
#include "delta/fixed_session.h"
#include "delta/sql_text.h"
#include "job/anchor_gate.h"
#include "job/copy_out.h"
#include "job/record_watch.h"
#include "job/refresh_large_objects.h"

namespace lpbm::job {
namespace {

using csvlog::Stale;
using postgres::Connection;
using std::chrono::milliseconds;

constexpr int attempts = 6, attempts_to_prove = 2;
constexpr milliseconds pause{150};
constexpr std::chrono::seconds anchor_patience{20};
constexpr const char* step = "refreshing tables";

std::string oid_list(const std::vector<RefreshCut::Table>& tables) {
  std::string out;
  for (const RefreshCut::Table& table : tables)
    if (table.what.kind != 'l') out += (out.empty() ? "" : ",") + std::to_string(table.what.relation);
  return out.empty() ? "0" : out;
}

std::vector<std::uint32_t> ids(const std::vector<Stale>& wanted) {
  std::vector<std::uint32_t> out;
  out.reserve(wanted.size());
  for (const Stale& one : wanted) out.push_back(one.relation);
  return out;
}

// The tables among these that exist, as a list for LOCK TABLE; empty: none. Views and the like cannot be there under
// these oids.
std::string lock_list(Connection& connection, const std::string& oids) {
  const auto rows = connection.exec(
      "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = "
      "'r' AND c.oid IN (" +
      oids + ") ORDER BY c.oid");
  std::string out;
  for (int row = 0; row < rows.rows(); ++row)
    out += (row > 0 ? ", ONLY " : "ONLY ") + delta::qualified(rows.text(row, 0), rows.text(row, 1));
  return out;
}

// Tables that the snapshot sees and we did not lock: made or renamed meanwhile.
constexpr const char* not_locked =
    "SELECT c.oid::regclass FROM pg_class c WHERE c.relkind = 'r' AND c.oid IN (%) AND NOT EXISTS (SELECT FROM "
    "pg_locks "
    "l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation = c.oid AND l.database "
    "= "
    "(SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))";

// Relations of users that the session has locked beside those: TOAST tables and indexes of ours alone are expected. One
// that the snapshot does not see is none of them.
constexpr const char* foreign_locks =
    "SELECT l.relation FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() AND "
    "l.locktype = 'relation' AND l.relation >= 16384 AND l.relation NOT IN (%) AND c.relkind IS DISTINCT FROM 't' AND "
    "c.relkind IS DISTINCT FROM 'i'";

std::string with_oids(std::string sql, const std::string& oids) {
  return sql.replace(sql.find('%'), 1, oids);
}

// One line of COPY's output as the values of a record's row; the text stays where it is.
void split(std::string_view line, std::size_t columns, std::vector<csvlog::RecordHandler::RowValue>& values) {
  using Kind = csvlog::RecordHandler::ValueKind;
  values.clear();
  while (values.size() < columns) {
    const std::size_t tab = line.find('\t');
    const std::string_view field = line.substr(0, tab);
    values.push_back({field == "\\N" ? Kind::null : Kind::text, field});
    if (tab == std::string_view::npos) break;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

RefreshCut::RefreshCut(const Site& site, const Reading& wanted, bool share) : nonce_(cut_nonce()) {
  for (const Stale& one : wanted.refresh) tables_.push_back({.what = one, .relation = {}});
  for (const ToProve& one : wanted.prove)
    tables_.push_back({.what = one.table, .relation = {}, .to_prove = true, .slice = one.slice});
  reader_ = std::make_unique<Connection>(site.connect());
  reader_->exec(delta::fixed_session(site.settings().encoding));
  AnchorGate gate(site);
  lock(gate, share);
  // The first query: the snapshot is younger than all locks.
  const auto row =
      reader_->exec("SELECT pg_current_snapshot()::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
  visibility_ = std::make_unique<Visibility>(row.text(0, 0));
  time_ = std::stoll(row.text(0, 1));
  gate.commit(nonce_);
  const auto missing = reader_->exec(with_oids(not_locked, oid_list(tables_)));
  if (missing.rows() > 0)
    throw Error(ErrorKind::retryable, step, "table " + missing.text(0, 0) + " was renamed meanwhile");
  describe();
  values_ = std::make_unique<CatalogWatch>(*reader_, Watched::values);
}

// The reader first: behind somebody who waits for the gate's lock he would wait for us both.
void RefreshCut::lock(AnchorGate& gate, bool share) {
  const bool proofs_alone = std::ranges::all_of(tables_, [](const Table& table) { return table.to_prove; });
  const std::string list = lock_list(gate.connection(), oid_list(tables_));
  reader_->exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  reader_->exec(short_waits);
  if (!list.empty()) reader_->exec("LOCK TABLE " + list + " IN ACCESS SHARE MODE");
  if (!share) return;
  const bool large_objects = std::ranges::any_of(tables_, [](const Table& table) { return table.what.kind == 'l'; });
  if (proofs_alone)
    gate.lock_patiently(list);
  else  // of the others the records tell
    gate.lock(lock_list(gate.connection(), oid_list(refreshed())));
  // Not all who change them hold these locks until their end: the records are the proof.
  if (large_objects) gate.lock("pg_catalog.pg_largeobject, pg_catalog.pg_largeobject_metadata");
}

std::vector<RefreshCut::Table> RefreshCut::refreshed() const {
  std::vector<Table> out;
  std::ranges::copy_if(tables_, std::back_inserter(out), [](const Table& table) { return !table.to_prove; });
  return out;
}

// The names and columns of the snapshot.
void RefreshCut::describe() {
  const auto rows = reader_->exec(
      std::string("SELECT c.oid, n.nspname, c.relname, a.attname, a.attidentity = 'a', ") + has_identity + ", " +
      unproven +
      " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid "
      "AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' WHERE c.relkind = 'r' AND c.oid IN (" +
      oid_list(tables_) + ") ORDER BY c.oid, a.attnum");
  for (Table& table : tables_) {
    if (table.what.kind == 'l') continue;
    table.gone = true;
    table.relation.id = table.what.relation;
    for (int row = 0; row < rows.rows(); ++row) {
      if (rows.text(row, 0) != std::to_string(table.what.relation)) continue;
      table.gone = false;
      table.what.schema = table.relation.schema = rows.text(row, 1);
      table.what.name = table.relation.name = rows.text(row, 2);
      table.has_identity = rows.text(row, 5) == "t";
      if (rows.text(row, 6) == "t" && !table.to_prove)
        throw Error(ErrorKind::retryable, step,
                    table.relation.schema + "." + table.relation.name + ": " + not_validated);
      if (rows.get(row, 3)) table.relation.columns.push_back({rows.text(row, 3), "", rows.text(row, 4) == "t"});
    }
  }
}

std::string RefreshCut::find_anchor(const csvlog::LogOptions& records, const std::vector<std::uint64_t>& invisible) {
  using clock = std::chrono::steady_clock;
  if (std::ranges::any_of(invisible, [&](std::uint64_t xid) { return !visibility_->sees(xid); }))
    return "a transaction is committed, but not visible yet";
  std::vector<Stale> wanted;
  for (const Table& table : tables_) wanted.push_back(table.what);
  for (const auto start = clock::now();;) {
    const auto begun = clock::now();
    RecordWatch watch(ids(wanted), *visibility_, nonce_);
    std::vector<csvlog::LogFile> files;
    try {
      files = csvlog::read_log(records, watch, [&] { return watch.anchored(); });
    } catch (const Error& error) {
      // Something is being written again; whether anything is missing is for the reading with a fence to say.
      if (error.kind() != ErrorKind::gap && error.kind() != ErrorKind::fence) throw;
    }
    if (watch.anchored()) {
      for (const csvlog::LogFile& file : files) anchor_ = std::max(anchor_, file.last);
      return watch.conflict();
    }
    if (clock::now() - start > anchor_patience)
      throw Error(ErrorKind::retryable, step, "the anchor did not come into the csvlog");
    std::this_thread::sleep_for(std::max<clock::duration>(milliseconds(30), clock::now() - begun));
  }
}

std::unique_ptr<RefreshCut> RefreshCut::make(const Site& site, const csvlog::LogOptions& records, const Reading& wanted,
                                             const std::vector<std::uint64_t>& invisible,
                                             const std::function<void(const std::string&)>& phase) {
  const bool refreshes = !wanted.refresh.empty();
  std::string cause;
  for (int attempt = 0; attempt < (refreshes ? attempts : attempts_to_prove); ++attempt) {
    try {
      phase(refreshes ? "locking tables to refresh" : "locking tables to prove");
      // Whoever only proves begins without a lock that stops writers.
      const bool share = (attempt % 2 == 0) == refreshes;
      const bool all = !refreshes || attempt == 0;
      std::unique_ptr<RefreshCut> cut(new RefreshCut(site, all ? wanted : Reading{wanted.refresh, {}}, share));
      phase("waiting for the cut");
      cause = cut->find_anchor(records, invisible);
      if (cause.empty()) return cut;
    } catch (const Error& error) {
      const bool gone = error.cause().find("SQLSTATE 42P01") != std::string::npos ||
                        error.cause().find("SQLSTATE 3F000") != std::string::npos;
      if (error.kind() != ErrorKind::retryable && !gone) throw;
      cause = error.cause();
    }
    std::this_thread::sleep_for(pause);
  }
  throw Error(ErrorKind::retryable, step, cause);
}

std::uint64_t RefreshCut::copy(const Table& table, Lsn lsn, const delta::ScriptHeader& header, Sink& out) {
  if (table.what.kind == 'l') return write_large_objects(*reader_, header, lsn, time_, out);
  const csvlog::Relation& relation = table.relation;
  delta::ScriptWriter script(header, out);
  script.begin({lsn, {}, 0, time_, ""});
  script.relation(relation);
  script.rewrite(relation.id);
  std::string columns;
  for (const csvlog::Column& column : relation.columns)
    columns += (columns.empty() ? " (" : ",") + delta::identifier(column.name);
  const std::string sql = "COPY " + delta::qualified(relation.schema, relation.name) +
                          (columns.empty() ? "" : columns + ")") + " TO STDOUT";
  std::uint64_t rows = 0;
  std::vector<csvlog::RecordHandler::RowValue> values;
  copy_out(*reader_, sql, "reading " + relation.schema + "." + relation.name, [&](std::string_view line) {
    split(line, relation.columns.size(), values);
    script.row(csvlog::RowKind::insert, relation.id, false, values);
    ++rows;
  });
  script.end(rows);
  script.finish();
  return rows;
}

std::vector<TableProof> RefreshCut::prove() {
  std::vector<TableProof> out;
  reader_->exec("SAVEPOINT lpbm_proofs");
  for (const Table& table : tables_) {
    if (!table.to_prove || table.gone) continue;
    TableProof& taken = out.emplace_back();
    taken.slice = table.slice;
    delta::Proof& proof = taken.proof;
    proof.relation = table.relation.id;
    proof.schema = table.relation.schema;
    proof.name = table.relation.name;
    for (const csvlog::Column& column : table.relation.columns) proof.columns.push_back(column.name);
    try {
      take_proof(*reader_, taken);
    } catch (const ReadError&) {
      // What is refreshed at this cut does not depend on it.
      reader_->exec("ROLLBACK TO lpbm_proofs");
      return {};
    }
  }
  return out;
}

void RefreshCut::check(Connection& now) {
  const auto foreign = reader_->exec(with_oids(foreign_locks, oid_list(tables_)));
  if (foreign.rows() > 0) throw ReadError(ErrorKind::retryable, step, "a schema was renamed meanwhile");
  const std::string changed = values_->changed(now);
  if (!changed.empty()) throw ReadError(ErrorKind::retryable, step, changed + " meanwhile");
  // Had the session been lost, nothing would have kept the tables as they were.
  reader_->exec("COMMIT");
}

void give_identity(const Site& site, const std::vector<RefreshCut::Table>& tables) {
  Connection connection = site.connect();
  connection.exec(delta::fixed_session(site.settings().encoding));
  connection.exec("SET session_replication_role = origin; SET lock_timeout = 400; SET synchronous_commit = local");
  for (const RefreshCut::Table& table : tables) {
    if (table.what.kind != 't' || table.to_prove || table.gone || table.has_identity) continue;
    try {
      connection.exec("ALTER TABLE ONLY " + delta::qualified(table.what.schema, table.what.name) +
                      " REPLICA IDENTITY FULL");
    } catch (const Error&) {
      if (PQstatus(connection.raw()) != CONNECTION_OK) throw;
    }
  }
}

}  // namespace lpbm::job
