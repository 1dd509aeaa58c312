#include "job/restore.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/pipe.h"
#include "job/database_properties.h"
#include "job/globals_keeper.h"
#include "job/object.h"
#include "job/pg_restore.h"
#include "job/preflight.h"
#include "job/replay.h"
#include "job/restore_full.h"
#include "job/restore_target.h"
#include "postgres/child.h"

namespace lpbm::job {
namespace {

using journal::Entry;
using nlohmann::json;

const journal::Object* find_object(const Entry& entry, const std::string& name) {
  for (const journal::Object& object : entry.objects)
    if (object.name == name) return &object;
  return nullptr;
}

const journal::Object& required_object(const Entry& entry, const std::string& name) {
  if (const journal::Object* object = find_object(entry, name)) return *object;
  throw Error(ErrorKind::permanent, "restoring entry " + std::to_string(entry.number) + " (" + entry.name + ")",
              "the journal names no object " + name + " for it");
}

// Names the entry in whatever goes wrong with its objects.
[[noreturn]] void rethrow_for(const Entry& entry, const Error& error) {
  if (error.step().starts_with("replaying entry ")) throw Error(error);
  const std::string place = "restoring entry " + std::to_string(entry.number) + " (" + entry.name + ")";
  throw Error(error.kind(), place + ": " + error.step(), error.cause(), error.hint());
}

// Counts what passes, for progress.
class Counted final : public Source {
 public:
  Counted(Source& below, std::function<void(std::uint64_t)> report) : below_(below), report_(std::move(report)) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t got = below_.read(buffer, size);
    count_ += got;
    constexpr std::uint64_t often = 4u << 20;
    if (count_ >= next_ || got == 0) {
      report_(count_);
      next_ = count_ + often;
    }
    return got;
  }

 private:
  Source& below_;
  std::function<void(std::uint64_t)> report_;
  std::uint64_t count_ = 0, next_ = 0;
};

class Restoration {
 public:
  explicit Restoration(const RestoreOptions& options)
      : options_(options),
        keys_(options.keys),
        journal_(open_journal(options.journal, options.signer, keys_, result_.notes)),
        plan_(journal::make_plan(journal_, options.until, options.entry, options.database)),
        store_(store::open(options.store)),
        roles_(options.map_roles, options.no_owner),
        target_(options.target, plan_.full.server_version) {}

  // All that can be refused is refused here, before anything is changed, and at once.
  void look();
  // After that.
  RestoreResult run();

 private:
  struct Step {
    const Entry* entry;
    const journal::Object* object;
  };
  void report(const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
              const std::string& unit) {
    if (options_.progress) options_.progress(phase, done, total, unit);
  }
  std::string text_of(const Entry& entry, const std::string& name);
  void look_at_globals();
  json properties_of(const Entry& entry);
  void look_for_programs();
  void transfer_roles(postgres::Connection& connection);
  void restore_full();
  void replay(postgres::Connection& connection);
  void replay_entry(Replay& replay, const Entry& entry, const journal::Object& object, Lsn after, bool& more);
  void apply_refreshes(Replay& replay, const Entry& delta);
  void follow_globals(const Entry& delta, const std::vector<std::string>& stand_ins);
  void finish(postgres::Connection& connection);
  void refuse_different();

