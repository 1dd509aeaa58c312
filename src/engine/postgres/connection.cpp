#include "postgres/connection.h"

#include <cstdlib>
#include <string_view>

namespace lpbm::postgres {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string field(const PGresult* result, int code) {
  const char* value = PQresultErrorField(result, code);
  return value ? value : "";
}

bool heals(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("53") || sqlstate.starts_with("57P") ||
         sqlstate == "55P03" || sqlstate.starts_with("40");
}

Options parse(const std::string& conninfo) {
  char* message = nullptr;
  Options options(PQconninfoParse(conninfo.c_str(), &message), &PQconninfoFree);
  if (!options) {
    std::string cause = message ? trimmed(message) : "out of memory";
    PQfreemem(message);
    throw Error(ErrorKind::usage, "reading the connection string", cause);
  }
  return options;
}

void append_parameter(std::string& out, std::string_view keyword, std::string_view value) {
  if (!out.empty()) out += ' ';
  out.append(keyword).append("='");
  for (char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
}

std::string spell(const PQconninfoOption* option, const std::string& database, std::string* password,
                  const std::string& options_added = {}) {
  std::string out;
  std::string options;
  for (; option->keyword; ++option) {
    std::string_view keyword = option->keyword;
    if (!option->val || !*option->val || keyword == "dbname") continue;
    if (password && keyword == "password")
      *password = option->val;
    else if (keyword == "options")
      options = option->val;
    else
      append_parameter(out, keyword, option->val);
  }
  if (!options_added.empty()) options += (options.empty() ? "" : " ") + options_added;
  if (!options.empty()) append_parameter(out, "options", options);
  append_parameter(out, "dbname", database);
  return out;
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

std::optional<std::string> Result::get(int row, int column) const {
  if (PQgetisnull(result_.get(), row, column)) return std::nullopt;
  return text(row, column);
}

std::string Result::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

Error server_error(const std::string& what, const PGconn* conn, const PGresult* result) {
  const std::string sqlstate = field(result, PG_DIAG_SQLSTATE);
  std::string cause = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (cause.empty()) cause = trimmed(result ? PQresultErrorMessage(result) : PQerrorMessage(conn));
  if (cause.empty()) cause = trimmed(PQerrorMessage(conn));
  if (cause.empty()) cause = "no answer from the server";
  if (!sqlstate.empty()) cause += " (SQLSTATE " + sqlstate + ")";
  if (const std::string detail = field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) cause += "; detail: " + detail;
  if (const std::string context = field(result, PG_DIAG_CONTEXT); !context.empty()) cause += "; context: " + context;
  const bool lost = PQstatus(conn) != CONNECTION_OK;
  return {lost || heals(sqlstate) ? ErrorKind::retryable : ErrorKind::permanent, what, cause,
          field(result, PG_DIAG_MESSAGE_HINT)};
}

Connection::Connection(const std::string& conninfo) : conn_(nullptr, &PQfinish) {
  const Options options = parse(conninfo);  // a malformed string is the caller's mistake, not the server's
  // The string stands for `dbname`, expanded, so that it overrides what is given here.
  const char* const keywords[] = {"fallback_application_name", "dbname", nullptr};
  const char* const values[] = {"lpbm", conninfo.c_str(), nullptr};
  conn_.reset(PQconnectdbParams(keywords, values, 1));
  if (!conn_) throw Error(ErrorKind::retryable, "connecting to PostgreSQL", "out of memory");
  if (PQstatus(conn_.get()) != CONNECTION_OK)
    throw Error(ErrorKind::retryable, "connecting to PostgreSQL", trimmed(PQerrorMessage(conn_.get())));
  PQsetNoticeReceiver(conn_.get(), ignore_notice, nullptr);
}

namespace {

Result checked(PGconn* conn, PGresult* raw, const std::string& sql) {
  Result result(raw);
  const ExecStatusType status = PQresultStatus(raw);
  if (!raw || status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR) {
    constexpr std::size_t longest = 120;
    std::string shown = sql.size() > longest ? sql.substr(0, longest) + "..." : sql;
    throw server_error("running \"" + shown + "\"", conn, raw);
  }
  return result;
}

}  // namespace

Result Connection::exec(const std::string& sql) {
  PGresult* raw = PQexec(conn_.get(), sql.c_str());
  return checked(conn_.get(), raw, sql);
}

Result Connection::exec(const std::string& sql, const std::vector<std::optional<std::string>>& params) {
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const auto& param : params) values.push_back(param ? param->c_str() : nullptr);
  PGresult* raw = PQexecParams(conn_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                               nullptr, nullptr, 0);
  return checked(conn_.get(), raw, sql);
}

void lift_timeouts(Connection& connection) {
  connection.exec(
      "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout', "
      "'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')");
}

ChildTarget child_target(const Connection& connection, const std::string& database, const std::string& options_added) {
  const Options options(PQconninfo(connection.raw()), &PQconninfoFree);
  if (!options) throw Error(ErrorKind::retryable, "describing the connection", "out of memory");
  ChildTarget target;
  std::string password;
  target.conninfo = spell(options.get(), database, &password, options_added);
  if (!password.empty()) target.environment.push_back("PGPASSWORD=" + password);
  return target;
}

std::string database_of(const std::string& conninfo) {
  const Options options = parse(conninfo);
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option)
    if (std::string_view(option->keyword) == "dbname") return option->val ? option->val : "";
  return {};
}

std::string with_database(const std::string& conninfo, const std::string& database, const std::string& options_added) {
  const Options options = parse(conninfo);
  std::string all = options_added;
  if (const char* environment = std::getenv("PGOPTIONS"); environment && !all.empty()) {
    const PQconninfoOption* own = options.get();
    while (own->keyword && std::string_view(own->keyword) != "options") ++own;
    if (!own->keyword || !own->val) all = std::string(environment) + " " + all;  // it would count no longer
  }
  return spell(options.get(), database, nullptr, all);
}

std::string no_event_triggers(int server_version) {
  constexpr int first_with_setting = 170000;
  return server_version >= first_with_setting ? "-c event_triggers=off" : "";
}

std::string quote_identifier(const std::string& name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string quote_literal(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return (text.find('\\') == std::string::npos ? "'" : "E'") + out + "'";
}

}  // namespace lpbm::postgres
