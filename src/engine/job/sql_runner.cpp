#include "job/sql_runner.h"

#include <cctype>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "delta/sql_statements.h"

namespace lpbm::job {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string beginning(const std::string& statement) {
  constexpr std::size_t enough = 200;
  std::string out;
  for (const char c : statement.substr(0, enough))
    out += std::isspace(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  if (statement.size() > enough) out += " ...";
  return out;
}

class Runner {
 public:
  Runner(postgres::Connection& connection, Source& source, const SqlOptions& options)
      : conn_(connection.raw()), statements_(source), options_(options) {}

  std::uint64_t run() {
    std::string statement;
    while (statements_.next(statement, standard_strings())) {
      std::optional<std::string> cause = refused(statement);
      if (!cause) cause = execute(statement);
      if (!cause)
        ++done_;
      else if (!options_.on_failure({statements_.line(), beginning(statement), *cause}))
        return done_;
    }
    if (PQtransactionStatus(conn_) != PQTRANS_IDLE) {
      execute("ROLLBACK");
      options_.on_failure({statements_.line(), "", "it ends inside a transaction, which was rolled back"});
    }
    return done_;
  }

 private:
  [[nodiscard]] bool standard_strings() const {
    const char* value = PQparameterStatus(conn_, "standard_conforming_strings");
    return !value || std::string_view(value) == "on";
  }

  [[nodiscard]] bool reads_utf8() const {
    const char* encoding = PQparameterStatus(conn_, "client_encoding");
    return encoding && std::string_view(encoding) == "UTF8";
  }

  std::optional<std::string> refused(const std::string& statement) {
    if (!options_.refuse) return {};
    if (!reads_utf8()) execute("SET client_encoding = 'UTF8'");
    if (!reads_utf8()) return "not run: the session reads another encoding than UTF8";
    return options_.refuse(statement, standard_strings());
  }

  [[noreturn]] void lost(const PGresult* result) const {
    throw postgres::server_error("running SQL, line " + std::to_string(statements_.line()), conn_, result);
  }

  // The reason why it failed, if it did. Rows that come back are of no interest and are not kept.
  std::optional<std::string> execute(const std::string& statement) {
    if (statement.find('\0') != std::string::npos) return "it holds a zero byte";
    if (PQsendQuery(conn_, statement.c_str()) != 1) lost(nullptr);
    PQsetSingleRowMode(conn_);
    std::optional<std::string> cause;
    bool refused_rows = false;
    for (;;) {
      const Result result(PQgetResult(conn_), &PQclear);
      if (!result) break;
      switch (PQresultStatus(result.get())) {
        case PGRES_COPY_IN:
          refused_rows = !options_.copy_rows;
          if (!refused_rows) send_rows();
          if (PQputCopyEnd(conn_, refused_rows ? "the rows are missing" : nullptr) != 1) lost(nullptr);
          break;
        case PGRES_COPY_OUT:
          drop_rows();
          break;
        case PGRES_FATAL_ERROR:
        case PGRES_BAD_RESPONSE:
          if (PQstatus(conn_) != CONNECTION_OK) lost(result.get());
          if (!cause) cause = postgres::server_error("running SQL", conn_, result.get()).cause();
          break;
        default:
          break;
      }
    }
    if (PQstatus(conn_) != CONNECTION_OK) lost(nullptr);
    if (refused_rows) return "the rows of a COPY are not in the backup";
    return cause;
  }

  void send_rows() {
    statements_.copy_data([this](std::string_view rows) {
      if (PQputCopyData(conn_, rows.data(), static_cast<int>(rows.size())) != 1) lost(nullptr);
    });
  }

  void drop_rows() {
    char* row = nullptr;
    while (PQgetCopyData(conn_, &row, 0) > 0) PQfreemem(row);
  }

  PGconn* conn_;
  delta::SqlStatements statements_;
  const SqlOptions& options_;
  std::uint64_t done_ = 0;
};

}  // namespace

std::uint64_t run_sql(postgres::Connection& connection, Source& source, const SqlOptions& options) {
  return Runner(connection, source, options).run();
}

}  // namespace lpbm::job
