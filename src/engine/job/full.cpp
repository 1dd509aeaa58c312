#include "job/full.h"

#include <algorithm>
#include <array>
#include <thread>

#include "base/encoding.h"
#include "base/error.h"
#include "csvlog/ignoring_handler.h"
#include "csvlog/log_reader.h"
#include "delta/script_writer.h"
#include "job/anchor_gate.h"
#include "job/bridge.h"
#include "job/catalog_watch.h"
#include "job/database_properties.h"
#include "job/delta.h"
#include "job/entry.h"
#include "job/keys.h"
#include "job/leftovers.h"
#include "job/logs.h"
#include "job/snapshot.h"
#include "job/stored_journal.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::chrono::seconds anchor_patience{15};
constexpr int snapshot_attempts = 8, attempts_without_ddl = 4;
constexpr int lock_attempts = 10;
constexpr milliseconds lock_timeout{3000};
// pg_dump takes the locks again that we hold. Somebody who asked for an exclusive one in between waits for us, and
// pg_dump for him: only a time-out ends that, and then all begins again.
constexpr const char* dump_lock_timeout = "--lock-wait-timeout=15000";
constexpr int dump_attempts = 5;
// What was dumped in hours is not to be thrown away for an outage of minutes; meanwhile deltas say in lpbm_status what
// is wrong.
constexpr std::chrono::minutes full_patience{10};

// Counts what passes and reports it; the first bytes are announced.
class ProgressSink final : public Sink {
 public:
  ProgressSink(Sink& below, Events& events, std::uint64_t estimate, std::function<void()> first)
      : below_(below), events_(events), estimate_(estimate), first_(std::move(first)) {}
  void write(Bytes data) override {
    if (done_ == 0 && !data.empty()) first_();
    below_.write(data);
    done_ += data.size();
    events_.progress("dump", done_, std::max(done_, estimate_), "bytes");
  }
  void finish() override { below_.finish(); }

 private:
  Sink& below_;
  Events& events_;
  std::uint64_t done_ = 0, estimate_;
  std::function<void()> first_;
};

// The first of the transactions that cannot be replayed, and whether there is any DDL.
class HoleWatch final : public csvlog::IgnoringHandler {
 public:
  [[nodiscard]] const std::string& hole() const { return hole_; }
  [[nodiscard]] bool commands() const { return commands_; }
  void ddl(const csvlog::Ddl&) override { commands_ = true; }
  void truncate(bool, bool restart, const std::vector<std::pair<std::string, std::string>>&) override {
    commands_ = commands_ || restart;
  }
  void hole(const std::string& code, const std::string& detail) override {
    if (hole_.empty()) hole_ = code + ": " + detail;
  }

 private:
  std::string hole_;
  bool commands_ = false;
};

// Something was changed beside us, at which the next attempt need not meet it again.
class Disturbed : public Error {
 public:
  using Error::Error;
};

class FullJob {
 public:
  FullJob(const Site& site, const json& request, std::string nonce, Events& events)
      : site_(site),
        events_(events),
        nonce_(std::move(nonce)),
        hold_(frame_position(request, "hold").value_or(csvlog::FramePosition{})),
        after_(Lsn::parse(text_member(request, "after"))),
        started_(now()),
        store_(site.open_store(full_patience, [this](const std::string&) { wait_for_store(); })),
        name_(entry_name(journal::Kind::full, site.settings().share)),
        objects_{*store_, store_prefix(site.settings().site) + name_ + '/',
                 site.recipients(site.journal().ends().header), site.settings().zstd_level,
                 aes_key(site, site.journal().ends().header)},
        entry_(new_entry(site.settings(), journal::Kind::full, name_, text_member(request, "stream"), started_)) {
    entry_.reason = optional_text_member(request, "reason").value_or("");
  }

