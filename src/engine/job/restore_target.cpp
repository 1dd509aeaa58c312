#include "job/restore_target.h"

#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "job/database_properties.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Result;

constexpr std::string_view mark = "lpbm: restore unfinished";
constexpr int major = 10000;

// What initdb made has an OID below 16384 (FirstNormalObjectId), whatever the version.
constexpr const char* find_content =
    "SELECT what, name FROM ("
    " SELECT 'relation', relname::text FROM pg_catalog.pg_class WHERE oid >= 16384 AND relpersistence <> 't'"
    " UNION ALL SELECT 'function', proname FROM pg_catalog.pg_proc WHERE oid >= 16384"
    " UNION ALL SELECT 'type', typname FROM pg_catalog.pg_type WHERE oid >= 16384 AND typrelid = 0 AND typelem = 0"
    " UNION ALL SELECT 'schema', nspname FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'"
    " UNION ALL SELECT 'extension', extname FROM pg_catalog.pg_extension WHERE oid >= 16384"
    " UNION ALL SELECT 'event trigger', evtname FROM pg_catalog.pg_event_trigger WHERE oid >= 16384"
    " UNION ALL SELECT 'publication', pubname FROM pg_catalog.pg_publication WHERE oid >= 16384"
    " UNION ALL SELECT 'foreign-data wrapper', fdwname FROM pg_catalog.pg_foreign_data_wrapper WHERE oid >= 16384"
    " UNION ALL SELECT 'large object', oid::text FROM pg_catalog.pg_largeobject_metadata"
    ") AS found(what, name) LIMIT 3";

std::string required_name(const std::string& conninfo) {
  std::string name = postgres::database_of(conninfo);
  if (name.empty())
    throw Error(ErrorKind::usage, "reading the target", "it names no database", "Add dbname=... to the target.");
  return name;
}

Connection connect_beside(const std::string& conninfo, const std::string& name) {
  const std::string first = name == "postgres" ? "template1" : "postgres";
  try {
    return Connection(postgres::with_database(conninfo, first));
  } catch (const Error&) {
    if (first == "template1") throw;
  }
  return Connection(postgres::with_database(conninfo, "template1"));
}

}  // namespace

RestoreTarget::RestoreTarget(const std::string& conninfo, int source_version)
    : conninfo_(conninfo), name_(required_name(conninfo)), server_(connect_beside(conninfo, name_)) {
  server_.exec(
      "SET client_encoding = 'UTF8'; SET default_transaction_read_only = off; SET client_min_messages = error;"
      "SET search_path = pg_catalog");
  postgres::lift_timeouts(server_);
  check_user();
  if (superuser_) server_.exec("SET lc_messages = 'C'");
  if (server_.server_version() / major < source_version / major)
    obstacles_.add("the backup is of PostgreSQL " + std::to_string(source_version / major) + ", the server of " +
                       std::to_string(server_.server_version() / major),
                   "Restore into a server of the same or a later version.");
  check_database();
}

void RestoreTarget::check_user() {
  const Result result = server_.exec("SELECT rolsuper, rolname FROM pg_catalog.pg_roles WHERE rolname = session_user");
  superuser_ = result.rows() == 1 && result.text(0, 0) == "t";
  if (!superuser_)
    obstacles_.add("the user of the target is not a superuser",
                   "Connect as a superuser: a restore makes roles and acts in their names.");
}

void RestoreTarget::check_database() {
  const Result found = server_.exec(
      "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = $1",
      {name_});
  exists_ = found.rows() == 1;
  if (exists_ && found.text(0, 0).starts_with(mark))
    obstacles_.add(
        "the database is what an earlier restore left unfinished (" + found.text(0, 0) + ")",
        "Drop it (DROP DATABASE " + quote_identifier(name_) + ") and restore again, or restore into another.");
  else if (exists_)
    check_empty();
}

void RestoreTarget::check_empty() {
  try {
    const Result result = connect().exec(find_content);
    if (result.rows() == 0) return;
    std::string names;
    for (int row = 0; row < result.rows(); ++row)
      names += (row ? ", " : "") + result.text(row, 0) + " " + result.text(row, 1);
    obstacles_.add(
        "the database is not empty (" + names + ")",
        "Name a database that does not exist, or an empty one: nothing is ever restored over existing data.");
  } catch (const Error& error) {
    if (superuser_) throw;
    obstacles_.add(error);  // whoever is no superuser may not look
  }
}

Connection RestoreTarget::connect() const {
  Connection connection(
      postgres::with_database(conninfo_, name_, postgres::no_event_triggers(server_.server_version())));
  connection.exec("SET search_path = pg_catalog");  // the owner of a database that was there may have set another
  postgres::lift_timeouts(connection);
  return connection;
}

void RestoreTarget::begin(const nlohmann::json& properties, const std::string& from) {
  if (!exists_) create_database(server_, name_, properties);
  exists_ = true;
  const std::string comment = std::string(mark) + " (" + from + ", begun " + to_iso(now(), true) + ")";
  server_.exec("BEGIN");
  server_.exec("COMMENT ON DATABASE " + quote_identifier(name_) + " IS " + quote_literal(comment));
  server_.exec("ALTER DATABASE " + quote_identifier(name_) + " CONNECTION LIMIT 0");
  server_.exec("COMMIT");
  apply_database_access(server_, name_, properties);
  // What the source had dropped of what every new database has.
  Connection inside = connect();
  if (!properties.value("has_public", true)) inside.exec("DROP SCHEMA IF EXISTS public");
  if (!properties.value("has_plpgsql", true)) inside.exec("DROP EXTENSION IF EXISTS plpgsql");
}

// Shared catalogs hold bytes in whatever encoding the database had that wrote them: so written from inside, as they
// were read.
void RestoreTarget::finish(const nlohmann::json& properties) {
  Connection inside = connect();
  inside.exec("SET client_encoding = 'UTF8'; SET default_transaction_read_only = off; SET lc_messages = 'C'");
  apply_database_properties(inside, name_, properties);
}

}  // namespace lpbm::job
