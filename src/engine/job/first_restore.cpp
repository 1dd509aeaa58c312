#include "job/first_restore.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/pipe.h"
#include "delta/sql_reach.h"
#include "job/database_properties.h"
#include "job/first_files.h"
#include "job/pg_restore.h"
#include "job/restore_full.h"
#include "job/restore_target.h"
#include "postgres/child.h"

namespace lpbm::job {
namespace {

using journal::FirstEntry;

// A source whose first bytes were looked at.
class Peeked final : public Source {
 public:
  Peeked(Source& below, std::size_t count) : below_(below), head_(count, '\0') {
    std::size_t have = 0;
    for (std::size_t got = 1; have < count && got > 0; have += got) got = below.read(head_.data() + have, count - have);
    head_.resize(have);
  }
  [[nodiscard]] const std::string& head() const { return head_; }
  std::size_t read(char* buffer, std::size_t size) override {
    if (at_ == head_.size()) return below_.read(buffer, size);
    const std::size_t got = head_.copy(buffer, size, at_);
    at_ += got;
    return got;
  }

 private:
  Source& below_;
  std::string head_;
  std::size_t at_ = 0;
};

Error explained(const FirstEntry& entry, const Error& error) {
  const bool role =
      error.cause().find("role \"") != std::string::npos && error.cause().find("does not exist") != std::string::npos;
  return {error.kind(), "restoring " + describe(entry) + ": " + error.step(), error.cause(),
          role ? "The first LPBM did not store roles: create it by CREATE ROLE, drop the database, and restore again."
               : error.hint()};
}

class FirstRestoration {
 public:
  explicit FirstRestoration(const FirstRestoreOptions& options)
      : options_(options),
        plan_(journal::first_plan(journal::parse_first_journal(options.journal), options.until, options.entry)),
        files_(options.store, options.passphrase) {}

  FirstRestoreResult run() {
    look();
    RestoreTarget target = make_target();
    postgres::Connection inside = target.connect();
    const nlohmann::json properties = collect_database_properties(inside);
    target.begin(properties, plan_.front().name + " of the first LPBM");
    for (const FirstEntry& entry : plan_) {
      report(entry);
      apply(target, entry);
    }
    result_.last = plan_.back();
    target.finish(properties);
    if (result_.failed > 0)
      result_.notes.push_back(std::to_string(result_.failed) + " failed: what is restored is not what was there");
    result_.notes.emplace_back(
        "a log of statements does not carry everything, and fails to say so: compare with what you know of the data");
    result_.notes.push_back("statistics were not restored: run ANALYZE in " + target.name());
    return std::move(result_);
  }

 private:
  void report(const FirstEntry& entry) {
    if (options_.progress) options_.progress("restoring", entry.number - plan_.front().number, plan_.size(), "entries");
  }

  // What can be refused is refused before anything is changed.
  void look() {
    files_.check_end(plan_.front());
    for (const FirstEntry& entry : plan_)
      if (!options_.keep_going && !files_.has(entry)) files_.check_end(entry);  // says what is missing
  }

  RestoreTarget make_target() {
    {
      RestoreTarget target(options_.target, 0);
      target.refuse();
      if (target.exists()) return target;
      target.server().exec("CREATE DATABASE " + postgres::quote_identifier(target.name()) + " TEMPLATE template0");
    }
    result_.notes.emplace_back(
        "the database was made with the server's encoding and locale: the first LPBM did not store what they were");
    return {options_.target, 0};
  }

  // The failure is listed, or thrown.
  void fail(const FirstEntry& entry, const SqlFailure& failure) {
    if (!options_.keep_going) {
      std::string step = "restoring " + describe(entry);
      if (failure.line > 0) step += ", line " + std::to_string(failure.line);
      if (!failure.statement.empty()) step += ": " + failure.statement;
      throw explained_failure(step, failure.cause);
    }
    ++result_.failed;
    if (result_.failures.size() < max_failures) result_.failures.push_back({entry, failure});
  }

  static Error explained_failure(const std::string& step, const std::string& cause) {
    return {ErrorKind::permanent, step, cause,
            "The database stays marked as unfinished. Where there is nothing better: drop it, and restore with "
            "--keep-going, which lists what fails; or up to the entry before, by --entry."};
  }

