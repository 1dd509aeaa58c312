#include "job/delta.h"

#include <fcntl.h>

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "job/copy_out.h"
#include "job/database_properties.h"
#include "job/entry.h"
#include "job/keys.h"
#include "job/leftovers.h"
#include "job/logs.h"
#include "job/refresh.h"
#include "job/segments.h"
#include "job/stored_journal.h"
#include "job/table_proofs.h"

namespace lpbm::job {
namespace {

using nlohmann::json;

std::vector<delta::Proof> texts_of(const std::vector<TableProof>& proofs) {
  std::vector<delta::Proof> out;
  out.reserve(proofs.size());
  for (const TableProof& one : proofs) out.push_back(one.proof);
  return out;
}

// One run of the job; what it opens lives as long as it.
class DeltaJob {
 public:
  DeltaJob(const Site& site, const json& request, Events& events)
      : site_(site),
        events_(events),
        stream_(text_member(request, "stream")),
        fence_(frame_position(request, "fence")),
        keep_(frame_position(request, "keep")),
        globals_(request.value("globals", false)),
        refresh_(request.value("refresh", false)),
        unlogged_(request.value("unlogged", false)),
        recheck_(request.value("recheck", false)),
        ledger_(site),
        prove_(request.value("prove", false) && ledger_.due()),
        invisible_(request.value("invisible", std::vector<std::uint64_t>{})),
        header_(site.journal().ends().header),
        from_(last_journalled(site.journal(), stream_, Lsn::parse(text_member(request, "start")))),
        segments_([this] { return open_segment(); }, [this] { return !refreshing().open.empty(); }) {
    if (!fence_) throw Error(ErrorKind::usage, "reading the request", "\"fence\" is missing");
  }

  json run() {
    open_ = open_in(site_.journal(), stream_);
    const auto ends = site_.journal().ends();
    // Made by a job whose answer may not have come through.
    bool holes = recheck_ || (ends.last && !ends.last->holes.empty());
    const Micros begun = now();
    if (refresh_ || prove_) prepare_cut();
    if (prove_) ledger_.pause_after(now() - begun);
    read();
    // From here on the slot may advance: whatever fails below is repeated from the csvlog.
    events_.fenced();
    if (segments_.failure()) std::rethrow_exception(segments_.failure());
    json lines = json::array();
    for (Segment& segment : segments_.done()) {
      holes = holes || !segment.script->summary().holes.empty();
      lines.push_back(complete(segment, &segment == &segments_.done().back()));
    }
    remove_leftovers(site_, store(), journal::Kind::delta);
    if (site_.settings().delete_processed_logs && !segments_.left_out())
      remove_processed_files(site_.settings(), site_.cluster_key(), files_, *fence_, keep_);
    publish_journal(site_, store());
    ledger_.keep(changed_, proofs_);
    json result{{"entries", std::move(lines)}, {"whole", !segments_.left_out()}};
    if (refresh_) add_refresh(result);
    add_full(result, holes);
    return result;
  }

 private:
  [[nodiscard]] csvlog::LogOptions log_options() const {
    csvlog::LogOptions options;
    options.directory = site_.settings().log_directory;
    options.stream = stream_;
    options.key = site_.cluster_key();
    options.after = from_;
    options.hints = load_hints();
    return options;
  }

  void read() {
    events_.progress("reading", 0, std::nullopt, "records");
    csvlog::LogOptions options = log_options();
    // The anchor of a refresh was written after the fence.
    options.fence = cut_ ? cut_->anchor() : *fence_;
    if (cut_) segments_.end_at(cut_->nonce(), texts_of(proofs_));
    std::vector<csvlog::LogHint> hints;
    options.new_hints = &hints;
    files_ = csvlog::read_log(options, segments_, [&] { return segments_.complete(); });
    save_hints(hints);
    segments_.finish(globals_);
  }

