#include "job/full.h"

#include <algorithm>
#include <array>
#include <thread>

#include "base/encoding.h"
#include "base/error.h"
#include "csvlog/log_reader.h"
#include "delta/script_writer.h"
#include "job/bridge.h"
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

constexpr int lock_attempts = 10;
constexpr milliseconds lock_timeout{3000};
// pg_dump takes the locks again that we hold. Somebody who asked for an exclusive one in between waits for us, and
// pg_dump for him: only a time-out ends that, and then all begins again.
constexpr const char* dump_lock_timeout = "--lock-wait-timeout=15000";
constexpr int dump_attempts = 5;
// What was dumped in hours is not to be thrown away for an outage of minutes; meanwhile deltas say in lpbm_status what
// is wrong.
constexpr std::chrono::minutes full_patience{10};

// Counts what passes and reports it.
class ProgressSink final : public Sink {
 public:
  ProgressSink(Sink& below, Events& events, std::uint64_t estimate)
      : below_(below), events_(events), estimate_(estimate) {}
  void write(Bytes data) override {
    below_.write(data);
    done_ += data.size();
    events_.progress("dump", done_, std::max(done_, estimate_), "bytes");
  }
  void finish() override { below_.finish(); }

 private:
  Sink& below_;
  Events& events_;
  std::uint64_t done_ = 0, estimate_;
};

// Takes records and forgets them.
class NoRecords final : public csvlog::RecordHandler {
 public:
  void begin(const csvlog::RecordHead&) override {}
  void relation(const csvlog::Relation&) override {}
  void begin_row(csvlog::RowKind, std::uint32_t, bool, bool) override {}
  void begin_value(ValueKind) override {}
  void value(std::string_view) override {}
  void end_row() override {}
  void truncate(bool, bool, const std::vector<std::pair<std::string, std::string>>&) override {}
  void ddl(const csvlog::Ddl&) override {}
  void rewrite(std::uint32_t) override {}
  void column_value(std::uint32_t, const std::string&, const std::string*) override {}
  void sequence(const std::string&, const std::string&, const std::string&, bool) override {}
  void hole(const std::string&, const std::string&) override {}
  void stale(const csvlog::Stale&) override {}
  void anchor(const std::string&) override {}
  void end(std::uint64_t) override {}
  void abandon() override {}
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
        name_(entry_name(journal::Kind::full)),
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
  void wait_for_store() { events_.progress("waiting for the store", 0, std::nullopt, "peers"); }

  std::string run() {
    settle_home(site_);
    remove_leftovers(site_, *store_, journal::Kind::full);
    events_.progress("snapshot", 0, std::nullopt, "attempts");
    LockedSnapshot snapshot(site_, lock_attempts, lock_timeout, [this](int attempt) {
      events_.progress("snapshot", static_cast<std::uint64_t>(attempt), std::nullopt, "attempts");
    });
    ask_for_anchor();
    PendingEntry pending(site_, name_);
    dump(snapshot);
    events_.progress("globals", 0, std::nullopt, "bytes");
    entry_.objects.push_back(store_globals(site_, objects_));
    json members{{"database", collect_database_properties(snapshot.connection())}};
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
      apply_retention(site_, *store_);
      publish();
    }
    if (site_.settings().delete_processed_logs)
      remove_files(files_of_ended_streams(site_.settings(), site_.cluster_key(), entry_.stream));
    return line;
  }

 private:
  // A transaction of its own. Its commit is durable on return, and with it all that the snapshot saw; no standby is
  // waited for.
  void ask_for_anchor() {
    postgres::Connection connection = site_.connect();
    connection.exec("SET synchronous_commit = local");
    connection.exec("BEGIN");
    connection.exec("SELECT pg_logical_emit_message(true, 'lpbm', $1)", {anchor_message(site_.cluster_key(), nonce_)});
    connection.exec("COMMIT");
  }

  void dump(LockedSnapshot& snapshot) {
    events_.progress("dump", 0, snapshot.database_size(), "bytes");
    ObjectWriter out(*store_, objects_.options("dump", true));
    ProgressSink counted(out, events_, snapshot.database_size());
    postgres::Command command =
        site_.program("pg_dump", {"-Fc", "-Z0", "--snapshot=" + snapshot.exported(), dump_lock_timeout},
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

  // The worker decodes in its own time. Each look reads from the start, so they get rarer as they get longer.
  void await_anchor(const Visibility& visibility) {
    using clock = std::chrono::steady_clock;
    for (const auto start = clock::now();;) {
      const auto begun = clock::now();
      NoRecords nothing;
      if (read_bridge(nothing, visibility)) return;
      const auto waited = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - start);
      events_.progress("waiting for the anchor", static_cast<std::uint64_t>(waited.count()), std::nullopt, "seconds");
      std::this_thread::sleep_for(std::max<clock::duration>(milliseconds(200), 2 * (clock::now() - begun)));
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

std::string anchor_message(const std::string& cluster_key, const std::string& nonce) {
  const std::string mac = to_hex(codec::hmac_sha256(cluster_key, "lpbm anchor\n" + nonce));
  return "anchor " + nonce + ' ' + mac.substr(0, 32);
}

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
                                         "invalid snapshot",
                                         "remaining connection slots"};
  return std::any_of(healing.begin(), healing.end(),
                     [&](const char* text) { return cause.find(text) != std::string::npos; })
             ? ErrorKind::retryable
             : ErrorKind::permanent;
}

json run_full(const Site& site, const json& request, Events& events) {
  const FileLock lock(site.path("full.lock"));
  std::string nonce = text_member(request, "nonce");
  for (int attempt = 1;; ++attempt) {
    try {
      json lines = json::array();
      lines.push_back(FullJob(site, request, nonce, events).run());
      return {{"entries", std::move(lines)}};
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::permanent || dump_error_kind(error.cause()) != ErrorKind::retryable) throw;
      if (!is_lock_timeout(error) || attempt == dump_attempts)
        throw Error(ErrorKind::retryable, error.step(), error.cause(), error.hint());
    }
    nonce = to_hex(codec::random_bytes(16));  // the anchor of the failed attempt must not be taken for the next one's
  }
}

}  // namespace lpbm::job
