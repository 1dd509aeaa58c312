// RoleMap::transfer: which columns hold roles is asked of the server itself, so that no version's catalog is missed.
#include "base/error.h"
#include "job/role_map.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Result;

// Below this are what initdb made (FirstNormalObjectId), and below the other what needs no entry in pg_shdepend
// (FirstUnpinnedObjectId): they cannot be dropped.
constexpr const char* first_normal = "16384";
constexpr const char* first_unpinned = "12000";

// Columns of privileges, of one role, of several; with the column that tells whose they are.
constexpr const char* find_places =
    "SELECT c.relname, a.attname,"
    " CASE WHEN f.col IS NULL THEN 'privileges' WHEN f.is_array THEN 'roles' ELSE 'role' END,"
    " CASE WHEN c.relname = 'pg_attribute' THEN 'attrelid' WHEN c.relname = 'pg_init_privs' THEN 'objoid' ELSE 'oid' "
    "END"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
    " LEFT JOIN (SELECT fktable, fkcols[1] AS col, is_array FROM pg_get_catalog_foreign_keys()"
    "  WHERE pktable = 'pg_authid'::regclass AND cardinality(fkcols) = 1) f ON f.fktable = c.oid AND f.col = a.attname"
    " WHERE c.relkind = 'r' AND c.relnamespace = 'pg_catalog'::regnamespace"
    " AND (f.col IS NOT NULL OR a.atttypid = 'aclitem[]'::regtype)"
    " AND (NOT c.relisshared OR c.relname IN ('pg_database', 'pg_tablespace', 'pg_subscription'))"
    " ORDER BY 1, 2";

// As aclitem writes them.
constexpr const char* letters =
    "(VALUES ('INSERT', 'a'), ('SELECT', 'r'), ('UPDATE', 'w'), ('DELETE', 'd'), ('TRUNCATE', 'D'), ('REFERENCES', "
    "'x'),"
    " ('TRIGGER', 't'), ('EXECUTE', 'X'), ('USAGE', 'U'), ('CREATE', 'C'), ('TEMPORARY', 'T'), ('CONNECT', 'c'),"
    " ('SET', 's'), ('ALTER SYSTEM', 'A'), ('MAINTAIN', 'm')) AS letters(word, letter)";

constexpr const char* my_database = "(SELECT oid FROM pg_database WHERE datname = current_database())";

struct Place {
  std::string table, column, kind, key;
};

class Transfer {
 public:
  Transfer(Connection& connection, std::string pairs, std::string tablespaces, std::vector<std::string>& notes)
      : connection_(connection), map_(std::move(pairs)), tablespaces_(std::move(tablespaces)), notes_(notes) {}

  void run() {
    merge_default_privileges();
    drop_double_mappings();
    const Result found = connection_.exec(find_places);
    for (int row = 0; row < found.rows(); ++row)
      places_.push_back({found.text(row, 0), found.text(row, 1), found.text(row, 2), found.text(row, 3)});
    for (const Place& place : places_) update(place);
    move_dependencies();
    for (const Place& place : places_) add_dependencies(place);
  }

 private:
  // Which rows of the table belong to the database or are ours, `t` being the table.
  std::string ours(const Place& place) const {
    if (place.table == "pg_database") return "t.datname = current_database()";
    if (place.table == "pg_tablespace") return "t.spcname = ANY (" + tablespaces_ + ")";
    if (place.table == "pg_subscription") return std::string("t.subdbid = ") + my_database;
    return "true";
  }
  // What initdb made stays its owner's, but for the schema public; `m.o` is the old role.
  static std::string mappable(const Place& place) {
    if (place.table == "pg_database" || place.table == "pg_largeobject_metadata") return "true";
    std::string out = std::string("(m.o >= ") + first_normal + " OR t." + place.key + " >= " + first_normal;
    if (place.table == "pg_namespace") out += " OR t.nspname = 'public'";
    return out + ")";
  }

