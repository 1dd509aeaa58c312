#include "job/replay.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "job/code_guard.h"
#include "job/hold.h"
#include "job/replay_copy.h"
#include "job/replay_ddl.h"
#include "job/replay_pipeline.h"

namespace lpbm::job {
namespace {

using postgres::Connection;

// Changes go by their keys: a plan made while a table was small or never analyzed must not scan it when it has grown.
constexpr const char* keyed_plans = "SET enable_seqscan = off";

// What rows are read and compared by; the scripts themselves set most of it.
constexpr const char* own_settings =
    "SET session_replication_role = replica; SET synchronous_commit = off; SET lc_messages = 'C';"
    "SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed';"
    "SET row_security = off; SET client_min_messages = error; SET check_function_bodies = off;"
    "SET plan_cache_mode = force_generic_plan; SET jit = off;";

constexpr const char* show_settings =
    "SELECT pg_catalog.string_agg(name || '=' || pg_catalog.current_setting(name), '; ' ORDER BY name) FROM"
    " pg_catalog.unnest(ARRAY['session_replication_role', 'row_security', 'client_encoding', 'search_path', "
    "'DateStyle',"
    " 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'backslash_quote', 'array_nulls', 'xmlbinary',"
    " 'xmloption', 'lc_monetary', 'lc_numeric', 'transform_null_equals', 'bytea_output', 'quote_all_identifiers',"
    " 'default_text_search_config', 'timezone_abbreviations']) AS name";

// The role of a command's settings, which end in a line with it; it is cut off.
std::string take_role(std::string& settings) {
  constexpr std::string_view head = "SET LOCAL ROLE ";
  const std::size_t newline = settings.rfind('\n');
  const std::size_t at = newline == std::string::npos ? 0 : newline + 1;
  if (!std::string_view(settings).substr(at).starts_with(head) || !settings.ends_with(';')) return {};
  std::string role = settings.substr(at + head.size(), settings.size() - at - head.size() - 1);
  settings.erase(newline == std::string::npos ? 0 : newline);
  return role;
}

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
  void refreshed(std::uint32_t relation) { totals_.stale.erase(relation); }

 private:
  void open();
  void count();
  void close();
  void run_pieces(const DdlCommand& command);
  void settle_session();
  void check_session();
  void sequence_after_stop(const std::string& sql);

  Connection& connection_;
  ReplayOptions options_;
  ReplayTotals totals_;
  Pipeline pipeline_;
  CopyBlock copy_;
  Hold hold_;
  CodeGuard guard_;
  DdlReplay ddl_;
  std::string head_;      // the settings of the script
  std::string expected_;  // the session's settings, where code runs that could change them; empty: not asked yet
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
      copy_(connection, pipeline_),
      hold_(connection),
      guard_(connection),
      ddl_(connection, hold_, options_.lpbm_available, totals_,
           [this](const DdlCommand& command) { run_pieces(command); }) {
  pipeline_.leave();
  connection_.exec(own_settings);
  postgres::lift_timeouts(connection_);
  connection_.exec(keyed_plans);
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
  head_.clear();
  expected_.clear();
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
  if (guard_.armed() && expected_.empty()) {
    pipeline_.leave();
    expected_ = connection_.exec(show_settings).text(0, 0);
    pipeline_.enter();
  }
  pipeline_.statement("BEGIN");
  open_ = true;
}

void Replay::Handler::close() {
  if (!open_) return;
  if (guard_.armed()) check_session();
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
  pipeline_.prepare(name, text);
}

void Replay::Handler::execute(const std::string& name, const std::vector<std::optional<std::string>>& values) {
  if (totals_.stopped) return;
  const auto found = prepared_.find(name);
  if (found == prepared_.end())
    throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()),
                "statement " + name + " was not prepared");
  pipeline_.execute(name, found->second, values, 1);
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
  if (lsn_ == Lsn{} && sql.starts_with("SET ")) head_ += sql + ";";
  pipeline_.statement(sql);
  copied_ = false;
  // Staging tables of one transaction must not meet those of the next.
  alone_ = alone_ || (open_ && !sql.starts_with("SET "));
}

void Replay::Handler::stale(char /*kind*/, std::uint32_t relation, const std::string& name) {
  if (!totals_.stopped) totals_.stale.insert_or_assign(relation, name);
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

// Code that rows ran may have changed how the rows after them were read.
void Replay::Handler::check_session() {
  pipeline_.leave();
  const std::string now = connection_.exec(show_settings).text(0, 0);
  if (!expected_.empty() && now != expected_)
    throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()),
                "code of the database changed the settings of the session: they are " + now + ", were " + expected_,
                "A function in a constraint, domain, index or generated column sets them. Whoever wrote it may mean "
                "harm; --trust-source lets it.");
  pipeline_.enter();
}

// After code of somebody else ran here as a command.
void Replay::Handler::settle_session() {
  connection_.exec("RESET ALL");
  connection_.exec(std::string(own_settings) + head_);
  postgres::lift_timeouts(connection_);
  expected_.clear();
}

void Replay::Handler::run_pieces(const DdlCommand& command) {
  if (command.kind == 't' && !options_.trust_source) {
    std::string others = command.settings;
    const std::string role = take_role(others);
    if (is_to_be_confined(connection_, role, command.text)) {
      run_confined(connection_, role, others, command.text, command.resets);
      settle_session();
      return;
    }
  }
  if (!command.settings.empty()) connection_.exec(command.settings);
  connection_.exec(command.text);
  if (!command.resets.empty()) connection_.exec(command.resets);
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
  if (kind == 'c')
    close();  // what runs outside of a transaction block cannot run inside of ours
  else
    open();
  pipeline_.leave();
  hold_.on(normalized(text).find(" EVENT TRIGGER ") != std::string::npos);
  guard_.disarm();
  connection_.exec("SET enable_seqscan = on");
  ddl_.run({kind, extension, settings, text, resets}, describe(pipeline_.place()));
  connection_.exec(keyed_plans);
  hold_.off();
  if (!options_.trust_source) {
    guard_.arm(false);
    if (mentions(text, "CHECK") || mentions(text, "GENERATED"))
      refuse_reach(connection_, "replaying " + describe(pipeline_.place()) + ": " + excerpt(text));
    if (guard_.armed() && expected_.empty()) expected_ = connection_.exec(show_settings).text(0, 0);
  }
  pipeline_.enter();
  if (kind == 'c') count();
  // A new value of an enum, among others, can be used only after the commit.
  alone_ = open_;
}

void Replay::Handler::settle() {
  if (totals_.stopped) return;
  close();
  pipeline_.drain();
}

const ReplayTotals& Replay::Handler::finish() {
  close();
  if (!totals_.stopped) pipeline_.leave();
  hold_.on(true);
  guard_.disarm();
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