  // The full is journalled: a store that is away now gets the journal with the next delta.
  bool publish() {
    try {
      publish_journal(site_, *store_);
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::retryable) throw;
      return false;
    }
  }
  [[nodiscard]] const std::string& nonce() const { return nonce_; }  // of the last anchor that was asked for
  void wait_for_store() { events_.progress("waiting for the store", 0, std::nullopt, "peers"); }

  std::string run() {
    settle_home(site_);
    remove_leftovers(site_, *store_, journal::Kind::full);
    const auto taken = take_snapshot();
    LockedSnapshot& snapshot = *taken;
    const CatalogWatch values(snapshot.connection(), Watched::values);
    PendingEntry pending(site_, name_);
    json members;
    const journal::Object roles = globals(snapshot, members);
    dump(snapshot);
    entry_.objects.push_back(roles);
    check(values, "reading tables");
    // Had the session been lost meanwhile, nothing would have kept the tables from being emptied.
    snapshot.connection().exec("COMMIT");
    bridge(snapshot.visibility());
    entry_.snapshot = snapshot.visibility().text();
    // A restore to a time between snapshot and anchor must not take this full: its bridge would go beyond.
    entry_.first_commit = snapshot.time();
    entry_.last_commit = std::max(snapshot.time(), entry_.last_commit);
    members["snapshot"] = entry_.snapshot;
    members["anchor"] = entry_.anchor.text();
    store_manifest(objects_, site_.settings().site, entry_, std::move(members));
    events_.progress("storing", 0, std::nullopt, "objects");
    std::string line = journal_entry(site_, *store_, entry_);
    pending.journalled();
    events_.entry(line);
    events_.progress("retention", 0, std::nullopt, "entries");
    // A host that finds the journal in the store must never find one whose objects are gone.
    if (publish()) {
      apply_retention(site_, *store_, entry_.stream);
      remove_ended_databases(site_, *store_);
      publish();
    }
    if (site_.settings().delete_processed_logs)
      remove_files(files_of_ended_streams(site_.settings(), site_.cluster_key(), entry_.stream));
    return line;
  }

 private:
  // The bridge must be such that it can be replayed. A table without a key that changes all the time would spoil each
  // attempt: then its writers wait for a moment. And it better holds no DDL: positions of sequences are no part of it,
  // so one that was made and used in it would come back at its start.
  std::unique_ptr<LockedSnapshot> take_snapshot() {
    events_.progress("snapshot", 0, std::nullopt, "attempts");
    std::string hole;
    for (int tries = 0; tries < snapshot_attempts; ++tries) {
      const bool hold_writers = tries % 2 == 1;
      try {
        auto snapshot = std::make_unique<LockedSnapshot>(
            site_, LockedSnapshot::Limits{hold_writers ? 1 : lock_attempts, lock_timeout, hold_writers}, nonce_,
            [this](int attempt) {
              events_.progress("snapshot", static_cast<std::uint64_t>(attempt), std::nullopt, "attempts");
            });
        nonce_ = snapshot->nonce();
        const HoleWatch found = await_anchor(snapshot->visibility(), anchor_patience);
        hole = found.hole();
        if (hole.empty() && (!found.commands() || tries >= attempts_without_ddl)) return snapshot;
      } catch (const Error& error) {
        if (!hold_writers || error.kind() != ErrorKind::retryable) throw;
      }
      nonce_ = next_nonce(nonce_);
    }
    throw Error(ErrorKind::retryable, "taking the snapshot",
                "each time a change was committed beside it that no record can tell: " + hole,
                "Give that table a primary key, or take the full backup when it changes less.");
  }

  // Throws where somebody changed what was read by name (job/catalog_watch.h).
  void check(const CatalogWatch& watch, const char* step) {
    postgres::Connection now = site_.connect();
    const std::string changed = watch.changed(now);
    if (!changed.empty())
      throw Disturbed(ErrorKind::retryable, step, changed + " meanwhile", "The full backup is taken again.");
  }

  // Of the roles that the snapshot knows, and what names them: they may be gone when the dump is done.
  journal::Object globals(LockedSnapshot& snapshot, json& members) {
    events_.progress("globals", 0, std::nullopt, "bytes");
    const CatalogWatch roles(snapshot.connection(), Watched::roles);
    journal::Object object = store_globals(site_, objects_);
    members["database"] = collect_database_properties(snapshot.connection());
    check(roles, "reading roles and tablespaces");
    return object;
  }

  void dump(LockedSnapshot& snapshot) {
    events_.progress("dump", 0, snapshot.database_size(), "bytes");
    const CatalogWatch definitions(snapshot.connection(), Watched::definitions);
    ObjectWriter out(*store_, objects_.options("dump", true));
    // pg_dump has all definitions when it begins to write.
    ProgressSink counted(out, events_, snapshot.database_size(), [&] { check(definitions, "reading definitions"); });
    postgres::Command command = site_.program("pg_dump",
                                              {"-Fc", "-Z0", "--encoding=" + site_.settings().encoding,
                                               "--snapshot=" + snapshot.exported(), dump_lock_timeout},
                                              "dumping the database", "-c lc_messages=C -c lc_monetary=C");
    // What it prints on an error is read below, so it must not be in the server's language. pg_dump itself takes care
    // of all settings that change how values look, but for that of money.
    command.environment.emplace_back("LC_ALL=C");
    postgres::run_into(command, counted);
    out.finish();
    entry_.objects.push_back(out.object());
  }

  // Reads what the csvlog holds by now; true once the anchor is among it.
  bool read_bridge(csvlog::RecordHandler& handler, const Visibility& visibility) {
    csvlog::LogOptions options;
    options.directory = site_.settings().log_directory;
    options.stream = entry_.stream;
    options.key = site_.cluster_key();
    options.from = hold_;
    options.check_links = false;
    BridgeFilter filter(visibility, nonce_, after_, handler);
    csvlog::read_log(options, filter, [&] { return filter.anchor_lsn().has_value(); });
    if (!filter.anchor_lsn()) return false;
    entry_.anchor = entry_.from = entry_.to = *filter.anchor_lsn();
    return true;
  }

  // The worker decodes in its own time. Each look reads from the start, so they get rarer as they get longer. Returns
  // what the bridge holds; nothing where the anchor has not come in time, which need not keep the dump from beginning:
  // the locks must not be held for a worker that is paused, or busy for long.
  HoleWatch await_anchor(const Visibility& visibility, std::optional<std::chrono::seconds> patience = std::nullopt) {
    using clock = std::chrono::steady_clock;
    for (const auto start = clock::now();;) {
      const auto begun = clock::now();
      HoleWatch watch;
      if (read_bridge(watch, visibility)) return watch;
      if (patience && clock::now() - start > *patience) return {};
      const auto waited = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - start);
      events_.progress("waiting for the anchor", static_cast<std::uint64_t>(waited.count()), std::nullopt, "seconds");
      std::this_thread::sleep_for(std::max<clock::duration>(milliseconds(50), 2 * (clock::now() - begun)));
    }
  }

  void bridge(const Visibility& visibility) {
    await_anchor(visibility);
    events_.progress("bridge", 0, std::nullopt, "records");
    ObjectWriter out(*store_, objects_.options("bridge"));
    delta::ScriptWriter script(script_header(site_.settings(), entry_.stream, name_, {}), out);
    if (!read_bridge(script, visibility))
      throw Error(ErrorKind::gap, "reading the bridge", "the anchor is no longer in the csvlog");
    script.finish();
    out.finish();
    if (!script.summary().holes.empty())
      throw Error(ErrorKind::retryable, "reading the bridge",
                  "it holds a transaction that cannot be replayed: " + script.summary().holes.front().code);
    add_summary(entry_, script.summary());
    entry_.objects.push_back(out.object());
  }

  const Site& site_;
  Events& events_;
  std::string nonce_;
  csvlog::FramePosition hold_;
  Lsn after_;
  Micros started_;
  std::unique_ptr<store::Store> store_;
  std::string name_;
  EntryObjects objects_;
  journal::Entry entry_;
};

