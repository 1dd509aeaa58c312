#include "job/dump_script.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "base/error.h"
#include "job/replay_ddl.h"

namespace lpbm::job {
namespace {

constexpr const char* step = "restoring the full backup with pg_restore";
// The commits are made durable by the last one of the restore.
constexpr const char* own_settings =
    "SET synchronous_commit = off; SET default_transaction_read_only = off; SET lc_monetary = 'C';"
    "SET lc_messages = 'C'; SET client_min_messages = error";
constexpr int first_with_setting = 170000;  // event_triggers

// As pg_restore writes them.
bool begins(const std::string& statement, std::initializer_list<std::string_view> heads) {
  return std::any_of(heads.begin(), heads.end(), [&](std::string_view head) { return statement.starts_with(head); });
}

bool makes_functions(const std::string& statement) {
  return begins(statement, {"CREATE FUNCTION ", "CREATE PROCEDURE ", "ALTER FUNCTION ", "ALTER PROCEDURE ",
                            "CREATE OR REPLACE FUNCTION ", "CREATE OR REPLACE PROCEDURE "});
}

bool sets(const std::string& statement) {
  return begins(statement, {"SET ", "SELECT pg_catalog.set_config("});
}

bool runs_no_code(const std::string& statement) {
  return sets(statement) ||
         begins(statement, {"COMMENT ON ", "GRANT ", "REVOKE ", "BEGIN", "COMMIT", "SELECT pg_catalog."});
}

class Results {
 public:
  explicit Results(PGconn* conn) : conn_(conn) {}
  void take(delta::SqlStatements& statements, const std::string& statement) {
    while (PGresult* raw = PQgetResult(conn_)) {
      const postgres::Result result(raw);
      const ExecStatusType status = PQresultStatus(raw);
      if (status == PGRES_COPY_IN) {
        send_rows(statements, statement);
      } else if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        fail(statement, raw);
      }
    }
    if (PQstatus(conn_) != CONNECTION_OK) fail(statement, nullptr);
  }
  [[noreturn]] void fail(const std::string& statement, const PGresult* result) const {
    throw postgres::server_error(std::string(step) + ": " + excerpt(statement), conn_, result);
  }

 private:
  void send_rows(delta::SqlStatements& statements, const std::string& statement) const {
    statements.copy_data([&](std::string_view rows) {
      if (PQputCopyData(conn_, rows.data(), static_cast<int>(rows.size())) != 1) fail(statement, nullptr);
    });
    if (PQputCopyEnd(conn_, nullptr) != 1) fail(statement, nullptr);
  }

  PGconn* conn_;
};

}  // namespace

DumpScript::DumpScript(postgres::Connection& session, postgres::Connection& guarding, CodeGuard& guard)
    : session_(session), guarding_(guarding), guard_(guard), settings_(session) {
  session_.exec(own_settings);
  if (session_.server_version() >= first_with_setting) session_.exec("SET event_triggers = on");
}

void DumpScript::run(Source& script) {
  delta::SqlStatements statements(script);
  settings_.begin_script();
  std::string statement;
  while (statements.next(statement, true)) {
    before(statement);
    execute(statements, statement);
    after(statement);
  }
  if (finished_) return;
  guard_.arm(true);
  unbound_ = false;
}

void DumpScript::before(const std::string& statement) {
  if (!finished_ && statement.starts_with("CREATE EVENT TRIGGER ")) {
    guard_.remove();
    finished_ = true;
    if (session_.server_version() >= first_with_setting) session_.exec("SET event_triggers = off");
  }
  if (finished_ || !unbound_ || makes_functions(statement) || runs_no_code(statement)) return;
  guard_.arm(true);
  unbound_ = false;
  if (guard_.armed()) settings_.keep();
}

// Several statements sent at once are one transaction.
void DumpScript::execute(delta::SqlStatements& statements, const std::string& statement) {
  std::string text = statement;
  if (guard_.armed() && !runs_no_code(statement)) text += "\n;SET CONSTRAINTS ALL IMMEDIATE;CLOSE ALL";
  Results results(session_.raw());
  if (PQsendQuery(session_.raw(), text.c_str()) != 1) results.fail(statement, nullptr);
  results.take(statements, statement);
}

void DumpScript::after(const std::string& statement) {
  if (finished_) return;
  unbound_ = unbound_ || makes_functions(statement);
  if (sets(statement)) {
    settings_.begin_script();
  } else if (guard_.armed() && !runs_no_code(statement)) {
    settings_.look(std::string(step) + ": " + excerpt(statement));
  }
  if (guard_.armed()) settings_.keep();
  // Literals of a domain run its constraints at once, those of a table wait for its rows. Whose it is comes last.
  if (begins(statement, {"ALTER DOMAIN ", "ALTER TYPE "}) && mentions(statement, " OWNER TO "))
    refuse_reach(guarding_, "restoring the full backup");
}

}  // namespace lpbm::job