  void apply(RestoreTarget& target, const FirstEntry& entry) {
    const bool full = entry.kind == journal::Kind::full;
    try {
      if (files_.has_its_cid(entry) == false)
        result_.notes.push_back(describe(entry) +
                                ": its file could not be verified, for it has not the CID that IPFS would give it by "
                                "default: it was added in another way, or it is damaged or another file");
      ProducedSource source([&](Sink& sink) { files_.read(entry, sink); });
      full ? restore_full(target, entry, source) : run(target, entry, source, false);
      ++result_.applied;
    } catch (const Error& error) {
      const bool ours = error.step().starts_with("restoring entry ");
      if (ours) throw;
      if (full || !options_.keep_going || error.kind() == ErrorKind::retryable) throw explained(entry, error);
      fail(entry, {0, "", error.what()});
    }
  }

  // A delta holds what anybody sent, also what was refused then; here it would be run by a superuser. A full was
  // written by pg_dump.
  static std::optional<std::string> refusal(RestoreTarget& target, std::string_view sql, bool standard_strings) {
    const auto trusted = [&](const std::string& extension) {
      constexpr const char* query =
          "SELECT 1 FROM pg_catalog.pg_available_extension_versions WHERE name = $1 AND trusted";
      return target.server().exec(query, {extension}).rows() > 0;
    };
    const std::optional<std::string> reason = delta::reach_beyond_database(sql, standard_strings, trusted);
    if (!reason) return {};
    return "not run, for whoever could connect to the source may have sent it: " + *reason;
  }

  void run(RestoreTarget& target, const FirstEntry& entry, Source& source, bool dump) {
    postgres::Connection connection = target.connect();
    connection.exec(
        "SET client_encoding = 'UTF8'; SET synchronous_commit = off;"
        "SET default_transaction_read_only = off; SET lc_messages = 'C'; SET client_min_messages = error;"
        "SET search_path = \"$user\", public");  // what most sessions of the source had
    SqlOptions options;
    options.copy_rows = dump;
    if (!dump)
      options.refuse = [&](std::string_view sql, bool standard_strings) {
        return refusal(target, sql, standard_strings);
      };
    options.on_failure = [&](const SqlFailure& failure) {
      fail(entry, failure);
      return true;
    };
    const std::uint64_t done = run_sql(connection, source, options);
    if (!dump) result_.statements += done;
  }

  void restore_full(RestoreTarget& target, const FirstEntry& entry, Source& source) {
    constexpr std::size_t enough = 4096;
    Peeked content(source, enough);
    if (!content.head().starts_with("PGDMP")) {
      if (content.head().find('\0') != std::string::npos)
        throw Error(ErrorKind::permanent, "looking at its content",
                    "it is neither a dump in pg_dump's custom format nor SQL text",
                    "The passphrase may be wrong all the same: one in 256 looks right.");
      run(target, entry, content, true);
      return;
    }
    const std::string program = find_pg_restore(options_.bindir, target.server().server_version());
    if (options_.keep_going)
      restore_tolerantly(program, target, entry, content);
    else
      restore_dump(program, target.server(), target.name(), {}, content, result_.notes);
  }

  // pg_restore without --exit-on-error; what it says of errors becomes the list.
  void restore_tolerantly(const std::string& program, RestoreTarget& target, const FirstEntry& entry, Source& dump) {
    const postgres::ChildTarget child = postgres::child_target(
        target.server(), target.name(),
        "-c synchronous_commit=off -c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off");
    postgres::Command command;
    command.program = program;
    command.environment = child.environment;
    command.environment.emplace_back("LC_ALL=C");
    command.what = "restoring the full backup with pg_restore";
    command.arguments = {"--no-password", "--dbname=" + child.conninfo};
    try {
      postgres::run_from(command, dump);
    } catch (const Error& error) {
      constexpr std::string_view ignored = "errors ignored on restore: ";
      if (error.cause().find(ignored) == std::string::npos) throw;
      const std::uint64_t before = result_.failed;
      std::istringstream lines(error.cause());
      constexpr std::string_view mark = "pg_restore: error: ";
      for (std::string line; std::getline(lines, line);)
        if (line.starts_with(mark)) fail(entry, {0, "", line.substr(mark.size())});
      // Only the end of what it said is kept.
      const std::size_t total = error.cause().find(ignored) + ignored.size();
      result_.failed =
          std::max<std::uint64_t>(result_.failed, before + std::strtoull(error.cause().c_str() + total, nullptr, 10));
    }
    std::string rest(std::size_t{1} << 16, '\0');
    while (dump.read(rest.data(), rest.size()) > 0) {
    }
  }

  const FirstRestoreOptions& options_;
  std::vector<FirstEntry> plan_;
  FirstFiles files_;
  FirstRestoreResult result_;
};

}  // namespace

FirstRestoreResult first_restore(const FirstRestoreOptions& options) {
  return FirstRestoration(options).run();
}

}  // namespace lpbm::job
