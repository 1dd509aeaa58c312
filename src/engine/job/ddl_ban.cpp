#include "job/ddl_ban.h"

#include "codec/crypto.h"

namespace lpbm::job {
namespace {

using postgres::quote_literal;

constexpr int first_with_setting = 170000;  // event_triggers, which is off in sessions of a restore

}  // namespace

std::string unguessable_name(const std::string& head) {
  constexpr std::size_t bytes = 12;
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr unsigned base = 16;
  std::string out = head;
  for (const char c : codec::random_bytes(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte / base];
    out += digits[byte % base];
  }
  return out;
}

// pg_restore takes the session authorization of whoever granted something, which code cannot. A sequence and not a
// table: what it counted stays counted where code catches the error.
void DdlBan::create() {
  if (connection_.exec("SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql'").rows() == 0) {
    connection_.exec("CREATE EXTENSION plpgsql");
    state_.own_language = true;
  }
  state_.name = unguessable_name("lpbm_guard_");
  connection_.exec("CREATE SCHEMA " + state_.name + "; CREATE SEQUENCE " + state_.name +
                   ".taken; GRANT USAGE ON SEQUENCE " + state_.name + ".taken TO PUBLIC");
  state_.taken = connection_.exec("SELECT '" + state_.name + ".taken'::pg_catalog.regclass::pg_catalog.oid").text(0, 0);
  const std::string body =
      "BEGIN IF current_user <> session_user AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname "
      "= current_user)"
      " AND pg_catalog.nextval(" +
      state_.taken +
      "::pg_catalog.oid::pg_catalog.regclass) > 1 THEN RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',"
      " MESSAGE = 'code that rows run may not run ' || tg_tag || ' at a restore'; END IF; END";
  connection_.exec("CREATE FUNCTION " + state_.name +
                   ".refuse() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS " +
                   quote_literal(body) + "; CREATE EVENT TRIGGER " + state_.name +
                   " ON ddl_command_start EXECUTE FUNCTION " + state_.name + ".refuse(); ALTER EVENT TRIGGER " +
                   state_.name + " DISABLE");
}

void DdlBan::forbid() {
  forbid_after_one();
  connection_.exec("SELECT pg_catalog.nextval(" + state_.taken + "::pg_catalog.oid::pg_catalog.regclass)");
}

void DdlBan::forbid_after_one() {
  if (state_.name.empty()) create();
  connection_.exec("SELECT pg_catalog.setval(" + state_.taken + "::pg_catalog.oid::pg_catalog.regclass, 1, false)");
  if (state_.on) return;
  connection_.exec("ALTER EVENT TRIGGER " + state_.name + " ENABLE ALWAYS");
  if (connection_.server_version() >= first_with_setting) connection_.exec("SET event_triggers = on");
  state_.on = true;
}

void DdlBan::lift() {
  if (!state_.on) return;
  if (connection_.server_version() >= first_with_setting) connection_.exec("SET event_triggers = off");
  connection_.exec("ALTER EVENT TRIGGER " + state_.name + " DISABLE");
  state_.on = false;
  if (state_.own_language) remove();
}

void DdlBan::remove() {
  if (state_.name.empty()) return;
  connection_.exec("DROP EVENT TRIGGER " + state_.name + "; DROP SCHEMA " + state_.name + " CASCADE");
  if (state_.own_language) connection_.exec("DROP EXTENSION plpgsql");
  if (connection_.server_version() >= first_with_setting && state_.on) connection_.exec("SET event_triggers = off");
  state_ = {};
}

}  // namespace lpbm::job
