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
  std::vector<std::filesystem::path> files;  // in any order
  std::string database;
  std::string encoding = "UTF8";               // of the database
  bool users = true;                           // transactions run as the users who ran them
  std::filesystem::path spool_directory = {};  // for what must wait; empty: the system's temporary files
};

struct StatementReport {
  std::string database;
  std::vector<std::string> files;
  std::uint64_t lines = 0, copies = 0, sessions = 0;  // csvlog lines; those that had been read before; of the database
  StatementCounts counts;
  Remarks remarks;

  [[nodiscard]] bool complete() const;  // nothing is known to be missing in the output
  [[nodiscard]] std::vector<std::string> text() const;
  [[nodiscard]] std::string json() const;
};

// What kind of log it is.
struct LogSurvey {
  std::uint64_t lines = 0;
  std::map<std::string, std::uint64_t> databases;  // lines with statements in each
  std::uint64_t foreign = 0;                       // lines that look like statements in another language
};

// Whether records of lpbm are in any of the files, proven or not.
bool holds_records(const std::vector<std::filesystem::path>& files);
LogSurvey survey(const std::vector<std::filesystem::path>& files);
// The one database that has statements. Throws Error: usage where there are several, permanent where there is none.
std::string only_database(const std::vector<std::filesystem::path>& files);

// Writes the SQL to `out`, which is not finished. Memory: a few megabytes, the longest statement, and a little for each
// session; disk: up to the size of the log. Throws Error: permanent where the database is not in the log, or all is in
// another language; retryable (I/O).
StatementReport extract_statements(const StatementOptions& options, Sink& out);

}  // namespace lpbm::job
