#include "job/snapshot.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/error.h"
#include "job/anchor_gate.h"

namespace lpbm::job {
namespace {

constexpr int tables_per_statement = 200;
constexpr std::chrono::milliseconds pause_between_attempts{500};

// What pg_dump locks. Views are left out: LOCK TABLE on a view asks for its owner's rights on the tables below, which a
// broken view lacks; their definitions are read under the snapshot.
constexpr const char* locked_kinds =
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND "
    "c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";

std::uint64_t parse_xid(const std::string& text, std::string_view part) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error != std::errc() || end != part.data() + part.size())
    throw Error(ErrorKind::permanent, "reading the snapshot \"" + text + "\"", "it is no pg_snapshot");
  return value;
}

std::vector<std::string> tables(const Site& site) {
  postgres::Connection connection = site.connect();
  const auto rows = connection.exec(std::string("SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)") +
                                    locked_kinds + " ORDER BY c.oid");
  std::vector<std::string> out;
  for (int row = 0; row < rows.rows(); ++row) out.push_back(rows.text(row, 0));
  return out;
}

void lock_tables(postgres::Connection& connection, const std::vector<std::string>& names) {
  for (std::size_t first = 0; first < names.size(); first += tables_per_statement) {
    std::string sql = "LOCK TABLE ";
    const std::size_t end = std::min(names.size(), first + tables_per_statement);
    for (std::size_t i = first; i < end; ++i) sql += (i > first ? ", ONLY " : "ONLY ") + names[i];
    connection.exec(sql + " IN ACCESS SHARE MODE");
  }
}

// Tables and large objects whose changes no record can tell, as a list for LOCK TABLE.
std::string untold(postgres::Connection& connection) {
  const auto rows = connection.exec(
      std::string("SELECT string_agg('ONLY ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname), "
                  "', ' ORDER BY c.oid)") +
      locked_kinds + " AND c.relkind = 'r' AND c.relpersistence = 'p' AND NOT " + has_identity);
  const std::string tables = rows.text(0, 0);
  return tables + (tables.empty() ? "" : ", ") + "pg_catalog.pg_largeobject, pg_catalog.pg_largeobject_metadata";
}

// A table made after the list was read, or dropped and made again under the same name.
void check_all_locked(postgres::Connection& connection) {
  const auto missing = connection.exec(
      std::string("SELECT c.oid::regclass") + locked_kinds +
      " AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND "
      "l.granted AND l.relation = c.oid AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = "
      "current_database())) LIMIT 1");
  if (missing.rows() > 0)
    throw Error(ErrorKind::retryable, "locking the tables", "table " + missing.text(0, 0) + " was created meanwhile");
}

// What another attempt may mend although the server calls it an error for good: a table that is gone since it was
// listed.
bool worth_another(const Error& error) {
  return error.kind() == ErrorKind::retryable || error.cause().find("SQLSTATE 42P01") != std::string::npos ||
         error.cause().find("SQLSTATE 3F000") != std::string::npos;
}

}  // namespace

Visibility::Visibility(const std::string& text) : text_(text) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string::npos ? first : text.find(':', first + 1);
  if (second == std::string::npos)
    throw Error(ErrorKind::permanent, "reading the snapshot \"" + text + "\"", "it is no pg_snapshot");
  const std::string_view view = text;
  xmin_ = parse_xid(text, view.substr(0, first));
  xmax_ = parse_xid(text, view.substr(first + 1, second - first - 1));
  for (std::string_view rest = view.substr(second + 1); !rest.empty();) {
    const std::size_t comma = rest.find(',');
    running_.push_back(parse_xid(text, rest.substr(0, comma)));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  std::sort(running_.begin(), running_.end());
}

bool Visibility::sees(std::uint64_t xid) const {
  if (xid < xmin_) return true;
  return xid < xmax_ && !std::binary_search(running_.begin(), running_.end(), xid);
}

LockedSnapshot::LockedSnapshot(const Site& site, const Limits& limits, std::string nonce,
                               const std::function<void(int)>& on_attempt)
    : nonce_(std::move(nonce)) {
  for (int number = 1;; ++number) {
    on_attempt(number);
    try {
      attempt(site, limits);
      return;
    } catch (const Error& error) {
      connection_.reset();
      nonce_ = next_nonce(nonce_);
      if (!worth_another(error)) throw;
      if (number >= limits.attempts)
        throw Error(
            ErrorKind::retryable, "locking the tables for the snapshot", error.cause(),
            error.hint().empty() ? "A transaction holds an exclusive lock on a table; see pg_locks." : error.hint());
    }
    std::this_thread::sleep_for(pause_between_attempts);
  }
}

// Between snapshot and anchor nothing is done that takes its time.
void LockedSnapshot::attempt(const Site& site, const Limits& limits) {
  const std::vector<std::string> names = tables(site);
  AnchorGate gate(site);
  connection_ = std::make_unique<postgres::Connection>(site.connect());
  database_size_ = std::stoull(connection_->exec("SELECT pg_database_size(current_database())").text(0, 0));
  connection_->exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  connection_->exec("SET LOCAL lock_timeout = " + std::to_string(limits.lock_timeout.count()));
  // LOCK TABLE takes no snapshot: the one below is younger than all locks.
  lock_tables(*connection_, names);
  if (limits.hold_writers) gate.lock(untold(gate.connection()));
  const auto row = connection_->exec(
      "SELECT pg_export_snapshot(), pg_current_snapshot()::text, (extract(epoch FROM clock_timestamp()) * "
      "1000000)::bigint");
  gate.commit(nonce_);
  check_all_locked(*connection_);
  exported_ = row.text(0, 0);
  visibility_ = std::make_unique<Visibility>(row.text(0, 1));
  time_ = std::stoll(row.text(0, 2));
}

}  // namespace lpbm::job
