#include "job/refresh.h"

#include <algorithm>
#include <set>
#include <thread>

#include "base/encoding.h"
#include "base/error.h"
#include "delta/sql_text.h"
#include "job/copy_out.h"
#include "job/full.h"
#include "job/record_watch.h"
#include "job/refresh_large_objects.h"

namespace lpbm::job {
namespace {

using csvlog::Stale;
using postgres::Connection;
using std::chrono::milliseconds;

constexpr int attempts = 6;
constexpr milliseconds pause{150};
constexpr std::chrono::seconds anchor_patience{60};
// Whoever wants to write meanwhile queues behind us; an autovacuum in the way gives up after the deadlock_timeout.
constexpr const char* lock_wait_ms = "400";
constexpr const char* short_waits = "SET LOCAL lock_timeout = 400; SET LOCAL deadlock_timeout = 100";
constexpr const char* step = "refreshing tables";

std::string oid_list(const std::vector<RefreshCut::Table>& tables) {
  std::string out;
  for (const RefreshCut::Table& table : tables)
    if (table.what.kind != 'l') out += (out.empty() ? "" : ",") + std::to_string(table.what.relation);
  return out.empty() ? "0" : out;
}

std::vector<std::uint32_t> ids(const std::vector<Stale>& wanted) {
  std::vector<std::uint32_t> out;
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

std::uint64_t number(const postgres::Result& rows) {
  return rows.rows() == 0 || rows.text(0, 0).empty() ? 0 : std::stoull(rows.text(0, 0));
}

std::string megabytes(std::uint64_t bytes) {
  constexpr std::uint64_t unit = 1u << 20;
  return std::to_string((bytes + unit - 1) / unit) + " MB";
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

std::vector<Stale> open_in(const journal::JournalFile& file, const std::string& stream) {
  const auto ends = file.ends();
  const auto open_at_end = [](const journal::Entry& delta) {
    std::vector<Stale> out;
    if (!delta.holes.empty()) return out;  // nothing follows on it but a full
    for (const journal::Stale& one : delta.stale)
      if (std::ranges::none_of(delta.refreshes, [&](const auto& done) { return done.relation == one.relation; }))
        out.push_back({one.kind, one.relation, one.schema, one.name});
    return out;
  };
  if (!ends.last) return {};
  if (ends.last->kind == journal::Kind::delta && ends.last->stream == stream && open_at_end(*ends.last).empty())
    return {};
  std::vector<Stale> open;
  Lsn anchor, last;
  const journal::Journal journal = file.load();  // must outlive the loop
  for (const journal::Entry& entry : journal.entries()) {
    if (entry.stream != stream) continue;
    if (entry.kind == journal::Kind::full) {
      anchor = std::max(anchor, entry.anchor);
    } else {
      open = open_at_end(entry);
      last = entry.to;
    }
  }
  return last <= anchor ? std::vector<Stale>{} : open;
}

void survey(const csvlog::LogOptions& options, std::vector<Stale>& stale) {
  RecordWatch watch({}, {}, "");
  csvlog::read_log(options, watch);
  for (const Stale& one : watch.stale())
    if (std::ranges::none_of(stale, [&](const Stale& known) { return known.relation == one.relation; }))
      stale.push_back(one);
}

void add_unlogged(const Site& site, std::vector<Stale>& stale) {
  Connection connection = site.connect();
  connection.exec(delta::fixed_session(site.settings().encoding));
  const auto rows = connection.exec(
      "SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
      "c.relkind "
      "= 'r' AND c.relpersistence = 'u' AND c.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e "
      "ON e.oid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' AND NOT "
      "coalesce(c.oid = ANY (e.extconfig), false)) ORDER BY c.oid");
  for (int row = 0; row < rows.rows(); ++row) {
    const auto oid = static_cast<std::uint32_t>(std::stoul(rows.text(row, 0)));
    if (std::ranges::none_of(stale, [&](const Stale& known) { return known.relation == oid; }))
      stale.push_back({'u', oid, rows.text(row, 1), rows.text(row, 2)});
  }
}

Wanted within_limit(const Site& site, const std::vector<Stale>& stale) {
  Connection connection = site.connect();
  connection.exec(std::string("SET lock_timeout = ") + lock_wait_ms);  // the size of a table takes a lock on it
  constexpr std::uint64_t hundred = 100;
  const std::uint64_t database = number(connection.exec("SELECT pg_database_size(current_database())"));
  const std::uint64_t limit = database / hundred * site.settings().refresh_percent;
  Wanted out;
  std::uint64_t sum = 0;
  for (const Stale& one : stale) {
    const std::string oid = one.kind == 'l' ? "'pg_largeobject'::regclass" : std::to_string(one.relation);
    const std::uint64_t size =
        number(connection.exec("SELECT pg_table_size(c.oid) FROM pg_class c WHERE c.oid = " + oid));
    sum += size;
    if (sum <= limit) {
      out.stale.push_back(one);
      continue;
    }
    if (one.kind != 'u')
      out.hopeless[one.relation] = megabytes(size) +
                                   (sum > size ? ", with what else is to be refreshed " + megabytes(sum) : "") +
                                   ", are more than lpbm.refresh_limit, " +
                                   std::to_string(site.settings().refresh_percent) + "% of " + megabytes(database);
    sum -= size;
  }
  return out;
}

RefreshCut::RefreshCut(const Site& site, const std::vector<Stale>& wanted, bool share)
    : nonce_(to_hex(codec::random_bytes(16))) {
  for (const Stale& one : wanted) tables_.push_back({one, {}});
  Connection gate = site.connect();
  reader_ = std::make_unique<Connection>(site.connect());
  for (Connection* session : {&gate, reader_.get()}) session->exec(delta::fixed_session(site.settings().encoding));
  lock(gate, share);
  // The first query: the snapshot is younger than all locks.
  const auto row =
      reader_->exec("SELECT pg_current_snapshot()::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
  visibility_ = std::make_unique<Visibility>(row.text(0, 0));
  time_ = std::stoll(row.text(0, 1));
  gate.exec("SELECT pg_logical_emit_message(true, 'lpbm', $1)", {anchor_message(site.cluster_key(), nonce_)});
  gate.exec("COMMIT");
  const auto missing = reader_->exec(with_oids(not_locked, oid_list(tables_)));
  if (missing.rows() > 0)
    throw Error(ErrorKind::retryable, step, "table " + missing.text(0, 0) + " was renamed meanwhile");
  describe();
}

// The reader first: behind somebody who waits for the gate's lock he would wait for us both.
void RefreshCut::lock(Connection& gate, bool share) {
  const std::string oids = oid_list(tables_);
  const std::string list = lock_list(gate, oids);
  reader_->exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  reader_->exec(short_waits);
  if (!list.empty()) reader_->exec("LOCK TABLE " + list + " IN ACCESS SHARE MODE");
  gate.exec("BEGIN");
  gate.exec(short_waits);
  gate.exec("SET LOCAL synchronous_commit = local");
  if (!share) return;
  const bool large_objects = std::ranges::any_of(tables_, [](const Table& table) { return table.what.kind == 'l'; });
  if (!list.empty()) gate.exec("LOCK TABLE " + list + " IN SHARE MODE");
  // Not all who change them hold these locks until their end: the records are the proof.
  if (large_objects)
    gate.exec("LOCK TABLE pg_catalog.pg_largeobject, pg_catalog.pg_largeobject_metadata IN SHARE MODE");
}

// The names and columns of the snapshot.
void RefreshCut::describe() {
  const auto rows = reader_->exec(
      "SELECT c.oid, n.nspname, c.relname, a.attname, a.attidentity = 'a', c.relreplident = 'f' OR EXISTS (SELECT FROM "
      "pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate AND (CASE c.relreplident WHEN 'd' THEN "
      "i.indisprimary WHEN 'i' THEN i.indisreplident END)) FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND "
      "a.attgenerated = '' WHERE c.oid IN (" +
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

std::unique_ptr<RefreshCut> RefreshCut::make(const Site& site, const csvlog::LogOptions& records,
                                             const std::vector<Stale>& wanted,
                                             const std::vector<std::uint64_t>& invisible,
                                             const std::function<void(const std::string&)>& phase) {
  std::string cause;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    try {
      phase("locking tables to refresh");
      std::unique_ptr<RefreshCut> cut(new RefreshCut(site, wanted, attempt % 2 == 0));
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

void RefreshCut::check() {
  const auto foreign = reader_->exec(with_oids(foreign_locks, oid_list(tables_)));
  if (foreign.rows() > 0) throw Error(ErrorKind::retryable, step, "a schema was renamed meanwhile");
  // Had the session been lost, nothing would have kept the tables as they were.
  reader_->exec("COMMIT");
}

void give_identity(const Site& site, const std::vector<RefreshCut::Table>& tables) {
  Connection connection = site.connect();
  connection.exec(delta::fixed_session(site.settings().encoding));
  connection.exec("SET session_replication_role = origin; SET lock_timeout = 400; SET synchronous_commit = local");
  for (const RefreshCut::Table& table : tables) {
    if (table.what.kind != 't' || table.gone || table.has_identity) continue;
    try {
      connection.exec("ALTER TABLE ONLY " + delta::qualified(table.what.schema, table.what.name) +
                      " REPLICA IDENTITY FULL");
    } catch (const Error&) {
      if (PQstatus(connection.raw()) != CONNECTION_OK) throw;
    }
  }
}

}  // namespace lpbm::job
