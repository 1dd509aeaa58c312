#include "job/replay.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "job/code_guard.h"
#include "job/hold.h"
#include "job/replay_copy.h"
#include "job/replay_ddl.h"
#include "job/replay_pipeline.h"
#include "job/replay_session.h"
#include "job/table_proofs.h"

namespace lpbm::job {
namespace {

using postgres::Connection;

}  // namespace

class Replay::Handler final : public delta::ScriptHandler {
 public:
  Handler(Connection& connection, ReplayOptions options);
  bool script(std::uint64_t entry, Source& source, Lsn after);
  const ReplayTotals& finish();
  void settle();
  [[nodiscard]] const ReplayTotals& totals() const { return totals_; }

  void manifest(const std::string&) override {}
  bool transaction(Lsn lsn, std::uint64_t xid, Micros time) override;
  void begin() override;
  void commit() override;
  void prepare(const std::string& name, const std::string& sql) override;
  void execute(const std::string& name, const std::vector<std::optional<std::string>>& values) override;
  void deallocate_all() override;
  void copy_begin(const std::string& sql) override;
  void copy_data(std::string_view slice) override;
  void copy_end() override;
  void expect_rows(std::uint64_t rows) override;
  void ddl(char kind, const std::string& extension, const std::string& settings, const std::string& text,
           const std::string& resets) override;
  void hole(const std::string& code, const std::string& detail) override;
  void statement(const std::string& sql) override;
  void stale(char kind, std::uint32_t relation, const std::string& name) override;
  void proof(const delta::Proof& proof) override;
  void refreshed(std::uint32_t relation) { totals_.stale.erase(relation); }

 private:
  void open();
  void count();
  void close();
  void run_pieces(const DdlCommand& command);
  void arm_behind(const std::string& ddl, const std::string& place);
  void keep_session();
  void sequence_after_stop(const std::string& sql);

  Connection& connection_;
  ReplayOptions options_;
  ReplayTotals totals_;
  Pipeline pipeline_;
  CopyBlock copy_;
  Hold hold_;
  ReplaySession session_;
  CodeGuard guard_;
  DdlReplay ddl_;
  const std::string prefix_;  // of the names of prepared statements: code that rows run must not guess them
  std::map<std::string, Pipeline::Text> prepared_;
  Lsn lsn_;
  Micros time_ = 0;
  std::uint64_t xid_ = 0;
  std::uint64_t batched_ = 0;  // source transactions in our open one
  bool open_ = false;          // our transaction is open
  bool alone_ = false;         // the open one must end with this source transaction
  bool sequences_ = false;     // stopped, and in the record of sequences that follows
  bool copied_ = false;        // the statement before was a COPY block
};

Replay::Handler::Handler(Connection& connection, ReplayOptions options)
    : connection_(connection),
      options_(std::move(options)),
      pipeline_(connection),
      copy_(connection, pipeline_, unguessable_name("lpbm_")),
      hold_(connection),
      session_(connection),
      guard_(connection),
      ddl_(connection, hold_, options_.lpbm_available, totals_,
           [this](const DdlCommand& command) { run_pieces(command); }),
      prefix_(unguessable_name("lpbm_")) {
  pipeline_.leave();
  session_.begin();
  hold_.off();
  if (!options_.trust_source) guard_.arm(false);
  pipeline_.enter();
}

bool Replay::Handler::script(std::uint64_t entry, Source& source, Lsn after) {
  if (totals_.stopped) return false;
  if (guard_.armed()) close();  // the settings of its session are looked at before they are asked for anew
  lsn_ = {};
  xid_ = 0;
  pipeline_.at({entry, {}, 0});
  session_.begin_script();
  deallocate_all();
  const delta::ScriptTotals read = delta::read_script(source, *this, after);
  totals_.rows += read.rows;
  return !totals_.stopped;
}

bool Replay::Handler::transaction(Lsn lsn, std::uint64_t xid, Micros time) {
  const bool late = options_.until && xid != 0 && time > *options_.until;
  if (!totals_.stopped && (late || (options_.stop_before && lsn >= *options_.stop_before))) {
    close();
    pipeline_.leave();
    totals_.stopped = true;
    totals_.stopped_at = lsn;
  }
  if (totals_.stopped) {
    if (sequences_) return false;
    sequences_ = xid == 0;
    return true;
  }
  lsn_ = lsn;
  xid_ = xid;
  time_ = time;
  pipeline_.at({pipeline_.place().entry, lsn, xid});
  return true;
}

void Replay::Handler::open() {
  if (open_) return;
  if (guard_.armed()) keep_session();
  pipeline_.statement("BEGIN");
  open_ = true;
}

void Replay::Handler::keep_session() {
  if (session_.is_kept()) return;
  pipeline_.leave();
  session_.keep();
  pipeline_.enter();
}

void Replay::Handler::close() {
  if (!open_) return;
  if (guard_.armed()) {
    pipeline_.leave();
    session_.look("replaying " + describe(pipeline_.place()));
    pipeline_.enter();
  }
  pipeline_.statement("COMMIT");
  pipeline_.sync();
  open_ = false;
  alone_ = false;
  batched_ = 0;
}

void Replay::Handler::begin() {
  if (!totals_.stopped) open();
}

// The transaction is applied as far as it was sent; one may hold both pieces inside and outside of a block.
void Replay::Handler::count() {
  if (totals_.last == lsn_) return;
  totals_.last = lsn_;
  if (xid_ == 0) return;
  totals_.last_commit = time_;
  ++totals_.transactions;
}

void Replay::Handler::commit() {
  if (totals_.stopped) return;
  count();
  if (++batched_ < options_.batch_transactions && !alone_) return;
  close();
  if (options_.progress) options_.progress(totals_.transactions);
}

void Replay::Handler::prepare(const std::string& name, const std::string& sql) {
  if (totals_.stopped) return;
  const auto text = std::make_shared<const std::string>(sql);
  prepared_[name] = text;
  pipeline_.prepare(prefix_ + name, text);
}

void Replay::Handler::execute(const std::string& name, const std::vector<std::optional<std::string>>& values) {
  if (totals_.stopped) return;
  const auto found = prepared_.find(name);
  if (found == prepared_.end())
    throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()),
                "statement " + name + " was not prepared");
  pipeline_.execute(prefix_ + name, found->second, values, 1);
  copied_ = false;
}