bool is_lock_timeout(const Error& error) {
  return error.cause().find("lock timeout") != std::string::npos;
}

}  // namespace

ErrorKind dump_error_kind(const std::string& cause) {
  // PostgreSQL's messages of the classes that postgres/connection.h calls retryable; pg_dump prints no SQLSTATE.
  static constexpr std::array healing = {"lock timeout",
                                         "connection to server",
                                         "server closed the connection",
                                         "terminating connection",
                                         "could not connect",
                                         "the database system is",
                                         "out of shared memory",
                                         "out of memory",
                                         "No space left on device",
                                         "deadlock detected",
                                         "canceling statement",
                                         "too many clients",
                                         "too many connections",
                                         "could not receive data",
                                         "connection not open",
                                         "cache lookup failed",  // dropped while it was read
                                         "invalid snapshot",
                                         "remaining connection slots"};
  return std::any_of(healing.begin(), healing.end(),
                     [&](const char* text) { return cause.find(text) != std::string::npos; })
             ? ErrorKind::retryable
             : ErrorKind::permanent;
}

json run_full(const Site& site, const json& request, Events& events) {
  const FileLock lock(site.own_path("full.lock"));
  std::string nonce = text_member(request, "nonce");
  for (int attempt = 1;; ++attempt) {
    FullJob job(site, request, nonce, events);
    try {
      json lines = json::array();
      lines.push_back(job.run());
      return {{"entries", std::move(lines)}};
    } catch (const Disturbed&) {
      if (attempt == dump_attempts) throw;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::permanent || dump_error_kind(error.cause()) != ErrorKind::retryable) throw;
      if (!is_lock_timeout(error) || attempt == dump_attempts)
        throw Error(ErrorKind::retryable, error.step(), error.cause(), error.hint());
    }
    nonce = next_nonce(job.nonce());
  }
}

}  // namespace lpbm::job