  void update(const Place& place) {
    const std::string table = "pg_catalog." + place.table + " AS t";
    const std::string column = "t." + place.column;
    if (place.kind == "role" && (place.table == "pg_default_acl" || place.table == "pg_user_mapping")) {
      replace_rows(place);
    } else if (place.kind == "role") {
      connection_.exec("UPDATE " + table + " SET " + place.column + " = m.n FROM " + map_ + " WHERE " + column +
                       " = m.o AND " + ours(place) + " AND " + mappable(place));
    } else if (place.kind == "roles") {
      connection_.exec("UPDATE " + table + " SET " + place.column +
                       " = (SELECT array_agg(role ORDER BY place) FROM (SELECT coalesce(m.n, r.role) AS role,"
                       " min(r.place) AS place FROM unnest(" +
                       column + ") WITH ORDINALITY AS r(role, place) LEFT JOIN " + map_ + " ON m.o = r.role AND " +
                       mappable(place) + " GROUP BY 1) AS roles) WHERE EXISTS (SELECT FROM " + map_ +
                       " WHERE m.o = ANY (" + column + ") AND " + mappable(place) + ")");
    } else {
      update_privileges(place, table, column);
    }
  }

  // Where a role is part of a unique key, and two may change places.
  void replace_rows(const Place& place) {
    const std::string table = "pg_catalog." + place.table;
    connection_.exec("CREATE TEMPORARY TABLE lpbm_rows ON COMMIT DROP AS SELECT t.* FROM " + table + " AS t JOIN " +
                     map_ + " ON m.o = t." + place.column);
    connection_.exec("DELETE FROM " + table + " AS t USING pg_temp.lpbm_rows AS r WHERE t.oid = r.oid");
    connection_.exec("UPDATE pg_temp.lpbm_rows AS t SET " + place.column + " = m.n FROM " + map_ + " WHERE m.o = t." +
                     place.column);
    connection_.exec("INSERT INTO " + table + " SELECT * FROM pg_temp.lpbm_rows");
    connection_.exec("DROP TABLE pg_temp.lpbm_rows");
  }

  // Entries that become one of the same grantee and grantor are joined, as at a change of owner.
  void update_privileges(const Place& place, const std::string& table, const std::string& column) {
    const std::string name = "(SELECT '\"' || replace(rolname, '\"', '\"\"') || '\"' FROM pg_authid WHERE oid = ";
    const std::string role =
        "coalesce((SELECT m.n FROM " + map_ + " WHERE m.o = e.%s AND " + mappable(place) + "), e.%s)";
    const auto mapped = [&](const std::string& whose) {
      std::string out = role;
      for (std::size_t at; (at = out.find("%s")) != std::string::npos;) out.replace(at, 2, whose);
      return out;
    };
    connection_.exec(
        "UPDATE " + table + " SET " + place.column +
        " = coalesce((SELECT array_agg(item::aclitem ORDER BY place) FROM (SELECT CASE grantee WHEN 0 THEN '' ELSE " +
        name +
        "grantee) END || '=' || string_agg(coalesce(letter, '?') || CASE WHEN grantable THEN '*' ELSE '' END, ''"
        " ORDER BY place) || '/' || " +
        name + "grantor) AS item, min(place) AS place FROM (SELECT " + mapped("grantee") + " AS grantee, " +
        mapped("grantor") +
        " AS grantor, e.privilege_type, bool_or(e.is_grantable) AS grantable,"
        " min(e.place) AS place FROM aclexplode(" +
        column +
        ") WITH ORDINALITY AS e(grantor, grantee, privilege_type, is_grantable, place) GROUP BY 1, 2, 3) AS entries"
        " LEFT JOIN " +
        letters + " ON word = privilege_type GROUP BY grantee, grantor) AS items), '{}') WHERE " + ours(place) +
        " AND EXISTS (SELECT FROM aclexplode(" + column + ") AS e JOIN " + map_ +
        " ON m.o IN (e.grantee, e.grantor) WHERE " + mappable(place) + ")");
  }

  // A role has one row for each schema and kind: what several gave is given together.
  void merge_default_privileges() {
    const std::string groups =
        "SELECT coalesce(m.n, d.defaclrole) AS role, d.defaclnamespace AS schema, d.defaclobjtype AS kind,"
        " min(d.oid) AS kept, array_agg(d.oid) AS rows FROM pg_default_acl AS d LEFT JOIN " +
        map_ + " ON m.o = d.defaclrole GROUP BY 1, 2, 3 HAVING count(*) > 1";
    connection_.exec(
        "UPDATE pg_catalog.pg_default_acl AS t SET defaclacl = (SELECT array_agg(a.item) FROM pg_default_acl AS d,"
        " unnest(d.defaclacl) AS a(item) WHERE d.oid = ANY (g.rows)) FROM (" +
        groups + ") AS g WHERE t.oid = g.kept");
    forget("pg_default_acl", "SELECT r FROM (" + groups + ") AS g, unnest(g.rows) AS r WHERE r <> g.kept");
  }

