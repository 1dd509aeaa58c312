#include "job/copy_out.h"

#include <memory>

#include "base/error.h"
#include "csvlog/escape.h"

namespace lpbm::job {

void copy_out(postgres::Connection& connection, const std::string& sql, const std::string& what,
              const std::function<void(std::string_view)>& line) {
  PGconn* conn = connection.raw();
  const postgres::Result begun(PQexec(conn, sql.c_str()));
  if (PQresultStatus(begun.raw()) != PGRES_COPY_OUT) throw ReadError(postgres::server_error(what, conn, begun.raw()));
  while (true) {
    char* data = nullptr;
    const int size = PQgetCopyData(conn, &data, 0);
    if (size < 0) break;
    const std::unique_ptr<char, decltype(&PQfreemem)> row(data, &PQfreemem);
    line(std::string_view(data, static_cast<std::size_t>(size) - 1));
  }
  while (PGresult* raw = PQgetResult(conn)) {
    const postgres::Result result(raw);
    if (PQresultStatus(raw) != PGRES_COMMAND_OK) throw ReadError(postgres::server_error(what, conn, raw));
  }
}

void unescape_field(std::string_view field, std::string& out) {
  if (!csvlog::unescape(field, out))
    throw Error(ErrorKind::permanent, "reading COPY's output", "an escape is malformed");
}

}  // namespace lpbm::job
