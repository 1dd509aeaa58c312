#include "job/catalog_watch.h"

namespace lpbm::job {
namespace {

// Each row: what and which; its version (the transaction that wrote it); a name for people. Columns of tables are not
// among them: whoever reads a table has it locked.
constexpr const char* values_sql =
    "SELECT 'schema ' || n.oid, n.xmin::text, n.nspname::text FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_'"
    " UNION ALL SELECT 'enum ' || e.oid, e.xmin::text, e.enumlabel::text FROM pg_catalog.pg_enum e"
    " UNION ALL SELECT 'type ' || c.oid, c.xmin::text, c.relname::text FROM pg_catalog.pg_class c WHERE c.oid >= 16384"
    " AND (c.relkind = 'c' OR EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.atttypid IN"
    " (t.oid, t.typarray) WHERE t.oid = c.reltype AND a.attnum > 0 AND a.attrelid >= 16384))"
    " UNION ALL SELECT 'attribute ' || a.attrelid || '.' || a.attnum, a.xmin::text, a.attname::text FROM"
    " pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'c' AND c.oid >="
    " 16384";

// Of most things names alone count: what a definition says comes under the snapshot, and what is made anew comes with
// the stream. The text of functions, triggers and statistics is read from the catalogs as they are. Tables are locked;
// what is temporary is nobody's concern.
constexpr const char* definitions_sql =
    "WITH own AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_')"
    " SELECT 'schema ' || own.oid, '', own.nspname::text FROM own"
    " UNION ALL SELECT 'role ' || r.oid, '', r.rolname::text FROM pg_catalog.pg_authid r WHERE r.oid >= 16384"
    " UNION ALL SELECT 'trigger ' || t.oid, t.xmin::text, t.tgname::text FROM pg_catalog.pg_trigger t"
    " WHERE NOT t.tgisinternal"
    " UNION ALL SELECT 'statistics ' || o.oid, own.oid::text || '.' || o.xmin::text, o.stxname::text"
    " FROM pg_catalog.pg_statistic_ext o JOIN own ON own.oid = o.stxnamespace"
    " UNION ALL SELECT 'function ' || o.oid, own.oid::text || '.' || o.xmin::text, o.proname::text"
    " FROM pg_catalog.pg_proc o JOIN own ON own.oid = o.pronamespace"
    " UNION ALL SELECT 'operator ' || o.oid, own.oid::text, o.oprname::text"
    " FROM pg_catalog.pg_operator o JOIN own ON own.oid = o.oprnamespace"
    " UNION ALL SELECT 'type ' || o.oid, own.oid::text, o.typname::text"
    " FROM pg_catalog.pg_type o JOIN own ON own.oid = o.typnamespace"
    " UNION ALL SELECT 'collation ' || o.oid, own.oid::text, o.collname::text"
    " FROM pg_catalog.pg_collation o JOIN own ON own.oid = o.collnamespace"
    " UNION ALL SELECT 'operator class ' || o.oid, own.oid::text, o.opcname::text"
    " FROM pg_catalog.pg_opclass o JOIN own ON own.oid = o.opcnamespace"
    " UNION ALL SELECT 'text search configuration ' || o.oid, own.oid::text, o.cfgname::text"
    " FROM pg_catalog.pg_ts_config o JOIN own ON own.oid = o.cfgnamespace"
    " UNION ALL SELECT 'text search dictionary ' || o.oid, own.oid::text, o.dictname::text"
    " FROM pg_catalog.pg_ts_dict o JOIN own ON own.oid = o.dictnamespace"
    " UNION ALL SELECT 'relation ' || o.oid, own.oid::text, o.relname::text"
    " FROM pg_catalog.pg_class o JOIN own ON own.oid = o.relnamespace WHERE o.relkind NOT IN ('r', 'p')"
    " UNION ALL SELECT 'column ' || a.attrelid || '.' || a.attnum, '', a.attname::text"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class o ON o.oid = a.attrelid"
    " JOIN own ON own.oid = o.relnamespace WHERE o.relkind IN ('c', 'v', 'm', 'f') AND a.attnum > 0";

constexpr const char* roles_sql =
    "SELECT 'role ' || oid, xmin::text, rolname::text FROM pg_catalog.pg_authid WHERE oid >= 16384"
    " UNION ALL SELECT 'tablespace ' || oid, xmin::text, spcname::text FROM pg_catalog.pg_tablespace";

const char* sql_of(Watched watched) {
  switch (watched) {
    case Watched::definitions:
      return definitions_sql;
    case Watched::roles:
      return roles_sql;
    case Watched::values:
      break;
  }
  return values_sql;
}

std::unordered_map<std::string, std::string> read(postgres::Connection& connection, Watched watched) {
  const postgres::Result rows = connection.exec(sql_of(watched));
  std::unordered_map<std::string, std::string> out;
  for (int row = 0; row < rows.rows(); ++row)
    out.emplace(rows.text(row, 0), rows.text(row, 1) + ' ' + rows.text(row, 2));
  return out;
}

}  // namespace

CatalogWatch::CatalogWatch(postgres::Connection& reader, Watched watched)
    : watched_(watched), rows_(read(reader, watched)) {}

std::string CatalogWatch::changed(postgres::Connection& now) const {
  const auto current = read(now, watched_);
  for (const auto& [what, version] : rows_) {
    const auto found = current.find(what);
    if (found == current.end() ? watched_ == Watched::values : found->second == version) continue;
    const std::string name = version.substr(version.find(' ') + 1);
    return what.substr(0, what.rfind(' ')) + " " + name + (found == current.end() ? " was dropped" : " was changed");
  }
  return {};
}

}  // namespace lpbm::job
