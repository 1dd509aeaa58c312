#include "job/replay_ddl.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "delta/sql_lexer.h"
#include "job/restore_full.h"

namespace lpbm::job {
namespace {

using postgres::quote_identifier;

constexpr const char* unlogged_tables =
    "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY c.oid";

// What CREATE INDEX CONCURRENTLY leaves when it fails.
constexpr const char* invalid_indexes =
    "SELECT n.nspname, c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN "
    "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i' AND "
    "c.relpersistence = 'u'";

std::string qualified(const postgres::Result& rows, int row) {
  return quote_identifier(rows.text(row, 0)) + "." + quote_identifier(rows.text(row, 1));
}

// A command on what belongs to the extension lpbm, which failed because it is not there.
bool concerns_lpbm(const std::string& text, const std::string& cause) {
  return mentions(text, "LPBM_") && names_lpbm_object(cause, "") && cause.find("does not exist") != std::string::npos;
}

// pg_dump does not say which version an extension has: it comes in the one that the target brings, which may be newer
// than the one that the source updated to later.
bool is_newer_extension(const std::string& extension, const std::string& cause) {
  return !extension.empty() && cause.find("has no update path from version") != std::string::npos;
}

// The name in `role "x" does not exist`, in a server error; empty: it is another error. The session's messages are
// English.
std::string missing_role(const std::string& cause) {
  constexpr std::string_view head = "role \"", tail = "\" does not exist (SQLSTATE ";
  const std::size_t end = cause.find(tail);
  if (!cause.starts_with(head) || end == std::string::npos) return {};
  return cause.substr(head.size(), end - head.size());
}

}  // namespace

bool mentions(const std::string& text, std::string_view word) {
  const auto same = [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

std::string normalized(const std::string& text) {
  constexpr std::size_t longest = 4096;
  std::string out;
  for (char c : text.substr(0, longest)) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!blank || (!out.empty() && out.back() != ' '))
      out += blank ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

bool concerns_database(const std::string& text) {
  const std::string head = normalized(text);
  const bool privileges = head.starts_with("GRANT ") || head.starts_with("REVOKE ");
  return head.starts_with("ALTER DATABASE ") || head.starts_with("COMMENT ON DATABASE ") ||
         (privileges && head.find(" ON DATABASE ") != std::string::npos);
}

std::string take_role(std::string& settings) {
  const std::size_t newline = settings.rfind('\n');
  const std::size_t at = newline == std::string::npos ? 0 : newline + 1;
  for (const std::string_view head : {"SET LOCAL ROLE ", "SET ROLE "}) {
    if (!std::string_view(settings).substr(at).starts_with(head) || !settings.ends_with(';')) continue;
    std::string role = settings.substr(at + head.size(), settings.size() - at - head.size() - 1);
    settings.erase(newline == std::string::npos ? 0 : newline);
    return role;
  }
  return {};
}

std::string without_concurrently(const std::string& text) {
  delta::SqlLexer lexer(text, true);
  std::string before;
  for (delta::SqlToken token = lexer.next(); token.kind != delta::SqlToken::end; token = lexer.next()) {
    if (token.kind == delta::SqlToken::space || token.kind == delta::SqlToken::comment) continue;
    const std::string word = normalized(std::string(token.in(text)));
    if (word == "CONCURRENTLY" && (before == "CREATE INDEX " || before == "CREATE UNIQUE INDEX "))
      return std::string(text).erase(token.begin, token.size);
    if (word != "CREATE" && word != "UNIQUE" && word != "INDEX") return {};
    before += word + " ";
  }
  return {};
}

std::string excerpt(const std::string& text) {
  constexpr std::size_t longest = 200;
  const std::size_t end = text.find_last_not_of("; \n\t");
  return text.substr(0, std::min(longest, end == std::string::npos ? 0 : end + 1));
}

// Their rows are as of the last full or refresh: what the source did to them before this command, no record tells.
bool DdlReplay::empty_unlogged(const std::string& named_in) {
  const postgres::Result tables = connection_.exec(unlogged_tables);
  bool any = false;
  hold_.off();
  for (int row = 0; row < tables.rows(); ++row) {
    if (!named_in.empty() && !mentions(named_in, normalized(tables.text(row, 1)))) continue;
    const std::string name = qualified(tables, row);
    const postgres::Result deleted = connection_.exec("DELETE FROM ONLY " + name);
    if (std::string(PQcmdTuples(const_cast<PGresult*>(deleted.raw()))) == "0") continue;
    totals_.emptied.push_back(name);
    any = true;
  }
  hold_.on(false);
  return any;
}

void DdlReplay::drop_invalid_indexes() {
  const postgres::Result indexes = connection_.exec(invalid_indexes);
  for (int row = 0; row < indexes.rows(); ++row) connection_.exec("DROP INDEX " + qualified(indexes, row));
}

// Whether the command may be tried again, or (`done`) is to be passed over.
bool DdlReplay::cure(const DdlCommand& command, const Error& error, bool& done) {
  const std::string role = missing_role(error.cause());
  const bool lpbm = role.empty() && !lpbm_available_ && concerns_lpbm(command.text, error.cause());
  const bool newer = is_newer_extension(command.extension, error.cause());
  connection_.exec(command.kind == 't'      ? "ROLLBACK TO SAVEPOINT lpbm_ddl"
                   : command.resets.empty() ? "RESET ROLE"
                                            : command.resets);
  done = lpbm || newer;
  totals_.skipped_lpbm = totals_.skipped_lpbm || lpbm;
  if (newer) totals_.newer_extensions.push_back(excerpt(command.text) + ": " + error.cause());
  if (done) return true;
  if (!role.empty()) {
    connection_.exec("CREATE ROLE " + quote_identifier(role) + " NOLOGIN");
    totals_.stand_ins.push_back(role);
    return true;
  }
  if (!empty_unlogged(command.text) && !empty_unlogged({})) return false;
  if (command.kind == 'c') drop_invalid_indexes();
  return true;
}

void DdlReplay::run(const DdlCommand& command, const std::string& place) {
  constexpr int most_tries = 10;
  for (int tries = 0;; ++tries) {
    if (command.kind == 't') connection_.exec("SAVEPOINT lpbm_ddl");
    try {
      pieces_(command);
      if (command.kind == 't') connection_.exec("RELEASE SAVEPOINT lpbm_ddl");
      return;
    } catch (const Error& error) {
      const bool alive = PQstatus(connection_.raw()) == CONNECTION_OK;
      bool done = false;
      if (!alive || tries == most_tries || !cure(command, error, done))
        throw Error(error.kind(), "replaying " + place + ": " + excerpt(command.text), error.cause(), error.hint());
      if (done) return;
    }
  }
}

}  // namespace lpbm::job