void Replay::Handler::deallocate_all() {
  if (totals_.stopped) return;
  pipeline_.statement("DEALLOCATE ALL");
  prepared_.clear();
  copy_.forget();
}

void Replay::Handler::copy_begin(const std::string& sql) {
  if (!totals_.stopped) copy_.begin(sql);
}

void Replay::Handler::copy_data(std::string_view slice) {
  if (!totals_.stopped) copy_.data(slice);
}

void Replay::Handler::copy_end() {
  if (totals_.stopped) return;
  copy_.end();
  copied_ = true;
}

void Replay::Handler::expect_rows(std::uint64_t rows) {
  if (totals_.stopped) return;
  if (!copied_) {
    pipeline_.expect(rows);
  } else if (copy_.rows() != rows) {
    throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()),
                "a COPY block holds " + std::to_string(copy_.rows()) + " rows instead of " + std::to_string(rows));
  }
}

void Replay::Handler::statement(const std::string& sql) {
  if (totals_.stopped) {
    sequence_after_stop(sql);
    return;
  }
  if (lsn_ == Lsn{} && sql.starts_with("DO ")) {
    // Before the first transaction of a script: it ends transactions of its own.
    close();
    pipeline_.leave();
    connection_.exec(sql);
    pipeline_.enter();
    return;
  }
  if (lsn_ == Lsn{} && sql.starts_with("SET ")) session_.script_sets(sql);
  pipeline_.statement(sql);
  copied_ = false;
  // Staging tables of one transaction must not meet those of the next.
  alone_ = alone_ || (open_ && !sql.starts_with("SET "));
}

void Replay::Handler::stale(char /*kind*/, std::uint32_t relation, const std::string& name) {
  if (!totals_.stopped) totals_.stale.insert_or_assign(relation, name);
}

// Tables that wait for a refresh have none. Nothing is stopped by a difference: the rest is worth having.
void Replay::Handler::proof(const delta::Proof& proof) {
  const std::uint64_t entry = pipeline_.place().entry;
  if (totals_.stopped || totals_.stale.contains(proof.relation)) return;
  if (!options_.proofs.contains({entry, proof.relation})) return;
  close();
  pipeline_.leave();
  const std::string difference = difference_from(connection_, proof);
  pipeline_.enter();
  if (difference.empty())
    ++totals_.proven;
  else
    totals_.different.push_back(proof.schema + "." + proof.name + " as of entry " + std::to_string(entry) + ": " +
                                difference);
}

