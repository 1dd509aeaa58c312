#include <chrono>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/first.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "job/restore.h"

namespace lpbm::cli {
namespace {

using nlohmann::ordered_json;

std::string plural(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

ordered_json to_json(const job::RestoreResult& result) {
  ordered_json out{{"applied", result.applied},
                   {"transactions", result.transactions},
                   {"last", result.last.text()},
                   {"until", nullptr}};
  if (result.last_commit != 0) out["until"] = to_iso(result.last_commit);
  return out;
}

std::string dump(const ordered_json& out) {
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string as_json(const job::RestoreResult& result, double seconds) {
  ordered_json out = to_json(result);
  out["seconds"] = seconds;
  out["notes"] = result.notes;
  return dump(out);
}

std::string as_json(const std::vector<job::NamedResult>& results, double seconds) {
  ordered_json out{{"databases", ordered_json::array()}, {"seconds", seconds}};
  for (const job::NamedResult& one : results) {
    ordered_json row{{"database", one.database}};
    row.update(to_json(one.result));
    row["notes"] = one.result.notes;
    out["databases"].push_back(std::move(row));
  }
  return dump(out);
}

std::string seconds_text(double seconds) {
  char text[32];
  ::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

std::string as_text(const job::RestoreResult& result, double seconds, bool check) {
  std::string out = check ? "checked: " : "restored: ";
  out += plural(result.applied, "entry", "entries") + ", " +
         plural(result.transactions, "transaction", "transactions") + " after the full\n";
  out += "reached: " + result.last.text();
  if (result.last_commit != 0) out += ", last commit " + to_iso(result.last_commit);
  out += "\ntook: " + seconds_text(seconds) + '\n';
  for (const std::string& line : result.notes) out += "note: " + line + '\n';
  return out;
}

std::string as_text(const std::vector<job::NamedResult>& results, double seconds, bool check) {
  std::string out;
  for (const job::NamedResult& one : results) {
    out += one.database + (check ? " checked: " : " restored: ") + plural(one.result.applied, "entry", "entries") +
           ", " + plural(one.result.transactions, "transaction", "transactions") + " after the full\n";
    out += one.database + " reached: " + one.result.last.text();
    if (one.result.last_commit != 0) out += ", last commit " + to_iso(one.result.last_commit);
    out += '\n';
    for (const std::string& line : one.result.notes) out += "note: " + one.database + ": " + line + '\n';
  }
  return out + "took: " + seconds_text(seconds) + '\n';
}

job::RestoreOptions to_job(const Options& options, ProgressLine& line) {
  job::RestoreOptions out;
  out.store = store_options(options);
  Secrets secrets(options);
  const journal::Journal journal = load_journal(options, &secrets);
  out.journal = journal.text();
  out.keys = secrets.keys(&journal.header());
  out.signer = options.signer;
  out.target = options.target;
  out.bindir = options.bindir;
  if (!options.until.empty()) out.until = parse_time(options.until);
  out.entry = options.entry;
  out.database = options.database;
  out.map_roles = options.map_roles;
  out.map_tablespaces = options.map_tablespaces;
  out.no_owner = options.no_owner;
  out.trust_source = options.trust_source;
  out.tell = [&line](const std::string& text) {
    line.clear();
    note(text);
  };
  out.progress = [&line](const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
                         const std::string& unit) { line.show(phase, done, total, unit); };
  return out;
}

template <typename Result>
int print(const Options& options, const Result& result, std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  Output out("", false);
  out.write(options.json ? as_json(result, took.count()) : as_text(result, took.count(), options.check));
  out.finish();
  return 0;
}

int restore_all(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<job::NamedResult> results;
  {
    ProgressLine line;
    const job::RestoreOptions job = to_job(options, line);
    results = options.check ? job::check_restore_all(job) : job::restore_all(job);
  }
  if (results.empty())
    throw Error(ErrorKind::permanent, "restoring all databases", "the journal holds no full backup",
                "Use a newer journal: one that was written after the first full backup.");
  return print(options, results, start);
}

void check_choice(const Options& options, bool first) {
  if (options.all && (options.entry || !options.database.empty()))
    throw Error(ErrorKind::usage, "restoring", "--all restores each database whole",
                "Leave --database and --entry out.");
  if (first && (options.all || !options.database.empty()))
    throw Error(ErrorKind::usage, "restoring", "a journal of the first LPBM is of one database",
                "Leave --database and --all out.");
}

int restore(const Options& options) {
  if (options.target.empty() && !options.check)
    throw Error(ErrorKind::usage, "restoring", "no target is given",
                "Name the database to restore into by --target \"dbname=...\", or try the backup by --check.");
  if (!options.target.empty() && options.check)
    throw Error(ErrorKind::usage, "restoring", "--check restores into a server of its own", "Leave --target out.");
  const bool maps = options.no_owner || !options.map_roles.empty() || !options.map_tablespaces.empty();
  if (options.check && maps)
    throw Error(ErrorKind::usage, "restoring", "--check restores into a server of its own, where nothing is mapped",
                "Leave --map-role, --map-tablespace and --no-owner out.");
  const auto first = first_journal(options);
  check_choice(options, first.has_value());
  if (first) {
    if (maps)
      throw Error(ErrorKind::usage, "restoring", "a backup of the first LPBM holds no roles to be mapped",
                  "Leave --map-role, --map-tablespace and --no-owner out.");
    return restore_first(options, *first);
  }
  if (options.keep_going)
    throw Error(ErrorKind::usage, "restoring", "--keep-going is for journals of the first LPBM alone",
                "This backup is exact: an error in it says that something is wrong, and where.");
  if (options.all) return restore_all(options);
  const auto start = std::chrono::steady_clock::now();
  job::RestoreResult result;
  {
    ProgressLine line;
    const job::RestoreOptions job = to_job(options, line);
    result = options.check ? job::check_restore(job) : job::restore(job);
  }
  return print(options, result, start);
}

}  // namespace

void add_restore_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* command = add_command(
      app, "restore", "Restore a database from store and journal",
      "The newest full that fits is restored, and the changes after it. The target must be empty or missing (then it "
      "is "
      "created); missing roles and tablespaces are created too. Any error stops it, and the database stays marked as "
      "unfinished.");
  add_store_options(*command, options);
  add_journal_options(*command, options, true);
  command
      ->add_option("--target", options.target,
                   "connection string of a superuser; its dbname is the database to restore into")
      ->type_name("CONNINFO");
  command
      ->add_option("--database", options.database, "which database of the journal; may be left out if it has one alone")
      ->type_name("NAME");
  command->add_flag("--all", options.all,
                    "restore each database of the journal into one of its name; the target's dbname does not count");
  command->add_option("--until", options.until, "leave out what was committed after this time (2026-11-21 14:30:00+00)")
      ->type_name("TIME");
  command->add_option("--entry", options.entry, "stop after this entry of the journal")->type_name("N");
  command
      ->add_option("--map-role", options.map_roles,
                   "the role NEW of the target takes the place of OLD, which is not created; can be repeated")
      ->type_name("OLD=NEW")
      ->expected(1)
      ->take_all();
  command
      ->add_option(
          "--map-tablespace", options.map_tablespaces,
          "make the tablespace OLD (its name, or its directory on the source) in this directory; can be repeated")
      ->type_name("OLD=DIR")
      ->expected(1)
      ->take_all();
  command->add_flag("--no-owner", options.no_owner,
                    "create no roles: the user of the target takes the place of each that --map-role does not name");
  command->add_flag("--trust-source", options.trust_source,
                    "run the functions of the backup's users with the rights of the target's user, as pg_restore does");
  command->add_flag("--check", options.check,
                    "try it: restore into a temporary server, which is removed afterwards (not as root)");
  command->add_flag("--keep-going", options.keep_going,
                    "with a journal of the first LPBM: go on past what fails, list it, and end with 1");
  command->add_option("--bindir", options.bindir, "directory of PostgreSQL's programs")->type_name("DIR");
  add_secret_options(*command, options);
  add_json_option(*command, options);
  command->callback([&] { chosen = [&] { return restore(options); }; });
}

}  // namespace lpbm::cli