  const RestoreOptions& options_;
  RestoreResult result_;
  codec::AgeKeys keys_;
  journal::Journal journal_;
  journal::Plan plan_;
  std::unique_ptr<store::Store> store_;
  RoleMap roles_;
  RestoreTarget target_;
  nlohmann::json properties_;
  std::string pg_restore_;
  std::map<std::uint64_t, Globals> globals_;  // by entry
  std::optional<GlobalsKeeper> keeper_;
  std::optional<ReplayTotals> totals_;
};

std::string Restoration::text_of(const Entry& entry, const std::string& name) {
  try {
    return fetch_text(*store_, required_object(entry, name), keys_);
  } catch (const Error& error) {
    rethrow_for(entry, error);
  }
}

// Null: a delta whose manifest says nothing of them.
json Restoration::properties_of(const Entry& entry) {
  const json manifest = json::parse(text_of(entry, "manifest"), nullptr, false);
  const bool known = manifest.is_object() && manifest.value("version", 0) == 1;
  if (known && entry.kind == journal::Kind::delta && !manifest.contains("database")) return nullptr;
  if (!known || !manifest.contains("database"))
    throw Error(ErrorKind::permanent, "reading the manifest of entry " + std::to_string(entry.number),
                "it is not of a version that is known here");
  return manifest["database"];
}

void Restoration::look_for_programs() {
  try {
    pg_restore_ = find_pg_restore(options_.bindir, target_.server().server_version());
    check_pg_restore(pg_restore_, plan_.full.server_version, target_.server().server_version());
  } catch (const Error& error) {
    target_.obstacles().add(error);
  }
}

void Restoration::look_at_globals() {
  globals_[plan_.full.number] = parse_globals(text_of(plan_.full, "globals"));
  for (const Entry& delta : plan_.deltas)
    if (find_object(delta, "globals")) globals_[delta.number] = parse_globals(text_of(delta, "globals"));
  std::vector<Globals*> states;
  for (auto& [number, globals] : globals_) states.push_back(&globals);
  map_tablespaces(options_.map_tablespaces, states);
  roles_.look(target_.server(), states, target_.obstacles());
  if (options_.scratch || !target_.is_superuser()) return;
  for (const Globals* globals : states) check_tablespaces(target_.server(), *globals, target_.obstacles());
}

void Restoration::look() {
  report("looking", 0, std::nullopt, "entries");
  look_for_programs();
  std::vector<std::string> told;
  const auto tell = [&told](const std::string& text) {
    if (std::find(told.begin(), told.end(), text) == told.end()) told.push_back(text);
  };
  properties_ = properties_of(plan_.full);
  look_at_globals();
  check_database_needs(target_.server(), properties_, !target_.exists(), target_.obstacles(), tell);
  for (const Entry& delta : plan_.deltas)
    if (find_object(delta, "manifest"))
      if (const json properties = properties_of(delta); properties.is_object())
        check_database_needs(target_.server(), properties, false, target_.obstacles(), tell);
  target_.refuse();
  if (target_.exists())
    for (const std::string& difference : compare_database_properties(target_.server(), target_.name(), properties_))
      tell("the database is there already: its " + difference);
  if (!options_.scratch) tell_globals(target_.server(), globals_.at(plan_.full.number), roles_, tell);
  for (const std::string& text : told) options_.tell ? options_.tell(text) : result_.notes.push_back(text);
}

void Restoration::restore_full() {
  const journal::Object& dump = required_object(plan_.full, "dump");
  report("full", 0, dump.plain_size, "bytes");
  try {
    ProducedSource source([&](Sink& sink) { fetch_object(*store_, dump, keys_, sink, true); });
    Counted counted(source, [&](std::uint64_t done) { report("full", done, dump.plain_size, "bytes"); });
    postgres::Connection guard = target_.connect(), session = target_.connect();
    DumpOptions dump_options;
    dump_options.leave_out_lpbm = !lpbm_available(target_.server());
    if (!options_.trust_source) dump_options.guard = &guard, dump_options.session = &session;
    restore_dump(pg_restore_, target_.server(), target_.name(), dump_options, counted, result_.notes);
  } catch (const Error& error) {
    rethrow_for(plan_.full, error);
  }
  result_.applied = 1;
  result_.last = plan_.full.anchor;
}

void Restoration::replay_entry(Replay& replay, const Entry& entry, const journal::Object& object, Lsn after,
                               bool& more) {
  try {
    ProducedSource source([&](Sink& sink) { fetch_object(*store_, object, keys_, sink); });
    more = replay.script(entry.number, source, after);
  } catch (const Error& error) {
    rethrow_for(entry, error);
  }
}

// What the delta's script does not tell, as of its end.
void Restoration::apply_refreshes(Replay& replay, const Entry& delta) {
  bool more = true;
  for (const journal::Refresh& refresh : delta.refreshes) {
    if (!refresh.object.empty()) replay_entry(replay, delta, required_object(delta, refresh.object), {}, more);
    replay.refreshed(refresh.relation);
  }
}

// Roles and the database's owner and privileges as they are at the end of this delta, before its DDL acts in their
// names.
void Restoration::follow_globals(const Entry& delta, const std::vector<std::string>& stand_ins) {
  keeper_->adopt(stand_ins);
  keeper_->apply(globals_.at(delta.number));
  if (!find_object(delta, "manifest")) return;
  json properties = properties_of(delta);
  if (!properties.is_object()) return;
  properties_ = std::move(properties);
  apply_database_access(target_.server(), target_.name(), properties_);
}

void Restoration::replay(postgres::Connection& connection) {
  std::uint64_t total = 0;
  for (const Entry& delta : plan_.deltas) total += delta.transactions;
  ReplayOptions options;
  options.until = options_.until;
  if (plan_.stops_at) options.stop_before = plan_.stops_at->lsn;
  options.proofs = journal::proofs_to_check(plan_, options_.until.has_value());
  options.trust_source = options_.trust_source;
  options.lpbm_available = lpbm_available(target_.server());
  options.progress = [&](std::uint64_t done) { report("replay", done, total, "transactions"); };
  Replay replay(connection, options);
  bool more = true;
  Lsn after;
  if (const journal::Object* bridge = find_object(plan_.full, "bridge"))
    replay_entry(replay, plan_.full, *bridge, after, more);
  after = plan_.full.anchor;
  for (const Entry& delta : plan_.deltas) {
    if (!more) break;
    if (find_object(delta, "globals")) {
      replay.settle();
      follow_globals(delta, replay.totals().stand_ins);
    }
    const Lsn before = replay.totals().last;
    replay_entry(replay, delta, required_object(delta, "script"), after, more);
    if (more && !(plan_.stops_at && plan_.stops_at->lsn <= delta.to)) apply_refreshes(replay, delta);
    if (delta.to > after) after = delta.to;
    if (more || replay.totals().last > before) ++result_.applied;
  }
  totals_ = replay.finish();
}

// Who was only needed until here goes.
void Restoration::transfer_roles(postgres::Connection& connection) {
  const std::set<std::string> made = keeper_->roles_made();
  roles_.meet({made.begin(), made.end()});
  if (!roles_.empty()) {
    report("roles", 0, std::nullopt, "roles");
    roles_.transfer(connection, keeper_->tablespaces_made(), result_.notes);
    properties_ = roles_.apply(properties_);
  }
  keeper_->finish(result_.notes);
}

void Restoration::finish(postgres::Connection& connection) {
  const ReplayTotals& totals = *totals_;
  if (!totals.stale.empty())
    throw Error(ErrorKind::permanent, "restoring into " + target_.name(),
                totals.stale.begin()->second +
                    " is not as it was: it changed in a way that only a refresh tells, and none "
                    "followed",
                "Restore to an earlier time (--until), or to a later one.");
  result_.transactions = totals.transactions;
  if (totals.last > result_.last) result_.last = totals.last;
  result_.last_commit = totals.last_commit;
  if (totals.transactions > 0 || totals.refreshed)
    refresh_views(connection, result_.notes,
                  [&](std::size_t done, std::size_t all) { report("views", done, all, "views"); });
  keeper_->adopt(totals.stand_ins);
  transfer_roles(connection);
  if (totals.proven > 0)
    result_.notes.push_back(std::to_string(totals.proven) + " tables were proven to hold what they held in the source");
  if (totals.skipped_lpbm)
    result_.notes.push_back("the extension lpbm is not installed on the target: commands on it were left out");
  for (const std::string& name : totals.emptied)
    result_.notes.push_back("the unlogged table " + name +
                            " was emptied: its rows were older than a command on it, and may have come back since");
  for (const std::string& text : totals.newer_extensions)
    result_.notes.push_back("the extension is at the version that this server brings, beyond this update: " + text);
  for (const std::string& text : totals.passed_over)
    result_.notes.push_back("not replayed, since it names a database of the source: " + text);
  if (plan_.stops_at)
    result_.notes.push_back("the restore ends before transaction " + plan_.stops_at->lsn.text() +
                            ", which was not recorded whole (" + plan_.stops_at->code + ": " + plan_.stops_at->detail +
                            ")");
  if (totals.stopped_at && !plan_.stops_at)
    result_.notes.push_back("the restore ends before transaction " + totals.stopped_at->text() +
                            ", the first that committed later than asked for");
  if (!plan_.note.empty()) result_.notes.push_back(plan_.note);
  target_.finish(properties_);
  if (!options_.scratch) result_.notes.push_back("statistics were not restored: run ANALYZE in " + target_.name());
}

// The database is there all the same: on the worst day it is worth more than none.
void Restoration::refuse_different() {
  std::string list;
  for (const std::string& one : totals_->different) list += (list.empty() ? "" : "; ") + one;
  if (list.empty()) return;
  if (options_.tell)
    for (const std::string& note : result_.notes) options_.tell(note);
  throw Error(
      ErrorKind::permanent, "checking the restored database",
      "it is complete as far as the journal goes, but these tables do not hold what they held in the source: " + list,
      "All others that have a proof hold what it says. An earlier time (--until) or an earlier full (--entry) "
      "may give these as they were.");
}

RestoreResult Restoration::run() {
  keeper_.emplace(target_.server(), options_.scratch, &roles_);
  report("globals", 0, std::nullopt, "roles");
  keeper_->apply(globals_.at(plan_.full.number));
  target_.begin(properties_, plan_.full.name + " of " + journal_.header().site);
  restore_full();
  postgres::Connection connection = target_.connect();
  replay(connection);
  finish(connection);
  refuse_different();
  return std::move(result_);
}

}  // namespace