  // What is stale, what is to be proven, and a snapshot that fits the place where this delta is to end. Without one (a
  // lock that cannot be had) the delta goes on without refreshes and proofs, and says what is missing.
  void prepare_cut() {
    csvlog::LogOptions options = log_options();
    std::vector<csvlog::Stale> stale = open_;
    options.fence = fence_;
    const TableNames changed = survey(options, stale);
    events_.fenced();
    if (refresh_ && unlogged_) add_unlogged(site_, stale);
    if (refresh_) wanted_.stale = stale;
    options.fence.reset();
    try {
      if (!wanted_.stale.empty()) wanted_ = within_limit(site_, stale);
      RefreshCut::Reading reading{wanted_.stale, {}};
      if (prove_ && !changed.empty()) reading.prove = tables_to_prove(changed, stale);
      if (reading.refresh.empty() && reading.prove.empty()) return;
      cut_ = RefreshCut::make(site_, options, reading, invisible_,
                              [&](const std::string& phase) { events_.progress(phase, 0, std::nullopt, "tables"); });
      if (!reading.prove.empty()) take_proofs(reading.prove);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::retryable && !wanted_.stale.empty()) throw;
      not_refreshed_ = error.cause();
      proofs_.clear();
      cut_.reset();
    }
  }

  // No delta fails for its proofs.
  std::vector<ToProve> tables_to_prove(const TableNames& changed, const std::vector<csvlog::Stale>& except) {
    try {
      return ledger_.choose(changed, except);
    } catch (const std::exception&) {
      return {};
    }
  }

  // Where nothing else is read at the cut, proofs that fail leave the delta to end where it would have ended. The
  // tables are tried again when they have changed again: one that cannot be read does not keep others from being
  // proven.
  void take_proofs(const std::vector<ToProve>& tables) {
    events_.progress("proving", 0, std::nullopt, "tables");
    proofs_ = cut_->prove();
    if (proofs_.empty()) ledger_.forget(tables);
    if (!wanted_.stale.empty()) return;  // what else is read is checked when it was
    try {
      postgres::Connection now = site_.connect();
      if (!proofs_.empty()) return cut_->check(now);
    } catch (const Error&) {
      ledger_.forget(tables);
    }
    proofs_.clear();
    cut_.reset();
  }

  // What the worker is to know: `stale` things wait for the next refresh, because of `stale_cause`.
  void add_refresh(json& result) {
    result["stale"] = cut_ ? 0 : wanted_.stale.size();
    result["stale_cause"] = not_refreshed_;
    if (cut_ && site_.settings().replica_identity_full) give_identity(site_, cut_->tables());
  }

  // Why a full is needed, and the LSN that its anchor must have reached: of a hole that none has made up for; or
  // without one, the end of this delta: of what nobody will refresh.
  void add_full(json& result, bool holes) {
    const auto hole = holes ? unfilled_in(site_.journal(), stream_) : std::nullopt;
    if (hole) {
      result["full"] = hole->code + ": " + hole->detail;
      result["full_lsn"] = hole->lsn.text();
      return;
    }
    if (site_.settings().refresh_percent == 0 && !open_.empty()) {
      result["full"] = "no_replica_identity: refreshes were turned off while one was waited for";
      return;
    }
    for (const csvlog::Stale& one : open_) {
      const auto hopeless = wanted_.hopeless.find(one.relation);
      if (hopeless == wanted_.hopeless.end()) continue;
      result["full"] = one.kind == 'l'
                           ? "large_object: " + hopeless->second
                           : "no_replica_identity: " + one.schema + "." + one.name + ": " + hopeless->second;
      return;
    }
  }

  // Where the script of the next segment begins. After a hole nothing follows on it but a full.
  [[nodiscard]] delta::Refreshing refreshing() {
    const std::string own = cut_ ? cut_->nonce() : std::string();
    if (segments_.done().empty()) return {true, open_, wanted_.hopeless, own};
    const delta::ScriptWriter& before = *segments_.done().back().script;
    return {true, before.summary().holes.empty() ? before.open() : std::vector<csvlog::Stale>{}, wanted_.hopeless, own};
  }

