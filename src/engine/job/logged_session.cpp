#include "job/logged_session.h"

#include <algorithm>
#include <functional>

namespace lpbm::job {
namespace {

using Fate = LoggedTransaction::Fate;

// Whether a string leaves no transaction open that was open before.
bool ends_transaction(std::string_view sql, bool standard_strings) {
  delta::LoggedSql statements(sql, standard_strings);
  delta::LoggedStatement statement;
  while (statements.next(statement))
    if (statement.kind == delta::LoggedStatement::commit || statement.kind == delta::LoggedStatement::rollback ||
        statement.kind == delta::LoggedStatement::prepare_transaction)
      return true;
  return false;
}

// Whether a string begins with what may be run in a block that has failed.
bool begins_with_end(std::string_view sql, bool standard_strings) {
  delta::LoggedSql statements(sql, standard_strings);
  delta::LoggedStatement statement;
  return statements.next(statement) && LoggedSession::is_end(statement);
}

// Whether a string that has failed may have committed something. `gap`: there were transactions before the failed one.
bool commits_before_its_end(std::string_view sql, bool standard_strings, bool gap) {
  delta::LoggedSql statements(sql, standard_strings);
  bool writes = false, committed = false;
  for (delta::LoggedStatement s; statements.next(s);) {
    if (committed || (s.kind == delta::LoggedStatement::call && gap)) return true;
    writes = writes || s.writes || s.calls || s.kind == delta::LoggedStatement::change;
    committed =
        writes && (s.kind == delta::LoggedStatement::commit || s.kind == delta::LoggedStatement::prepare_transaction);
  }
  return false;
}

// Of what a string has ended: whether its settings last.
bool is_kept(const LoggedTransaction& t) {
  return t.fate != Fate::drop && !t.changes.empty();
}

}  // namespace

std::string LoggedSessions::text_of(Place place) const {
  return (place.file < files.size() ? files[place.file] : std::string("?")) + ':' + std::to_string(place.line);
}

LoggedSession::LoggedSession(LoggedSessions& all, std::string id, std::string user, bool whole)
    : all_(all),
      id_(std::move(id)),
      user_(std::move(user)),
      trace_(all.traces[user_]),
      whole_(whole),
      settings_(std::make_shared<delta::Settings>()) {}

void LoggedSession::start(std::uint64_t local, const Line& line) {
  open_ = std::make_shared<LoggedTransaction>(all_.file);
  open_->session = id_;
  open_->user = user_;
  open_->time = line.time;
  open_->first = line.place;
  open_->local = local;
  open_->string = strings_;
  open_->before = settings_;
  bool changed = false;
  for (const Transaction& before : ended_) changed = changed || is_kept(*before);
  if (!changed) return;
  auto settings = std::make_shared<delta::Settings>(*settings_);
  for (const Transaction& before : ended_)
    for (const auto& change : before->changes)
      if (!change.change.local && is_kept(*before)) settings->apply(change.change);
  open_->before = settings;
}

void LoggedSession::keep(const Transaction& t) {
  if (t->fate == Fate::drop) return;
  bool changed = false;
  for (const auto& change : t->changes) changed = changed || !change.change.local;
  if (changed) {
    auto settings = std::make_shared<delta::Settings>(*settings_);
    for (const auto& change : t->changes)
      if (!change.change.local) settings->apply(change.change);
    settings_ = settings;
  }
  if (!t->prepare_as.empty()) {
    const std::string name = t->prepare_as;
    t->prepare_as.clear();
    t->changes.clear();
    all_.preparing.erase(name);
    all_.prepared[name] = t;
    return;
  }
  constexpr std::size_t most_held = 1000;
  for (const auto& cursor : t->cursors)
    if (cursor.hold && held_.size() < most_held) held_.insert(cursor.name);
  t->fate = Fate::keep;
  if (!TransactionWriter::is_worth_it(*t)) return;
  all_.remarks.add(t->remarks);
  if (!t->committed && t->writes) trace_.unknown_ends.add(t->first);
  if (t->writes && !changes_) trace_.bare_sessions.add(t->first);
  changes_ = changes_ || t->writes;
  if (!whole_) all_.remarks.add(Remark::begins_before, t->first);
  whole_ = true;
  all_.counts.transactions += t->writes ? 1 : 0;
  all_.counts.statements += t->statements;
}

// Where COMMIT and ROLLBACK TO are not logged, what came before the error may have been kept.
void LoggedSession::note_failed_block(const LoggedTransaction& t) {
  if (t.failed && t.failed_from > 0 && t.writes) trace_.failed_blocks.add(t.first);
}

void LoggedSession::drop(const Transaction& t) {
  if (!t->prepare_as.empty()) all_.preparing.erase(t->prepare_as);
  if (!t->prepared_as.empty()) {
    const std::string name = t->prepared_as;
    t->prepared_as.clear();
    t->token = 0;
    all_.prepared[name] = t;
    return;
  }
  t->fate = Fate::drop;
}

void LoggedSession::keep_ended() {
  if (ended_.empty()) return;
  for (const Transaction& t : ended_) keep(t);
  ended_.clear();
  all_.order.settle();
}

// The open transaction ends where its last statement stands; whether it has failed is not known.
void LoggedSession::close(bool committed) {
  open_->committed = committed;
  if (open_->prepare_as.empty()) all_.order.place(open_);
  ended_.push_back(std::move(open_));
  open_.reset();
}

// The log shows that the open transaction is over, but not how it ended.
void LoggedSession::close_unseen() {
  if (open_->failed) {
    note_failed_block(*open_);
    drop(open_);
  } else {
    if (open_->begun && open_->writes) open_->remarks.add(Remark::end_unknown, open_->first);
    const bool begun = open_->begun;
    if (open_->token == 0) all_.order.place(open_);
    open_->committed = begun;  // it is remarked already
    keep(open_);
  }
  open_.reset();
  all_.order.settle();
}

// Is there a transaction that goes on with this string?
void LoggedSession::resume(const csvlog::LogEvent& event, const Line& line) {
  if (!ended_.empty() && line.local != 0 && !ended_.back()->committed && ended_.back()->local == line.local) {
    open_ = std::move(ended_.back());
    ended_.pop_back();
  }
  keep_ended();
  if (!open_) return;
  const bool over = line.local != 0 ? open_->local != 0 && open_->local != line.local
                                    : event.timed && !ends_transaction(event.sql, standard_strings());
  if (over) {
    close_unseen();
    return;
  }
  if (line.local == 0 && !event.timed) {
    open_->failed = true;
    return;
  }
  if (open_->local == 0) open_->local = line.local;
  // What ran after an error without a BEGIN in the log: it went back to a savepoint, which is not in the log either.
  const bool unseen =
      event.timed ? !begins_with_end(event.sql, standard_strings()) : !trace_.logs_all && line.local != 0;
  if (open_->failed && (!open_->begun || unseen)) {
    open_->text.truncate(std::min(open_->failed_from, open_->text.size()));
    open_->failed = false;
    remark(Remark::savepoints, line);
  }
}

void LoggedSession::statement(const csvlog::LogEvent& event, const Line& line) {
  ++all_.counts.read;
  resume(event, line);
  ++strings_;
  ends_in_string_ = 0;
  // Each transaction of a session has the next number.
  if (line.local != 0) last_local_ = line.local;
  string_local_ = line.local != 0 || event.timed ? line.local : last_local_;
  string_simple_ = event.kind == csvlog::LogEvent::statement && !event.timed;
  // A statement is logged before it runs, and then without a transaction only in a block that has failed.
  if (line.local == 0 && !event.timed && !open_) {
    constexpr std::uint64_t none = ~std::uint64_t{0};
    start(last_local_ == 0 ? none : last_local_, line);
    open_->begun = open_->failed = true;
  }
  begin_ = open_ ? open_->text.size() : 0;
  text_hash_ = std::hash<std::string_view>()(event.sql);
  text_size_ = event.sql.size();
  delta::SqlParameters parameters;
  cut_parameter_ = false;
  csvlog::ParameterList list(event.kind == csvlog::LogEvent::execute ? line.detail : std::string_view{});
  for (csvlog::ParameterList::Parameter parameter; list.next(parameter);) {
    constexpr std::size_t most = 65535;
    if (parameter.number > most) break;
    if (parameters.values.size() < parameter.number) parameters.values.resize(parameter.number);
    cut_parameter_ = cut_parameter_ || parameter.text.ends_with("...");
    parameters.values[parameter.number - 1] = {true, parameter.null, std::move(parameter.text)};
  }
  // The server reads a string as a whole before it runs any of it.
  string_standard_ = standard_strings();
  standard_changes_ = false;
  executed_.clear();
  motions_ = open_ ? open_->motions.size() : 0;
  delta::LoggedSql sql(event.sql, string_standard_, event.kind == csvlog::LogEvent::execute ? &parameters : nullptr);
  bool everyday = true, any = false;
  for (Statement& statement = all_.statement; sql.next(statement); any = true) {
    if (!open_) start(local_here(), line);
    everyday = everyday && statement.everyday;
    if (event.timed && !statement.everyday) remark(Remark::timed, line);
    // Nothing behind what a block that has failed does not take.
    if (open_->failed && !is_end(statement)) break;
    apply(statement, line);
  }
  trace_.logs_settings = trace_.logs_settings || (any && everyday);
  trace_.logs_all = trace_.logs_all || (any && everyday && !event.timed);
  if (open_ && !open_->begun) close(event.timed && line.local == 0);
  if (event.timed && line.local == 0) keep_ended();
}

void LoggedSession::finished(std::uint64_t local) {
  if (local == 0 && !ended_.empty()) {
    // It was a string's own: nothing of a transaction goes on behind it. Here it has committed.
    const Transaction& last = ended_.back();
    if (!last->committed && last->prepare_as.empty()) all_.order.place(last);
    last->committed = true;
    keep_ended();
    return;
  }
  other(local);
}

void LoggedSession::other(std::uint64_t local) {
  for (const Transaction& t : ended_)
    if (local != 0 && (t->local == local || t->local == 0)) return;
  keep_ended();
}

bool LoggedSession::is_same_text(std::string_view query) const {
  return query.empty() || (query.size() == text_size_ && std::hash<std::string_view>()(query) == text_hash_);
}

// The string's transaction `local` has failed: what it had committed before stays, what came behind has not run.
bool LoggedSession::drop_ended(std::uint64_t local, bool same_text) {
  if (local != 0) last_local_ = local;
  const auto failed = std::find_if(ended_.begin(), ended_.end(), [&](const Transaction& t) {
    return t->local == local || (t->local == 0 && string_simple_ && same_text);
  });
  if (local == 0 || failed == ended_.end()) return false;
  const std::vector<Transaction> rest(failed, ended_.end());
  ended_.erase(failed, ended_.end());
  keep_ended();
  ++all_.counts.failed;
  if (open_ && open_->string == strings_) {
    drop(open_);
    open_.reset();
  }
  const Transaction& first = rest.front();
  // Its end in the string was not reached: a block is open still, and a savepoint may bring it back, or one that is
  // not in the log.
  const bool block = first->begun && first->prepared_as.empty();
  const bool unseen = rest.size() == 1 && !first->committed && !trace_.logs_all;
  for (const Transaction& t : rest)
    if (t != first || open_ || (!block && !unseen)) drop(t);
  if (!open_ && (block || unseen)) reopen(first, same_text);
  all_.order.settle();
  return true;
}

void LoggedSession::reopen(const Transaction& t, bool same_text) {
  if (!t->prepare_as.empty()) all_.preparing.erase(t->prepare_as);
  t->prepare_as.clear();
  t->fate = Fate::open;
  t->committed = false;
  open_ = t;
  fail(same_text);
}

// The open transaction, in its last string.
void LoggedSession::fail(bool same_text) {
  open_->failed = true;
  open_->failed_from = same_text ? std::min(begin_, open_->text.size()) : open_->text.size();
  if (same_text && open_->motions.size() > motions_) open_->motions.resize(motions_);
}

void LoggedSession::error(const Line& line, std::string_view query, bool syntax) {
  const std::uint64_t local = line.local, before = last_local_;
  const bool same_text = is_same_text(query);
  if (drop_ended(local, same_text)) return;
  // What is logged when it has succeeded is not in the log at all; what it had committed before is missing.
  if (!same_text && !syntax && !trace_.logs_all &&
      commits_before_its_end(query, standard_strings(), local > before + 1))
    all_.remarks.add(Remark::partly_committed, line.place);
  // DO and CALL can commit and fail later, in another transaction; CONCURRENTLY does.
  if (ended_.size() == 1 && ended_.front()->commits_between && local > ended_.front()->local && !query.empty() &&
      same_text) {
    if (!ended_.front()->only_concurrently) all_.remarks.add(Remark::partly_committed, ended_.front()->first);
    ++all_.counts.failed;
    drop(ended_.front());
    ended_.clear();
  }
  keep_ended();
  if (!open_) return;
  if (open_->local != 0 && local != 0 && open_->local != local) {
    close_unseen();
    return;
  }
  if (open_->failed) return;
  ++all_.counts.failed;
  fail(same_text);
}

void LoggedSession::end(End how, std::uint64_t local) {
  if (how == End::failed) drop_ended(local, false);
  if (how == End::unknown)
    for (const Transaction& t : ended_)
      if (TransactionWriter::is_worth_it(*t)) t->remarks.add(Remark::last_unknown, t->first);
  keep_ended();
  if (open_ && !open_->failed && how == End::normal && !trace_.logs_all) return close_unseen();
  if (open_) {
    if (!open_->failed) ++all_.counts.unfinished;
    note_failed_block(*open_);
    drop(open_);
  }
  open_.reset();
  all_.order.settle();
}

}  // namespace lpbm::job