journal::Journal open_journal(const std::string& text, const std::string& signer, codec::AgeKeys& keys,
                              std::vector<std::string>& notes) {
  journal::Journal journal = journal::Journal::parse(text);
  const journal::Header& header = journal.header();
  if (journal.torn()) notes.emplace_back("the last line of the journal is torn and was left out");
  std::string secret;
  if (!header.mac.empty())
    for (const std::string& identity : keys.identities)
      if (journal::header_mac(header, identity) == header.mac) secret = identity;
  // Opening it takes a second: not where whoever asked has done so already.
  if (secret.empty() && !header.identity.empty() && keys.passphrase) {
    const std::vector<std::string> found = codec::read_identities(codec::age_unwrap(header.identity, *keys.passphrase));
    if (found.empty()) throw Error(ErrorKind::permanent, "opening the journal's identity", "it holds no key");
    secret = found.front();
    keys.identities.push_back(secret);
  }
  const journal::Trust trust = journal.authenticate(signer, secret);
  if (trust.verified_by.empty())
    notes.emplace_back("nothing proves that this journal is the server's own: give its key with --signer");
  return journal;
}

RestoreResult restore(const RestoreOptions& options) {
  Restoration one(options);
  one.look();
  return one.run();
}

std::vector<NamedResult> restore_all(const RestoreOptions& options) {
  std::vector<RestoreOptions> each;
  std::vector<NamedResult> out;
  for (const std::string& database : restorable_databases(options.journal)) {
    if (database.empty())
      throw Error(ErrorKind::usage, "restoring all databases", "the journal does not say of which database it is",
                  "It is of one alone: restore it without --all.");
    each.push_back(options);
    each.back().database = database;
    each.back().target = postgres::with_database(options.target, database);
    out.push_back({database, {}});
  }
  std::vector<std::unique_ptr<Restoration>> restorations;
  for (const RestoreOptions& one : each) {
    restorations.push_back(std::make_unique<Restoration>(one));
    restorations.back()->look();
  }
  // One that fails keeps the others from nothing.
  std::string failures, hint;
  for (std::size_t i = 0; i < out.size(); ++i) {
    try {
      out[i].result = restorations[i]->run();
    } catch (const Error& error) {
      failures += (failures.empty() ? "" : "; ") + out[i].database + ": " + error.step() + ": " + error.cause();
      hint = error.hint();
    }
  }
  if (!failures.empty())
    throw Error(ErrorKind::permanent, "restoring all databases", failures + " (the others were restored)", hint);
  return out;
}

std::vector<std::string> restorable_databases(const std::string& journal) {
  std::vector<std::string> out;
  const journal::Journal parsed = journal::Journal::parse(journal);
  for (const journal::Entry& entry : parsed.entries())
    if (entry.kind == journal::Kind::full && std::find(out.begin(), out.end(), entry.database) == out.end())
      out.push_back(entry.database);
  return out;
}

}  // namespace lpbm::job