  void store_refreshes(journal::Entry& entry, const EntryObjects& objects) {
    for (const RefreshCut::Table& table : cut_->tables()) {
      if (table.to_prove) continue;
      journal::Refresh refresh{table.what.kind, table.what.relation, table.what.schema, table.what.name, {}, 0, 0, {}};
      refresh.reason = table.what.kind == 'l'   ? "large_object"
                       : table.what.kind == 'u' ? "unlogged"
                                                : "no_replica_identity";
      if (!table.gone) {
        events_.progress("refreshing", entry.refreshes.size(), wanted_.stale.size(), "tables");
        refresh.object =
            table.what.kind == 'l' ? "refresh-large-objects" : "refresh-" + std::to_string(table.what.relation);
        ObjectWriter out(objects.store, objects.options(refresh.object));
        refresh.rows =
            cut_->copy(table, entry.to, script_header(site_.settings(), stream_, entry.name, entry.from), out);
        out.finish();
        refresh.bytes = out.object().size;
        entry.objects.push_back(out.object());
      }
      entry.refreshes.push_back(std::move(refresh));
    }
    postgres::Connection now = site_.connect();
    cut_->check(now);
    for (const journal::Refresh& refresh : entry.refreshes) {
      entry.reason += entry.reason.empty() ? "" : ", ";
      entry.reason += refresh.reason;
      if (refresh.kind != 'l') entry.reason += ": " + refresh.schema + "." + refresh.name;
    }
  }

