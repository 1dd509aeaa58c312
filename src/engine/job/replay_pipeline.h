// Statements sent ahead of their results: libpq's pipeline mode, bounded, never blocked on a full socket in both
// directions.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "postgres/connection.h"

namespace lpbm::job {

// Where in the stream a statement comes from; for errors.
struct Place {
  std::uint64_t entry = 0;
  Lsn lsn;
  std::uint64_t xid = 0;
};

// "entry 12, transaction 0/16B3748 (xid 731)"
std::string describe(const Place& place);

// The first error of the server, or the first statement that touched another number of rows than expected, is thrown
// from whatever call notices it; then the pipeline and its connection are unusable. Results arrive later than their
// statements: after drain() all were seen.
class Pipeline {
 public:
  using Values = std::vector<std::optional<std::string>>;
  using Text = std::shared_ptr<const std::string>;  // kept for the error message

  explicit Pipeline(postgres::Connection& connection);
  void at(const Place& place) { place_ = place; }
  [[nodiscard]] const Place& place() const { return place_; }
  void prepare(const std::string& name, const Text& sql);
  void execute(const std::string& name, const Text& sql, const Values& values, std::optional<std::uint64_t> rows);
  void statement(const std::string& sql);
  // The last statement must have touched, or must touch when its result comes, this many rows.
  void expect(std::uint64_t rows);
  // Asks the server to work off and answer what it has got.
  void sync();
  void drain();
  // Drains and leaves the pipeline mode, for COPY and simple queries on the connection; enter() comes back.
  void leave();
  void enter();

 private:
  struct Pending {
    enum class Kind { statement, sync } kind;
    Place place;
    Text sql;
    std::optional<std::uint64_t> rows;
  };
  void sent(int success, const Text& sql, std::optional<std::uint64_t> rows);
  void take_results();
  void take(const PGresult* result);
  void check_rows(const Pending& pending, std::uint64_t rows);
  // Sends and receives until nothing waits to be sent and at most `limit` results are missing.
  void pump(std::size_t limit);

  postgres::Connection& connection_;
  std::deque<Pending> pending_;
  Pending last_{};  // the last statement whose result was seen
  std::optional<std::uint64_t> last_rows_;
  Place place_;
  bool inside_ = false;
};

}  // namespace lpbm::job
