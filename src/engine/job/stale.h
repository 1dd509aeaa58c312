// What waits for a refresh, and whether it can have one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "csvlog/log_reader.h"
#include "csvlog/record.h"
#include "job/site.h"

namespace lpbm::job {

// What is to be refreshed, and what cannot be.
struct Wanted {
  std::vector<csvlog::Stale> stale;
  std::map<std::uint32_t, std::string> hopeless;  // oid (0: large objects) -> why, among them the bound on the size
};

// What the journal tells not to have been refreshed at the end of the stream. The anchor of a full ends it: there it
// becomes a hole.
std::vector<csvlog::Stale> open_in(const journal::JournalFile& file, const std::string& stream);

// The last hole of the stream that no full has made up for.
std::optional<journal::Hole> unfilled_in(const journal::JournalFile& file, const std::string& stream);

// What the records of the csvlog that `options` name tell to be stale, added to `stale`. Returns the tables that they
// change, by schema and name.
std::set<std::pair<std::string, std::string>> survey(const csvlog::LogOptions& options,
                                                     std::vector<csvlog::Stale>& stale);

// Adds the unlogged tables, as kind u: no record tells of them, so nobody waits for their refresh.
void add_unlogged(const Site& site, std::vector<csvlog::Stale>& stale);

// Leaves out what is too large in proportion to the database (lpbm.refresh_limit).
Wanted within_limit(const Site& site, const std::vector<csvlog::Stale>& stale);

// SQL: rows of `c` (pg_class) need not fulfil its constraints, so that they cannot be inserted anew. Of domains that
// are used inside of other types nobody knows: one such constraint counts for all tables.
inline constexpr const char* unproven =
    "EXISTS (SELECT FROM pg_constraint k WHERE NOT k.convalidated AND k.contype IN ('c', 'n') AND (k.conrelid = c.oid "
    "OR k.contypid <> 0))";
inline constexpr const char* not_validated = "a constraint on it is not validated";

}  // namespace lpbm::job
