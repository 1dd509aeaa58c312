#include "job/code_guard.h"

#include <array>
#include <cctype>
#include <string_view>

#include "base/error.h"
#include "delta/sql_lexer.h"
#include "job/replay_ddl.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_literal;
using postgres::Result;

// A function that sets a role for itself could do so no longer: it runs as its owner instead.
constexpr const char* bind_unbound =
    "UPDATE pg_catalog.pg_proc AS p SET prosecdef = true, proconfig = (SELECT pg_catalog.array_agg(s.setting ORDER BY"
    "  s.n) FROM pg_catalog.unnest(o.proconfig) WITH ORDINALITY AS s(setting, n)"
    "  WHERE s.setting !~ '^(role|session_authorization)=')"
    " FROM pg_catalog.pg_proc AS o WHERE o.oid = p.oid AND NOT p.prosecdef AND p.oid >= 16384"
    " AND p.prokind IN ('f', 'w') AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_authid AS r WHERE r.oid = p.proowner)";

constexpr const char* and_return =
    " RETURNING p.oid, p.ctid, CASE WHEN p.proconfig IS DISTINCT FROM o.proconfig THEN o.proconfig::pg_catalog.text "
    "END";

// It tells the names that the session has prepared statements under, which row code could put others in place of.
constexpr const char* find_prepared =
    "SELECT proacl::pg_catalog.text FROM pg_catalog.pg_proc"
    " WHERE oid = 'pg_catalog.pg_prepared_statement()'::pg_catalog.regprocedure";
constexpr const char* bar_prepared =
    "UPDATE pg_catalog.pg_proc SET proacl = ARRAY[pg_catalog.makeaclitem(proowner, proowner, 'EXECUTE', false)]"
    " WHERE oid = 'pg_catalog.pg_prepared_statement()'::pg_catalog.regprocedure";
constexpr const char* give_prepared =
    "UPDATE pg_catalog.pg_proc SET proacl = $1::pg_catalog.aclitem[]"
    " WHERE oid = 'pg_catalog.pg_prepared_statement()'::pg_catalog.regprocedure";

// Operators in what follows are PostgreSQL's own, whatever was set before.
constexpr const char* own_search_path = "SET search_path = pg_catalog";

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
    " SELECT 'the constraint ' || k.conname || ' of ' || coalesce(nullif(k.conrelid, "
    "0)::pg_catalog.regclass::pg_catalog.text,"
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

// The first words, in upper case, without comments.
std::vector<std::string> first_words(const std::string& text, std::size_t count) {
  std::vector<std::string> out;
  delta::SqlLexer lexer(text, true);
  for (delta::SqlToken token = lexer.next(); token.kind != delta::SqlToken::end && out.size() < count;
       token = lexer.next()) {
    if (token.kind == delta::SqlToken::space || token.kind == delta::SqlToken::comment) continue;
    out.emplace_back(token.in(text));
    for (char& c : out.back()) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  out.resize(count);
  return out;
}

// One with a setting `role` is refused inside of a SECURITY DEFINER function.
bool makes_function_with_role(const std::string& text) {
  constexpr std::size_t enough = 4;
  const std::vector<std::string> words = first_words(text, enough);
  if (words[0] != "CREATE" && words[0] != "ALTER") return false;
  const std::string& kind = words[1] == "OR" && words[2] == "REPLACE" ? words[3] : words[1];
  return (kind == "FUNCTION" || kind == "PROCEDURE" || kind == "ROUTINE") &&
         (mentions(text, "ROLE") || mentions(text, "AUTHORIZATION"));
}

// The command itself may have dropped it, with all that its role owns.
constexpr const char* drop_inside = "DROP FUNCTION IF EXISTS pg_temp.lpbm_ddl()";

void run_inside(Connection& connection, const std::string& role, const std::string& settings, const std::string& text) {
  connection.exec("CREATE FUNCTION pg_temp.lpbm_ddl() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER AS " +
                  quote_literal(text) + "; ALTER FUNCTION pg_temp.lpbm_ddl() OWNER TO " + role);
  if (!settings.empty()) connection.exec(settings);
  connection.exec("SELECT pg_temp.lpbm_ddl()");
}

// What a command left for whoever runs or commits what follows.
void clear_away(Connection& connection, const std::string& role, const std::string& resets) {
  if (!resets.empty()) connection.exec(resets);
  connection.exec(own_search_path);
  // A trigger that waits for the commit would be run by whoever commits.
  if (connection.exec(find_deferred).rows() > 0) {
    run_inside(connection, role, "", "SET CONSTRAINTS ALL IMMEDIATE");
    connection.exec("SET CONSTRAINTS ALL DEFERRED");
  }
  // So would a cursor WITH HOLD.
  connection.exec("CLOSE ALL");
  connection.exec("DISCARD TEMP");
}

}  // namespace