  // A role has one mapping for each foreign server: its own stays.
  void drop_double_mappings() {
    const std::string rivals =
        "SELECT u.oid, u.umserver, row_number() OVER (PARTITION BY coalesce(m.n, u.umuser), u.umserver"
        " ORDER BY m.n IS NULL DESC, u.oid) AS place FROM pg_user_mapping AS u LEFT JOIN " +
        map_ + " ON m.o = u.umuser";
    const Result lost = connection_.exec("SELECT DISTINCT s.srvname FROM (" + rivals +
                                         ") AS r JOIN pg_foreign_server AS s ON s.oid = r.umserver WHERE r.place > 1");
    for (int row = 0; row < lost.rows(); ++row)
      notes_.push_back("several user mappings for the server " + lost.text(row, 0) +
                       " would be of one role: only one of them was kept");
    forget("pg_user_mapping", "SELECT r.oid FROM (" + rivals + ") AS r WHERE r.place > 1");
  }

  void forget(const std::string& table, const std::string& oids) {
    const Result found = connection_.exec(oids);
    for (int row = 0; row < found.rows(); ++row) {
      const std::string oid = found.text(row, 0), own = "= '" + table + "'::regclass AND ";
      connection_.exec("DELETE FROM pg_catalog." + table + " WHERE oid = " + oid);
      connection_.exec("DELETE FROM pg_catalog.pg_depend WHERE classid " + own + "objid = " + oid);
      connection_.exec("DELETE FROM pg_catalog.pg_shdepend WHERE classid " + own + "objid = " + oid +
                       " AND dbid = " + my_database);
    }
  }

  void move_dependencies() {
    connection_.exec(
        "CREATE TEMPORARY TABLE lpbm_moved ON COMMIT DROP AS SELECT d.dbid, d.classid, d.objid, d.objsubid,"
        " d.refclassid, m.n AS refobjid, d.deptype FROM pg_shdepend AS d JOIN " +
        map_ + " ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = m.o WHERE d.dbid = " + my_database +
        " OR d.dbid = 0 AND (d.classid = 'pg_database'::regclass AND d.objid = " + my_database +
        " OR d.classid = 'pg_tablespace'::regclass AND d.objid IN (SELECT oid FROM pg_tablespace WHERE spcname = ANY "
        "(" +
        tablespaces_ +
        ")) OR d.classid = 'pg_subscription'::regclass AND d.objid IN"
        " (SELECT oid FROM pg_subscription WHERE subdbid = " +
        my_database + "))");
    connection_.exec("DELETE FROM pg_catalog.pg_shdepend AS d USING pg_temp.lpbm_moved AS g JOIN " + map_ +
                     " ON m.n = g.refobjid WHERE (d.dbid, d.classid, d.objid, d.objsubid, d.refclassid, d.deptype) ="
                     " (g.dbid, g.classid, g.objid, g.objsubid, g.refclassid, g.deptype) AND d.refobjid = m.o");
    for (const char* which : {"= 'o'", "<> 'o'"})
      connection_.exec(
          std::string("INSERT INTO pg_catalog.pg_shdepend (dbid, classid, objid, objsubid, refclassid,"
                      " refobjid, deptype) SELECT DISTINCT g.* FROM pg_temp.lpbm_moved AS g WHERE"
                      " g.refobjid >= ") +
          first_unpinned + " AND g.deptype " + which +
          " AND NOT EXISTS (SELECT FROM pg_shdepend AS d WHERE (d.dbid, d.classid, d.objid, d.refclassid,"
          " d.refobjid) = (g.dbid, g.classid, g.objid, g.refclassid, g.refobjid) AND (d.objsubid = g.objsubid"
          " AND d.deptype = g.deptype OR d.objsubid = 0 AND d.deptype = 'o'))");
  }

