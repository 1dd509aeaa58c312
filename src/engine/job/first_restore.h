// A database out of a backup of the first LPBM: a full by pg_dump (custom format, or plain SQL in its older versions),
// and deltas of SQL statements as a statement log has them.
//
// A statement of a delta that reaches beyond the database (delta/sql_reach.h) is never run, and is a failure.
//
// The target is treated as by restore(): empty or missing, marked while it is unfinished. What the backup does not
// have, the result cannot: docs/first-lpbm.md says what that is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "job/sql_runner.h"
#include "journal/first_journal.h"
#include "store/store.h"

namespace lpbm::job {

struct FirstRestoreOptions {
  store::Options store;  // first_files.h
  std::string journal;   // its text
  std::string passphrase;
  std::string target;            // conninfo of a superuser; dbname: the database to restore into
  std::filesystem::path bindir;  // of pg_restore; empty: looked for
  std::optional<Micros> until;
  std::optional<std::uint64_t> entry;
  bool keep_going = false;  // past what fails, which is then listed
  std::function<void(const std::string&, std::uint64_t, std::optional<std::uint64_t>, const std::string&)> progress;
};

struct FirstFailure {
  journal::FirstEntry entry;
  SqlFailure what;  // line 0: of the whole entry
};

struct FirstRestoreResult {
  std::uint64_t applied = 0;     // entries, the full among them
  std::uint64_t statements = 0;  // of deltas, without those that failed
  journal::FirstEntry last;
  std::vector<FirstFailure> failures;  // at most max_failures of them
  std::uint64_t failed = 0;
  std::vector<std::string> notes;
};

constexpr std::size_t max_failures = 10000;

// Throws Error at the first failure, whose step names entry and line, and leaves the mark; with `keep_going` only for
// what leaves nothing to go on with: the journal, the passphrase, the full's file, the target, the connection.
FirstRestoreResult first_restore(const FirstRestoreOptions& options);

}  // namespace lpbm::job
