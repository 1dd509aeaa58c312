// libpq, with errors as Error: retryable for connection failures, server starting or out of resources (SQLSTATE classes
// 08, 53, 57P, 55P03, 40), else permanent; the cause holds the server's message, SQLSTATE, detail and context.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace lpbm::postgres {

class Result {
 public:
  explicit Result(PGresult* result) : result_(result, &PQclear) {}
  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] std::optional<std::string> get(int row, int column) const;
  [[nodiscard]] std::string text(int row, int column) const;  // NULL: empty
  [[nodiscard]] const PGresult* raw() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

class Connection {
 public:
  // `conninfo` in libpq's form. `fallback_application_name=lpbm` is added.
  explicit Connection(const std::string& conninfo);
  Result exec(const std::string& sql);
  Result exec(const std::string& sql, const std::vector<std::optional<std::string>>& params);
  [[nodiscard]] PGconn* raw() const { return conn_.get(); }
  [[nodiscard]] int server_version() const { return PQserverVersion(conn_.get()); }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> conn_;
};

// Turns all time-outs of a session off: they are meant for users, not for work that runs for hours.
void lift_timeouts(Connection& connection);

// How a child program reaches the same server as an open connection: every parameter in use spelled out, whatever the
// environment says, `database` in place of its own; the password only in the environment, never among the arguments.
struct ChildTarget {
  std::string conninfo;
  std::vector<std::string> environment;  // for Command::environment
};
// `options` ("-c name=value") are added to those of the connection.
ChildTarget child_target(const Connection& connection, const std::string& database, const std::string& options = {});

// The Error of a failed result (see above); `what` is the failed step. Does not take ownership of `result`.
Error server_error(const std::string& what, const PGconn* conn, const PGresult* result);

// The database that a conninfo names; empty: none.
std::string database_of(const std::string& conninfo);
// conninfo with `dbname` replaced (keyword form, quoted) and `options` ("-c name=value") added to those it has.
std::string with_database(const std::string& conninfo, const std::string& database, const std::string& options = {});
// Options of a superuser's session that fires nobody's event triggers: since 17 some fire on login, where it is too
// late to SET anything. Empty for earlier servers, which know neither them nor the setting.
std::string no_event_triggers(int server_version);
std::string quote_identifier(const std::string& name);
std::string quote_literal(const std::string& text);  // E'' form where needed

}  // namespace lpbm::postgres