  // The first role of a server has no entries there; who takes its place has.
  void add_dependencies(const Place& place) {
    if (place.table == "pg_init_privs") return;
    const bool shared =
        place.table == "pg_database" || place.table == "pg_tablespace" || place.table == "pg_subscription";
    const bool column = place.table == "pg_attribute";
    const std::string heirs =
        std::string("SELECT m.n FROM ") + map_ + " WHERE m.o < " + first_unpinned + " AND m.n >= " + first_unpinned;
    std::string roles, kind = "a", rows = ours(place);
    if (place.kind == "role") {
      roles = "VALUES (t." + place.column + ")", kind = "o";
    } else if (place.kind == "roles") {
      roles = "SELECT unnest(t." + place.column + ")", kind = "r";
    } else {
      roles = "SELECT unnest(ARRAY[grantee, grantor]) FROM aclexplode(t." + place.column + ")";
    }
    if (place.table == "pg_class" && kind == "o") rows += " AND t.relkind NOT IN ('i', 'I', 't', 'c')";
    if (place.table == "pg_type" && kind == "o")
      rows +=
          " AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))"
          " AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)";
    connection_.exec(
        std::string("INSERT INTO pg_catalog.pg_shdepend (dbid, classid, objid, objsubid, refclassid, refobjid, deptype)"
                    " SELECT DISTINCT ") +
        (shared ? "0::oid" : my_database) + ", " + (column ? "'pg_class'" : quote_literal(place.table)) +
        "::regclass::oid, t." + place.key + ", " + (column ? "t.attnum::int" : "0") +
        ", 'pg_authid'::regclass::oid, r.role, '" + kind + "'::\"char\" FROM pg_catalog." + place.table +
        " AS t, LATERAL (" + roles + ") AS r(role) WHERE r.role IN (" + heirs + ") AND " + rows +
        (kind == "o" && !shared
             ? " AND (t.oid >= 16384 OR '" + place.table + "' IN ('pg_namespace', 'pg_largeobject_metadata'))"
             : "") +
        " AND NOT EXISTS (SELECT FROM pg_shdepend AS d WHERE d.dbid = " + (shared ? "0" : my_database) +
        " AND d.classid = " + (column ? "'pg_class'" : quote_literal(place.table)) + "::regclass AND d.objid = t." +
        place.key +
        " AND d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.role AND (d.deptype = 'o' OR d.deptype = '" +
        kind + "' AND d.objsubid = " + (column ? "t.attnum" : "0") + "))");
  }

  Connection& connection_;
  std::string map_;          // rows of old and new, as m(o, n)
  std::string tablespaces_;  // an array of names
  std::vector<std::string>& notes_;
  std::vector<Place> places_;
};

std::string role_oid(const std::string& name) {
  return "(SELECT oid FROM pg_catalog.pg_authid WHERE rolname = " + quote_literal(name) + ")";
}

}  // namespace

void RoleMap::transfer(Connection& connection, const std::set<std::string>& tablespaces,
                       std::vector<std::string>& notes) const {
  std::string query;
  for (const auto& [from, to] : map_)
    if (from != to) query += (query.empty() ? "VALUES (" : ", (") + role_oid(from) + ", " + role_oid(to) + ")";
  if (query.empty()) return;
  // A role that was never there, or is gone again, is nobody's.
  const Result found = connection.exec("SELECT * FROM (" + query + ") AS m(o, n) WHERE o IS NOT NULL");
  std::string pairs;
  for (int row = 0; row < found.rows(); ++row)
    pairs += (row ? ", (" : "(VALUES (") + found.text(row, 0) + "::oid, " + found.text(row, 1) + "::oid)";
  if (pairs.empty()) return;
  std::string spaces;
  for (const std::string& name : tablespaces) spaces += (spaces.empty() ? "" : ", ") + quote_literal(name);
  connection.exec("SET search_path = pg_catalog, pg_temp; SET enable_seqscan = on");
  connection.exec("BEGIN");
  Transfer(connection, pairs + ") AS m(o, n)", "ARRAY[" + spaces + "]::name[]", notes).run();
  connection.exec("COMMIT");
}

}  // namespace lpbm::job
