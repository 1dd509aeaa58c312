// SQL text of any origin, statement by statement, in a session of its own kind: what the first LPBM's fulls in plain
// SQL and its deltas need.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/stream.h"
#include "postgres/connection.h"

namespace lpbm::job {

// A statement that the server refused, or that cannot be run.
struct SqlFailure {
  std::uint64_t line = 0;
  std::string statement;  // its begin, on one line
  std::string cause;
};

struct SqlOptions {
  // Whether the rows of a COPY ... FROM stdin follow it, as in a dump. Otherwise such a statement fails, and what
  // follows it is taken for the statements that it is.
  bool copy_rows = false;
  // Where it is set: called before each statement, with what the server would get and its standard_conforming_strings;
  // what it returns is the reason why the statement is not run, which is a failure. The session's encoding is then held
  // at UTF8, so that text is read as it was judged.
  std::function<std::optional<std::string>(std::string_view statement, bool standard_strings)> refuse;
  // Called for each failure; where it returns false the run ends. A lost connection is always thrown.
  std::function<bool(const SqlFailure&)> on_failure;
};

// Runs all of `source`, each statement outside of a transaction block unless the text opens one. Returns the number of
// statements that were run without failure. A transaction that is open at the end is rolled back, which is a failure.
std::uint64_t run_sql(postgres::Connection& connection, Source& source, const SqlOptions& options);

}  // namespace lpbm::job
