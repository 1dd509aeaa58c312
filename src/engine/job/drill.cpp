#include "job/drill.h"

#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <system_error>

#include "base/error.h"
#include "job/into_database.h"
#include "job/restore.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using postgres::ScratchPlace;

constexpr const char* step = "the drill";
constexpr int low_priority = 10;
// Retention may remove what a drill of hours is about to read.
constexpr int attempts = 3;

ScratchPlace place_of(const Site& site) {
  ScratchPlace place;
  const std::filesystem::path& set = site.settings().drill_directory;
  place.parent = set.empty() ? std::filesystem::temp_directory_path() : set;
  place.prefix = "lpbm-drill-" + site.settings().system + '-';
  return place;
}

// Of this server's drills: only one runs at a time.
void remove_leftovers_of_drills(const ScratchPlace& place) {
  std::error_code ignored;
  for (const auto& found : std::filesystem::directory_iterator(place.parent, ignored))
    if (found.path().filename().string().starts_with(place.prefix)) std::filesystem::remove_all(found.path(), ignored);
}

std::string gigabytes(double bytes) {
  constexpr double unit = 1u << 30;
  return std::to_string(static_cast<long long>(std::ceil(bytes / unit * 10)) / 10) + '.' +
         std::to_string(static_cast<long long>(std::ceil(bytes / unit * 10)) % 10) + " GB";
}

// A full file system would stop others than the drill.
void check_room(const Site& site, const std::filesystem::path& parent, const std::vector<std::string>& databases) {
  struct statvfs status {};
  if (::statvfs(parent.c_str(), &status) != 0)
    throw Error(ErrorKind::permanent, step, parent.string() + ": " + std::generic_category().message(errno),
                "Set lpbm.drill_directory to a directory that the server's user can write to.");
  postgres::Connection connection = site.connect();
  double size = 0;
  for (const std::string& database : databases) {
    const auto row = connection.exec("SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1",
                                     {databases.size() > 1 ? database : site.settings().database});
    if (row.rows() > 0) size = std::max(size, std::stod(row.text(0, 0)));
  }
  constexpr double share = 1.5, wal = 3.0 * (1u << 30);  // sorts and WAL (scratch_server.cpp) come on top
  const double needed = size * share + wal;
  const double free = static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  if (free < needed)
    throw Error(ErrorKind::permanent, step,
                parent.string() + " has " + gigabytes(free) + " free, and it may need " + gigabytes(needed),
                "Set lpbm.drill_directory to a file system with more room.");
}

bool was_dropped(const Site& site, const journal::Journal& before, const std::string& database) {
  const journal::Plan plan = journal::make_plan(before, std::nullopt, std::nullopt, database);
  return site.journal().load().header().first > plan.full.number;
}

std::string journal_text(const Site& site) {
  return read_file(site.path("journal"), std::size_t{1} << 30);
}

RestoreResult attempt(const Site& site, const ScratchPlace& place, const std::string& database, Events& events) {
  for (int tries = 1;; ++tries) {
    const std::string text = journal_text(site);
    try {
      RestoreOptions options = restore_options(site, text, events);
      options.database = database;
      return check_restore(std::move(options), place);
    } catch (const Error&) {
      if (tries == attempts || !was_dropped(site, journal::Journal::parse(text), database)) throw;
    }
  }
}

// One database after another, each in a scratch server of its own.
RestoreResult restore_each(const Site& site, const ScratchPlace& place, const std::vector<std::string>& databases,
                           Events& events) {
  RestoreResult out;
  for (const std::string& database : databases) {
    const RestoreResult one = attempt(site, place, database, events);
    out.applied += one.applied;
    out.transactions += one.transactions;
    out.last_commit = std::max(out.last_commit, one.last_commit);
    for (const std::string& note : one.notes) out.notes.push_back(databases.size() > 1 ? database + ": " + note : note);
  }
  return out;
}

}  // namespace

json run_drill(const Site& site, Events& events) {
  const FileLock lock(site.path("drill.lock"));
  ::setpriority(PRIO_PROCESS, 0, low_priority);
  const Micros started = now();
  const ScratchPlace place = place_of(site);
  remove_leftovers_of_drills(place);
  std::vector<std::string> databases = restorable_databases(journal_text(site));
  if (databases.empty()) databases.emplace_back();  // for the error of a restore
  check_room(site, place.parent, databases);
  const RestoreResult result = restore_each(site, place, databases, events);
  constexpr Micros second = 1'000'000;
  std::string summary = std::to_string(result.applied) + (result.applied == 1 ? " entry, " : " entries, ") +
                        std::to_string(result.transactions) + " transactions after the full, in " +
                        std::to_string((now() - started + second - 1) / second) + " s";
  if (databases.size() > 1) summary = std::to_string(databases.size()) + " databases: " + summary;
  if (result.last_commit != 0) summary += "; last commit " + to_iso(result.last_commit);
  return {{"summary", summary}, {"finished", now()}, {"notes", result.notes}};
}

}  // namespace lpbm::job