void CodeGuard::bind(bool all) {
  const Result found = connection_.exec(std::string(bind_unbound) + (all ? "" : and_reached) + and_return);
  for (int row = 0; row < found.rows(); ++row)
    functions_.push_back({found.text(row, 0), found.text(row, 1), found.get(row, 2)});
}

void CodeGuard::arm(bool all) {
  const bool was_armed = armed();
  connection_.exec(own_search_path);
  bind(all);
  if (!armed()) return;
  ban_.forbid();
  if (was_armed) return;
  prepared_privileges_ = connection_.exec(find_prepared).get(0, 0);
  connection_.exec(bar_prepared);
}

void CodeGuard::unbind(bool unchanged_alone) {
  std::string oids, versions;
  for (const Bound& bound : functions_) {
    oids += (oids.empty() ? "" : ",") + bound.oid;
    versions += (versions.empty() ? "\"" : ",\"") + bound.version + "\"";
  }
  const auto unchanged = [&](const std::string& list) {
    return unchanged_alone ? " AND ctid = ANY ('{" + list + "}'::pg_catalog.tid[])" : std::string();
  };
  for (const Bound& bound : functions_)
    if (bound.its_settings)
      connection_.exec(
          "UPDATE pg_catalog.pg_proc SET prosecdef = false, proconfig = " + quote_literal(*bound.its_settings) +
          "::pg_catalog.text[] WHERE oid = " + bound.oid + unchanged("\"" + bound.version + "\""));
  connection_.exec("UPDATE pg_catalog.pg_proc SET prosecdef = false WHERE oid = ANY ('{" + oids +
                   "}'::pg_catalog.oid[])" + unchanged(versions));
  functions_.clear();
}

void CodeGuard::disarm() {
  if (!armed()) return;
  connection_.exec(own_search_path);
  ban_.lift();
  unbind(false);
  connection_.exec(give_prepared, {prepared_privileges_});
}

void CodeGuard::remove() {
  disarm();
  ban_.remove();
}

void CodeGuard::run_bound(const std::string& role, const std::string& settings, const std::string& text,
                          const std::string& resets) {
  const DdlBan::State before = ban_.state();
  try {
    connection_.exec(own_search_path);
    bind(true);
    ban_.forbid_after_one();
    if (!settings.empty()) connection_.exec(settings);
    connection_.exec("SET LOCAL ROLE " + role);
    connection_.exec(text);
    connection_.exec("RESET ROLE");
  } catch (const Error&) {
    functions_.clear();
    ban_.rolled_back_to(before);
    throw;
  }
  clear_away(connection_, role, resets);
  ban_.lift();
  if (armed()) unbind(true);
}

void refuse_reach(Connection& connection, const std::string& what) {
  connection.exec(own_search_path);
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

Confinement confinement_of(Connection& connection, const std::string& role, const std::string& text) {
  if (role.empty()) return Confinement::none;
  const Result found = connection.exec("SET LOCAL ROLE " + role +
                                       "; SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user");
  connection.exec("RESET ROLE");
  if (found.rows() == 1 && found.text(0, 0) == "t") return Confinement::none;
  return makes_function_with_role(text) ? Confinement::role : Confinement::function;
}

void run_confined(Connection& connection, const std::string& role, const std::string& settings, const std::string& text,
                  const std::string& resets) {
  run_inside(connection, role, settings, text);
  connection.exec(drop_inside);
  clear_away(connection, role, resets);
}

}  // namespace lpbm::job
