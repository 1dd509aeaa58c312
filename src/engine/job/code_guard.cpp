#include "job/code_guard.h"

#include <array>
#include <cctype>
#include <string_view>

#include "base/error.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_literal;
using postgres::Result;

constexpr const char* find_unbound =
    "UPDATE pg_catalog.pg_proc AS p SET prosecdef = true WHERE NOT p.prosecdef AND p.oid >= 16384"
    " AND p.prokind IN ('f', 'w') AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_authid AS r WHERE r.oid = p.proowner)";

// A row reaches neither triggers (held off), views, policies nor bodies and defaults of functions by itself.
constexpr const char* and_reached =
    " AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass"
    " AND d.refobjid = p.oid AND d.classid <> ALL (ARRAY['pg_catalog.pg_proc', 'pg_catalog.pg_trigger',"
    " 'pg_catalog.pg_rewrite', 'pg_catalog.pg_policy', 'pg_catalog.pg_event_trigger']::pg_catalog.regclass[]))";

// The expressions that a row has evaluated, as trees whose nodes tell the functions; those of indexes and partition
// keys hold immutable functions alone. Of the server's own, those are harmless that only say something of time and
// chance.
constexpr const char* find_reach =
    "SELECT DISTINCT e.what, p.oid::pg_catalog.regprocedure FROM ("
    " SELECT 'the constraint ' || k.conname || ' of ' || coalesce(k.conrelid::pg_catalog.regclass::pg_catalog.text,"
    "  k.contypid::pg_catalog.regtype::pg_catalog.text) AS what, coalesce(c.relowner, t.typowner) AS owner,"
    "  k.conbin::pg_catalog.text AS tree FROM pg_catalog.pg_constraint AS k"
    "  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid"
    "  WHERE k.contype = 'c' AND k.oid >= 16384"
    " UNION ALL SELECT 'the generated column ' || a.attname || ' of ' || a.attrelid::pg_catalog.regclass, c.relowner,"
    "  d.adbin::pg_catalog.text FROM pg_catalog.pg_attrdef AS d JOIN pg_catalog.pg_attribute AS a"
    "  ON a.attrelid = d.adrelid AND a.attnum = d.adnum JOIN pg_catalog.pg_class AS c ON c.oid = d.adrelid"
    "  WHERE a.attgenerated <> '' AND d.oid >= 16384) AS e"
    " JOIN pg_catalog.pg_authid AS o ON o.oid = e.owner AND NOT o.rolsuper,"
    " LATERAL pg_catalog.regexp_matches(e.tree, ':(?:funcid|opfuncid) (\\d+)', 'g') AS m(found)"
    " JOIN pg_catalog.pg_proc AS p ON p.oid = m.found[1]::pg_catalog.oid"
    " WHERE p.oid < 16384 AND (p.proname ~ '^(query|cursor|table|schema|database)_to_xml'"
    "  OR p.proname IN ('ts_stat', 'ts_rewrite')"
    "  OR NOT pg_catalog.has_function_privilege(o.oid, p.oid, 'EXECUTE')"
    "  OR p.provolatile = 'v' AND p.proname <> ALL (ARRAY['random', 'random_normal', 'gen_random_uuid', 'uuidv4', "
    "'uuidv7',"
    "   'clock_timestamp', 'timeofday', 'nextval', 'currval', 'lastval', 'pg_sleep', 'setseed']))"
    " OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid"
    "  WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid"
    "  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e' AND x.extname = 'dblink')"
    " ORDER BY 1 LIMIT 3";

constexpr const char* find_deferred =
    "SELECT 1 FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgdeferrable AND tgenabled IN ('A', 'R') LIMIT 1";

std::vector<std::string> first_words(const std::string& text, std::size_t count) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      out.back() += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    } else if (!out.back().empty()) {
      if (out.size() == count) break;
      out.emplace_back();
    }
  }
  return out;
}

// These run no code, and one with a setting `role` is refused inside of a SECURITY DEFINER function.
bool makes_function(const std::string& text) {
  constexpr std::size_t enough = 4;
  const std::vector<std::string> words = first_words(text, enough);
  const bool replaces = words.size() > 3 && words[1] == "OR" && words[2] == "REPLACE";
  if (words[0] != "CREATE" && words[0] != "ALTER") return false;
  const std::size_t at = replaces ? 3 : 1;
  if (words.size() <= at) return false;
  return words[at] == "FUNCTION" || words[at] == "PROCEDURE" || words[at] == "ROUTINE";
}

void run_inside(Connection& connection, const std::string& role, const std::string& settings, const std::string& text) {
  connection.exec("CREATE FUNCTION pg_temp.lpbm_ddl() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER AS " +
                  quote_literal(text) + "; ALTER FUNCTION pg_temp.lpbm_ddl() OWNER TO " + role);
  if (!settings.empty()) connection.exec(settings);
  connection.exec("SELECT pg_temp.lpbm_ddl()");
}

}  // namespace

void CodeGuard::arm(bool all) {
  const Result found = connection_.exec(std::string(find_unbound) + (all ? "" : and_reached) + " RETURNING p.oid");
  for (int row = 0; row < found.rows(); ++row) functions_.push_back(found.text(row, 0));
}

void CodeGuard::disarm() {
  if (functions_.empty()) return;
  std::string oids;
  for (const std::string& oid : functions_) oids += (oids.empty() ? "" : ",") + oid;
  connection_.exec("UPDATE pg_catalog.pg_proc SET prosecdef = false WHERE oid = ANY ('{" + oids +
                   "}'::pg_catalog.oid[])");
  functions_.clear();
}

void refuse_reach(Connection& connection, const std::string& what) {
  const Result found = connection.exec(find_reach);
  if (found.rows() == 0) return;
  std::string list;
  for (int row = 0; row < found.rows(); ++row)
    list += (row ? "; " : "") + found.text(row, 0) + " calls " + found.text(row, 1);
  throw Error(ErrorKind::permanent, what,
              "code of a user who is no superuser would act as the one who restores: " + list,
              "Whoever wrote it may mean harm. Look at it after a restore into a server that holds nothing else, with "
              "--trust-source, which runs all code with the rights of the target's user.");
}

bool is_to_be_confined(Connection& connection, const std::string& role, const std::string& text) {
  if (role.empty() || makes_function(text)) return false;
  const Result found = connection.exec("SET LOCAL ROLE " + role +
                                       "; SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user");
  connection.exec("RESET ROLE");
  return found.rows() != 1 || found.text(0, 0) != "t";
}

void run_confined(Connection& connection, const std::string& role, const std::string& settings, const std::string& text,
                  const std::string& resets) {
  run_inside(connection, role, settings, text);
  if (!resets.empty()) connection.exec(resets);
  // A trigger that waits for the commit would be run by whoever commits.
  if (connection.exec(find_deferred).rows() > 0) {
    connection.exec("DROP FUNCTION pg_temp.lpbm_ddl()");
    run_inside(connection, role, "", "SET CONSTRAINTS ALL IMMEDIATE");
    connection.exec("SET CONSTRAINTS ALL DEFERRED");
  }
  // So would a cursor WITH HOLD.
  connection.exec("CLOSE ALL");
  connection.exec("DISCARD TEMP");
}

}  // namespace lpbm::job