  // Hints spare the reading of what was read before. They are checked when used, so they may be old, torn or lost, and
  // no failure to keep them is one of the job.
  [[nodiscard]] std::vector<csvlog::LogHint> load_hints() const {
    try {
      return csvlog::hints_of_json(read_file(site_.own_path("delta.hints")));
    } catch (const Error&) {
      return {};
    }
  }
  void save_hints(const std::vector<csvlog::LogHint>& hints) const {
    try {
      File::open(site_.own_path("delta.hints"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
          .write_all(hints_to_json(hints));
    } catch (const Error&) {
      std::error_code ignored;
      std::filesystem::remove(site_.own_path("delta.hints"), ignored);
    }
  }

  store::Store& store() {
    if (!store_) store_ = site_.open_store();
    return *store_;
  }

  EntryObjects objects_of(const std::string& entry) {
    if (!aes_) aes_ = aes_key(site_, header_);
    return {store(), store_prefix(site_.settings().site) + entry + '/', site_.recipients(header_),
            site_.settings().zstd_level, aes_};
  }

  Segment open_segment() {
    Segment segment;
    segment.started = now();
    const std::string name = entry_name(journal::Kind::delta, site_.settings().share);
    const EntryObjects objects = objects_of(name);
    const Lsn from = segments_.done().empty() ? from_ : segments_.done().back().script->summary().last;
    segment.pending = std::make_unique<PendingEntry>(site_, name);
    segment.object = std::make_unique<ObjectWriter>(objects.store, objects.options("script"));
    delta::ScriptHeader header = script_header(site_.settings(), stream_, name, from);
    header.refreshing = refreshing();
    segment.script = std::make_unique<delta::ScriptWriter>(std::move(header), *segment.object);
    return segment;
  }

  std::string complete(Segment& segment, bool last) {
    const delta::ScriptSummary& summary = segment.script->summary();
    journal::Entry entry =
        new_entry(site_.settings(), journal::Kind::delta, segment.pending->name(), stream_, segment.started);
    entry.from = from_;
    entry.to = std::max(from_, summary.last);
    add_summary(entry, summary);
    changed_.insert(summary.changed.begin(), summary.changed.end());
    if (last)
      for (const TableProof& one : proofs_) entry.proven.push_back({one.proof.relation, one.slice.number});
    // Without a record there was no place for what was stale before.
    if (summary.records == 0)
      for (const csvlog::Stale& one : segment.script->open())
        entry.stale.push_back({entry.to, one.kind, one.relation, one.schema, one.name});
    entry.objects.push_back(segment.object->object());
    entry.cid = entry.objects.front().cid;
    const bool refreshes = cut_ && !wanted_.stale.empty() && last;
    const bool globals = globals_ && last;
    if (refreshes || globals) {
      const EntryObjects objects = objects_of(entry.name);
      json members{{"from", entry.from.text()}, {"to", entry.to.text()}};
      if (refreshes) store_refreshes(entry, objects);
      if (globals) {
        entry.objects.push_back(store_globals(site_, objects));
        postgres::Connection connection = site_.connect();
        members["database"] = collect_database_properties(connection);
      }
      store_manifest(objects, site_.settings().site, entry, std::move(members));
    }
    events_.progress("storing", 0, std::nullopt, "objects");
    std::string line = journal_entry(site_, store(), entry);
    segment.pending->journalled();
    from_ = entry.to;
    events_.entry(line);
    return line;
  }

  const Site& site_;
  Events& events_;
  std::string stream_;
  std::optional<csvlog::FramePosition> fence_, keep_;
  bool globals_, refresh_, unlogged_, recheck_;
  ProofLedger ledger_;
  bool prove_;
  std::vector<std::uint64_t> invisible_;  // full xids
  journal::Header header_;
  Lsn from_;
  std::shared_ptr<const codec::AesCbcKey> aes_;  // null: age
  std::unique_ptr<store::Store> store_;          // outlives the segments, which write into it
  std::vector<csvlog::Stale> open_;              // where this delta begins
  Wanted wanted_;
  std::unique_ptr<RefreshCut> cut_;
  std::string not_refreshed_;  // why there is none
  std::vector<TableProof> proofs_;
  TableNames changed_;
  Segments segments_;
  std::vector<csvlog::LogFile> files_;
};

}  // namespace

Lsn last_journalled(const journal::JournalFile& file, const std::string& stream, Lsn start) {
  const auto ends = file.ends();
  if (ends.last && ends.last->stream == stream && ends.last->kind == journal::Kind::delta) return ends.last->to;
  Lsn last = start;
  std::optional<Lsn> oldest_anchor;
  const journal::Journal journal = file.load();  // must outlive the loop
  for (const journal::Entry& entry : journal.entries()) {
    if (entry.stream != stream) continue;
    if (entry.kind == journal::Kind::delta)
      last = std::max(last, entry.to);
    else if (!oldest_anchor)
      oldest_anchor = entry.anchor;
  }
  return oldest_anchor ? std::max(last, *oldest_anchor) : last;
}

std::optional<csvlog::FramePosition> frame_position(const json& request, const char* name) {
  const auto found = request.find(name);
  if (found == request.end() || found->is_null()) return std::nullopt;
  const auto part = [&](const char* member) {
    const auto value = found->is_object() ? found->find(member) : found->end();
    if (!found->is_object() || value == found->end() || !value->is_number_integer() || value->get<std::int64_t>() < 0)
      throw Error(ErrorKind::usage, "reading the request", std::string("\"") + name + "\" is not a position");
    return value->get<std::uint64_t>();
  };
  return csvlog::FramePosition{part("run"), part("seq")};
}

// A table that cannot be read keeps nobody from storing what the csvlog tells.
json run_delta(const Site& site, const json& request, Events& events) {
  const FileLock lock(site.own_path("delta.lock"));
  try {
    return DeltaJob(site, request, events).run();
  } catch (const ReadError& error) {
    json again = request;
    again["refresh"] = again["prove"] = false;
    json result = DeltaJob(site, again, events).run();
    const std::string cause = error.step() + ": " + error.cause();
    result["stale"] = 1;
    result["stale_cause"] = cause;
    if (error.kind() == ErrorKind::permanent && !result.contains("full"))
      result["full"] = "no_replica_identity: " + cause;
    return result;
  }
}

}  // namespace lpbm::job