void Replay::Handler::sequence_after_stop(const std::string& sql) {
  if (!sequences_ || sql.find("setval") == std::string::npos) return;
  try {
    connection_.exec(sql);
  } catch (const Error&) {
    // A sequence that was made after the stop.
    if (PQstatus(connection_.raw()) != CONNECTION_OK) throw;
  }
}

void Replay::Handler::hole(const std::string& code, const std::string& detail) {
  if (totals_.stopped) return;
  throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()),
              "this transaction was not recorded whole (" + code + ": " + detail + "), and the journal does not say so",
              "Restore with --until before it, or with a later full (--entry).");
}

void Replay::Handler::run_pieces(const DdlCommand& command) {
  std::string others = command.settings;
  const std::string role = take_role(others);
  const Confinement confinement = command.kind != 't' || options_.trust_source
                                      ? Confinement::none
                                      : confinement_of(connection_, role, command.text);
  if (confinement == Confinement::none) {
    if (!command.settings.empty()) connection_.exec(command.settings);
    connection_.exec(command.text);
    if (!command.resets.empty()) connection_.exec(command.resets);
    return;
  }
  if (confinement == Confinement::function)
    run_confined(connection_, role, others, command.text, command.resets);
  else
    guard_.run_bound(role, others, command.text, command.resets);
  session_.settle();
}

void Replay::Handler::ddl(char kind, const std::string& extension, const std::string& settings, const std::string& text,
                          const std::string& resets) {
  if (totals_.stopped) return;
  copied_ = false;
  if (concerns_database(text)) {
    totals_.passed_over.push_back(excerpt(text));
    return;
  }
  if (extension == "lpbm" && !options_.lpbm_available) {
    totals_.skipped_lpbm = true;
    return;
  }
  totals_.refreshed = totals_.refreshed || mentions(text, "MATERIALIZED");
  // What it fills is filled already, and refreshed at the end of the restore.
  if (normalized(text).starts_with("REFRESH MATERIALIZED VIEW CONCURRENTLY ")) return;
  const std::string in_block = kind == 'c' && !options_.trust_source ? without_concurrently(text) : "";
  const bool had_rows = open_ && guard_.armed();
  // What runs outside of a transaction block cannot run inside of ours.
  if (kind == 'c') close();
  if (kind == 't' || !in_block.empty()) open();
  pipeline_.leave();
  const std::string place = describe(pipeline_.place());
  if (had_rows) session_.look("replaying " + place);
  guard_.disarm();
  hold_.on(normalized(text).find(" EVENT TRIGGER ") != std::string::npos);
  connection_.exec("SET enable_seqscan = on");
  if (in_block.empty())
    ddl_.run({kind, extension, settings, text, resets}, place);
  else
    ddl_.run({'t', extension, settings, in_block, resets}, place);
  connection_.exec(keyed_plans);
  hold_.off();
  arm_behind(text, place);
  pipeline_.enter();
  if (!in_block.empty()) close();
  if (kind == 'c') count();
  // A new value of an enum, among others, can be used only after the commit.
  alone_ = open_;
}

void Replay::Handler::arm_behind(const std::string& ddl, const std::string& place) {
  if (options_.trust_source) return;
  guard_.arm(false);
  if (mentions(ddl, "CHECK") || mentions(ddl, "GENERATED"))
    refuse_reach(connection_, "replaying " + place + ": " + excerpt(ddl));
  if (guard_.armed()) session_.keep();
}

void Replay::Handler::settle() {
  if (totals_.stopped) return;
  close();
  pipeline_.drain();
}

const ReplayTotals& Replay::Handler::finish() {
  close();
  if (!totals_.stopped) pipeline_.leave();
  guard_.remove();
  hold_.on(true);
  connection_.exec("SET enable_seqscan = on; SET plan_cache_mode = auto; SET jit = on");
  if (options_.progress) options_.progress(totals_.transactions);
  return totals_;
}

Replay::Replay(Connection& connection, ReplayOptions options)
    : handler_(std::make_unique<Handler>(connection, std::move(options))) {}
Replay::~Replay() = default;
void Replay::settle() {
  handler_->settle();
}
bool Replay::script(std::uint64_t entry, Source& source, Lsn after) {
  return handler_->script(entry, source, after);
}
void Replay::refreshed(std::uint32_t relation) {
  handler_->refreshed(relation);
}
const ReplayTotals& Replay::totals() const {
  return handler_->totals();
}
const ReplayTotals& Replay::finish() {
  return handler_->finish();
}

}  // namespace lpbm::job
