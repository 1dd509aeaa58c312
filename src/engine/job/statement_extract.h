// SQL out of csvlogs that PostgreSQL has written by itself (log_statement), without lpbm's records: the part of `lpbm
// extract` for old logs and rescue. What such a log cannot say is counted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/stream.h"
#include "job/logged_session.h"

namespace lpbm::job {

struct StatementOptions {
  std::vector<std::filesystem::path> files;    // in any order
  std::string database;                        // empty: the one that has statements
  std::string encoding = "UTF8";               // of the database
  bool users = true;                           // transactions run as the users who ran them
  std::filesystem::path spool_directory = {};  // for what must wait; empty: the system's temporary files
  bool stop_at_records = false;                // write nothing where a record of lpbm is found
};

struct StatementReport {
  std::string database;
  bool holds_records = false;  // proven or not: it has stopped there
  std::vector<std::string> files;
  std::uint64_t lines = 0, copies = 0, sessions = 0;  // csvlog lines; those that had been read before; of the database
  StatementCounts counts;
  Remarks remarks;

  [[nodiscard]] bool complete() const;  // nothing is known to be missing in the output
  [[nodiscard]] std::vector<std::string> text() const;
  [[nodiscard]] std::string json() const;
};

// Writes the SQL to `out`, which is not finished, once all files have been read: nothing before an error. Memory: a few
// megabytes, the longest statement, and a little for each session; disk: up to the size of the log. Throws Error: usage
// where no database is named and the log holds statements of several; permanent where it holds none, or all is in
// another language; retryable (I/O).
StatementReport extract_statements(const StatementOptions& options, Sink& out);

}  // namespace lpbm::job
