#include "job/replay_pipeline.h"

#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace lpbm::job {
namespace {

constexpr std::size_t most_pending = 4096;

std::string shorten(const std::string& sql) {
  constexpr std::size_t longest = 200;
  return sql.size() > longest ? sql.substr(0, longest) + "..." : sql;
}

}  // namespace

std::string describe(const Place& place) {
  std::string out = "entry " + std::to_string(place.entry);
  if (place.lsn.value != 0) out += ", transaction " + place.lsn.text();
  if (place.xid != 0) out += " (xid " + std::to_string(place.xid) + ")";
  return out;
}

Pipeline::Pipeline(postgres::Connection& connection) : connection_(connection) {
  enter();
}

void Pipeline::enter() {
  if (inside_) return;
  PGconn* conn = connection_.raw();
  if (PQsetnonblocking(conn, 1) != 0 || PQenterPipelineMode(conn) != 1)
    throw postgres::server_error("entering pipeline mode", conn, nullptr);
  inside_ = true;
}

void Pipeline::leave() {
  if (!inside_) return;
  drain();
  PGconn* conn = connection_.raw();
  if (PQexitPipelineMode(conn) != 1 || PQsetnonblocking(conn, 0) != 0)
    throw postgres::server_error("leaving pipeline mode", conn, nullptr);
  inside_ = false;
}

void Pipeline::sent(int success, const Text& sql, std::optional<std::uint64_t> rows) {
  if (success != 1)
    throw postgres::server_error("replaying " + describe(place_) + ": sending " + shorten(*sql), connection_.raw(),
                                 nullptr);
  pending_.push_back({Pending::Kind::statement, place_, sql, rows});
  constexpr std::size_t breath = 64;  // looking at the socket at each statement would cost more than the statement
  if (pending_.size() >= most_pending) {
    if (PQsendFlushRequest(connection_.raw()) != 1)
      throw postgres::server_error("replaying " + describe(place_), connection_.raw(), nullptr);
    pump(most_pending / 2);
  } else if (pending_.size() % breath == 0) {
    pump(most_pending);
  }
}

void Pipeline::prepare(const std::string& name, const Text& sql) {
  sent(PQsendPrepare(connection_.raw(), name.c_str(), sql->c_str(), 0, nullptr), sql, std::nullopt);
}

void Pipeline::execute(const std::string& name, const Text& sql, const Values& values,
                       std::optional<std::uint64_t> rows) {
  constexpr std::size_t usual = 64;
  const char* few[usual];
  std::vector<const char*> many;
  const char** pointers = few;
  if (values.size() > usual) {
    many.resize(values.size());
    pointers = many.data();
  }
  for (std::size_t i = 0; i < values.size(); ++i) pointers[i] = values[i] ? values[i]->c_str() : nullptr;
  sent(PQsendQueryPrepared(connection_.raw(), name.c_str(), static_cast<int>(values.size()), pointers, nullptr, nullptr,
                           0),
       sql, rows);
}

void Pipeline::statement(const std::string& sql) {
  const auto text = std::make_shared<const std::string>(sql);
  sent(PQsendQueryParams(connection_.raw(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0), text, std::nullopt);
}

void Pipeline::check_rows(const Pending& pending, std::uint64_t rows) {
  if (!pending.rows || *pending.rows == rows) return;
  throw Error(ErrorKind::permanent, "replaying " + describe(pending.place) + ": " + shorten(*pending.sql),
              "it touched " + std::to_string(rows) + " rows instead of " + std::to_string(*pending.rows),
              "The restored rows are not those that the change was made on. Try an earlier --until or another full "
              "(--entry), and run lpbm verify.");
}

void Pipeline::expect(std::uint64_t rows) {
  for (auto at = pending_.rbegin(); at != pending_.rend(); ++at) {
    if (at->kind != Pending::Kind::statement) continue;
    at->rows = rows;
    return;
  }
  last_.rows = rows;
  check_rows(last_, last_rows_.value_or(0));
}

void Pipeline::take(const PGresult* result) {
  const Pending& front = pending_.front();
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_PIPELINE_SYNC) {
    if (front.kind != Pending::Kind::sync)
      throw Error(ErrorKind::permanent, "replaying " + describe(front.place), "results and statements are out of step");
    pending_.pop_front();
    return;
  }
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
    throw postgres::server_error("replaying " + describe(front.place) + (front.sql ? ": " + shorten(*front.sql) : ""),
                                 connection_.raw(), result);
  last_rows_ = std::strtoull(PQcmdTuples(const_cast<PGresult*>(result)), nullptr, 10);
  check_rows(front, *last_rows_);
}

void Pipeline::take_results() {
  PGconn* conn = connection_.raw();
  while (!pending_.empty() && !PQisBusy(conn)) {
    const postgres::Result result(PQgetResult(conn));
    if (result.raw()) {
      take(result.raw());
    } else {  // the end of the front statement's results
      if (PQstatus(conn) != CONNECTION_OK)
        throw postgres::server_error("replaying " + describe(pending_.front().place), conn, nullptr);
      if (pending_.front().kind == Pending::Kind::sync) return;  // its own result is still to come
      last_ = std::move(pending_.front());
      pending_.pop_front();
    }
  }
}

void Pipeline::pump(std::size_t limit) {
  PGconn* conn = connection_.raw();
  while (true) {
    const int unsent = PQflush(conn);
    if (unsent < 0) throw postgres::server_error("replaying " + describe(place_), conn, nullptr);
    take_results();
    if (unsent == 0 && pending_.size() <= limit) return;
    pollfd fd{PQsocket(conn), static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)), 0};
    if (::poll(&fd, 1, -1) < 0 && errno != EINTR)
      throw Error(ErrorKind::retryable, "waiting for the server", std::strerror(errno));
    if ((fd.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && PQconsumeInput(conn) != 1)
      throw postgres::server_error("replaying " + describe(place_), conn, nullptr);
  }
}

void Pipeline::sync() {
  if (PQpipelineSync(connection_.raw()) != 1)
    throw postgres::server_error("replaying " + describe(place_), connection_.raw(), nullptr);
  pending_.push_back({Pending::Kind::sync, place_, nullptr, std::nullopt});
}

void Pipeline::drain() {
  if (!inside_) return;
  sync();
  pump(0);
}

}  // namespace lpbm::job
