// What each statement does to its session and its transaction.
#include <algorithm>

#include "delta/sql_text.h"
#include "job/logged_session.h"

namespace lpbm::job {
namespace {

using delta::LoggedStatement;

constexpr std::string_view standard_strings_setting = "standard_conforming_strings";

// Comments end at either kind of newline.
void append_comment(std::string_view text, std::string& out) {
  while (true) {
    const std::size_t end = text.find_first_of("\r\n");
    out += "--   ";
    out.append(text.substr(0, end));
    out += '\n';
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// The value at the end of a statement that sets a boolean; as PostgreSQL's parse_bool() takes it.
bool is_off(std::string_view text) {
  std::string value = delta::folded(text);
  // Its last argument says how long the setting lasts.
  if (value.find("set_config(") != std::string::npos) value.resize(value.rfind(','));
  while (!value.empty() && std::string_view("'\"; )").find(value.back()) != std::string_view::npos) value.pop_back();
  value.erase(0, value.find_last_of(" '\"=") + 1);
  const auto begins = [&](std::string_view word) { return !value.empty() && word.starts_with(value); };
  return value == "0" || begins("false") || begins("no") || (value.size() > 1 && begins("off"));
}

// CREATE INDEX, DROP INDEX, REINDEX, DETACH PARTITION.
bool is_concurrent(const delta::LoggedStatement& s) {
  for (std::size_t i = 1; i < s.word_count; ++i)
    if (delta::is_word(s.word(i), "concurrently")) return true;
  return false;
}

// SET, or set_config(), of what decides about which statements are logged.
bool sets_logging(const delta::LoggedStatement& s) {
  if (delta::is_word(s.word(0), "reset")) return false;
  for (std::size_t i = 1; i < s.word_count; ++i) {
    std::string name = delta::setting_name(delta::folded(s.word(i)));
    name.erase(0, name.find_first_not_of('\''));
    for (std::string_view begin : {"log_statement", "log_min_", "log_parameter_max", "log_duration", "log_transaction"})
      if (name.starts_with(begin)) return true;
  }
  return false;
}

// UPDATE and DELETE themselves; in a routine's body it is run later.
bool changes_at_cursor(const delta::LoggedStatement& s) {
  const bool here =
      delta::is_word(s.word(0), "update") || delta::is_word(s.word(0), "delete") || delta::is_word(s.word(0), "with");
  return here && !s.current_of.empty();
}

bool makes_routine(const delta::LoggedStatement& s) {
  for (std::size_t i = 1; i < 4; ++i)
    if (delta::is_word(s.word(i), "function") || delta::is_word(s.word(i), "procedure"))
      return delta::is_word(s.word(0), "create");
  return false;
}

}  // namespace

// As the session's settings say, with what its transactions have set since.
bool LoggedSession::standard_strings() const {
  constexpr std::string_view name = standard_strings_setting;
  bool standard = true;
  const auto found = settings_->values.find(std::string(name));
  if (found != settings_->values.end()) standard = !is_off(found->second);
  const auto look = [&](const LoggedTransaction& t) {
    for (const auto& [change, at] : t.changes)
      if (change.scope != delta::SettingChange::one || change.name == name)
        standard = !change.statement || !is_off(*change.statement);
  };
  for (const Transaction& t : ended_)
    if (t->fate != LoggedTransaction::Fate::drop) look(*t);
  if (open_) look(*open_);
  return standard;
}

bool LoggedSession::is_end(const Statement& s) {
  return s.kind == LoggedStatement::commit || s.kind == LoggedStatement::rollback ||
         s.kind == LoggedStatement::rollback_to || s.kind == LoggedStatement::prepare_transaction;
}

void LoggedSession::apply(Statement& s, const Line& line) {
  switch (s.kind) {
    case LoggedStatement::begin:
      open_->begun = true;
      break;
    case LoggedStatement::commit:
    case LoggedStatement::rollback:
    case LoggedStatement::prepare_transaction:
      control(s, line);
      break;
    case LoggedStatement::savepoint:
    case LoggedStatement::release:
      savepoint(s);
      break;
    case LoggedStatement::rollback_to:
      roll_back_to(s, line);
      break;
    case LoggedStatement::commit_prepared:
    case LoggedStatement::rollback_prepared:
      commit_prepared(s, line);
      break;
    case LoggedStatement::set:
    case LoggedStatement::discard:
      setting(s, line);
      break;
    case LoggedStatement::prepare:
    case LoggedStatement::deallocate:
      remember(s);
      break;
    case LoggedStatement::cursor:
      cursor(s, line);
      break;
    default:
      run(s, line);
      break;
  }
}

void LoggedSession::control(Statement& s, const Line& line) {
  ++ends_in_string_;
  standard_changes_ = true;
  open_->time = line.time;
  if (s.kind == LoggedStatement::rollback || open_->failed) {
    if (open_->begun && !open_->failed) ++all_.counts.rolled_back;
    drop(open_);
    // An error in the string may yet show that this was not reached.
    open_->committed = true;
    ended_.push_back(std::move(open_));
    open_.reset();
  } else {
    if (s.kind == LoggedStatement::prepare_transaction) {
      open_->prepare_as = s.object;
      all_.preparing[open_->prepare_as] = this;
    }
    close(true);
  }
  if (!s.chain) return;
  start(local_here(), line);
  open_->begun = true;
}

void LoggedSession::savepoint(const Statement& s) {
  const std::string name = delta::folded(s.object);
  if (s.kind == LoggedStatement::savepoint) {
    open_->savepoints.push_back(open_->mark(name));
    return;
  }
  auto& marks = open_->savepoints;
  const auto found = std::find_if(marks.rbegin(), marks.rend(), [&](const auto& mark) { return mark.name == name; });
  if (found != marks.rend()) marks.erase(std::next(found).base(), marks.end());
}

void LoggedSession::roll_back_to(const Statement& s, const Line& line) {
  const std::string name = delta::folded(s.object);
  auto& marks = open_->savepoints;
  const auto found = std::find_if(marks.rbegin(), marks.rend(), [&](const auto& mark) { return mark.name == name; });
  open_->failed = false;
  standard_changes_ = true;
  if (found == marks.rend()) {
    remark(Remark::savepoints, line);
    return;
  }
  marks.erase(found.base(), marks.end());
  open_->go_back(marks.back());
}

void LoggedSession::commit_prepared(const Statement& s, const Line& line) {
  // Whoever ends it shows that it was prepared.
  const auto preparing = all_.preparing.find(s.object);
  if (preparing != all_.preparing.end() && preparing->second != this) preparing->second->keep_ended();
  const auto found = all_.prepared.find(s.object);
  if (found == all_.prepared.end()) {
    if (s.kind == LoggedStatement::commit_prepared) note(Remark::still_prepared, line, s.text);
    return;
  }
  if (s.kind == LoggedStatement::rollback_prepared) {
    ++all_.counts.rolled_back;
    found->second->fate = LoggedTransaction::Fate::drop;
    all_.prepared.erase(found);
    return;
  }
  Transaction t = found->second;
  all_.prepared.erase(found);
  t->prepared_as = s.object;
  t->local = open_->local;
  t->string = strings_;
  t->time = line.time;
  t->committed = true;
  open_ = std::move(t);
  // One statement and nothing else: it cannot be in a block.
  close(true);
}

// What is kept of the session's settings; where they are read in the transaction itself, they are set there, too.
void LoggedSession::setting(Statement& s, const Line& line) {
  // Whatever becomes of its transaction: a superuser may keep statements out of the log.
  if (sets_logging(s)) all_.remarks.add(Remark::logging_changed, line.place);
  delta::SettingChanges set = delta::setting_changes(s);
  if (set.changes.empty() && !set.unknown) return;
  if (!s.runnable) return note(Remark::unrunnable, line, s.text);
  if (s.parameters_missing) return note(Remark::settings, line, s.text);
  s.settings_unknown = set.unknown;
  open_->writes = open_->writes || set.unknown;
  const auto is_all = [&](delta::SettingChange::Scope scope) {
    return !set.changes.empty() && set.changes.front().scope == scope;
  };
  const bool own = !s.sets_config && is_all(delta::SettingChange::one) &&
                   set.changes.front().name == "session_authorization" && !set.changes.front().statement;
  if (is_all(delta::SettingChange::everything)) {
    statements_.clear();
    statements_size_ = 0;
    held_.clear();
  } else if (is_all(delta::SettingChange::all)) {
    add("RESET ALL;\n" + all_.client_encoding, line, s);
  } else if (own && all_.users) {
    add("SET SESSION AUTHORIZATION " + delta::identifier(user_), line, s);
  } else {
    add(s.rendered, line, s);
  }
  for (delta::SettingChange& change : set.changes) remember_change(std::move(change));
}

void LoggedSession::remember_change(delta::SettingChange change) {
  const bool one = change.scope == delta::SettingChange::one;
  standard_changes_ = standard_changes_ || !one || change.name == standard_strings_setting;
  auto& changes = open_->changes;
  const std::uint64_t since = open_->savepoints.empty() ? 0 : open_->savepoints.back().changes;
  const auto same =
      std::find_if(changes.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(since, changes.size())),
                   changes.end(), [&](const LoggedTransaction::Change& old) {
                     return old.change.scope == delta::SettingChange::one && one && old.change.name == change.name &&
                            old.change.local == change.local;
                   });
  if (same != changes.end()) changes.erase(same);
  changes.push_back({std::move(change), open_->text.size()});
}

void LoggedSession::run(Statement& s, const Line& line) {
  if (s.kind == LoggedStatement::neutral) return;
  if (!s.runnable) return note(Remark::unrunnable, line, s.text);
  if (s.kind == LoggedStatement::copy_rows) return note(Remark::copy_rows, line, s.text);
  if (s.kind == LoggedStatement::beyond) return note(Remark::beyond, line, s.text);
  // The body of a function has parameters of its own.
  if (s.parameters_missing && !makes_routine(s)) return note(Remark::parameters_missing, line, s.text);
  if (s.kind == LoggedStatement::execute) return execute(s, line);
  if (changes_at_cursor(s) && !open_->calls && !open_->find_cursor(delta::folded(s.current_of)))
    return note(Remark::cursors, line, s.text);
  delta::SettingChanges set;
  if (s.sets_config) set = delta::setting_changes(s);
  s.settings_unknown = set.unknown;
  if (s.kind != LoggedStatement::supporting || s.calls) open_->writes = true;
  const bool call = s.kind == LoggedStatement::call, concurrent = is_concurrent(s);
  open_->only_concurrently = concurrent && !call && !open_->commits_between;
  open_->commits_between = open_->commits_between || call || concurrent;
  add(s.rendered, line, s);
  for (delta::SettingChange& change : set.changes) remember_change(std::move(change));
}

void LoggedSession::add(std::string_view sql, const Line& line, const Statement& s) {
  std::string head, converted;
  // Read as the string was by the server; here each statement is read when it runs.
  if (standard_changes_ && standard_strings() != string_standard_) {
    converted = delta::explicit_strings(sql, string_standard_);
    sql = converted;
  }
  const auto mark = [&](bool applies, Remark remark) {
    if (!applies) return;
    open_->remarks.add(remark, line.place);
    head += head.empty() ? "-- " + delta::one_line(all_.text_of(line.place)) + ": " : ", ";
    head += words_of(remark).code;
  };
  const bool runs = s.kind == LoggedStatement::change || s.kind == LoggedStatement::call ||
                    s.kind == LoggedStatement::execute || s.kind == LoggedStatement::supporting ||
                    s.kind == LoggedStatement::cursor;
  open_->calls = open_->calls || (runs && s.calls) || s.kind == LoggedStatement::call;
  open_->unsure_settings = open_->unsure_settings || open_->calls || s.settings_unknown;
  mark(runs && s.volatile_values, Remark::volatile_values);
  mark(runs && s.calls, Remark::functions);
  mark(s.settings_unknown, Remark::settings);
  mark(s.is_do, Remark::do_blocks);
  mark(s.temporary, Remark::temporary);
  mark(cut_parameter_, Remark::parameters_cut);
  if (!head.empty()) open_->text.append(head + '\n');
  open_->text.append(sql);
  open_->text.append(";\n");
  ++open_->statements;
  if (open_->text.in_memory() > all_.most_in_memory) open_->text.spill();
}

void LoggedSession::remark(Remark remark, const Line& line) {
  if (!open_) start(line.local, line);
  open_->remarks.add(remark, line.place);
}

// In place of a statement that cannot be run.
void LoggedSession::note(Remark remark, const Line& line, std::string_view sql) {
  open_->remarks.add(remark, line.place);
  open_->noted = true;
  std::string text = "-- " + delta::one_line(all_.text_of(line.place)) + ": not run, " + words_of(remark).code + '\n';
  append_comment(sql, text);
  open_->text.append(text);
  if (open_->text.in_memory() > all_.most_in_memory) open_->text.spill();
}

void LoggedSession::lost(const Line& line, Remark remark) {
  keep_ended();
  const bool inside = open_ && (line.local == 0 || open_->local == 0 || open_->local == line.local);
  if (open_ && !inside) close_unseen();
  if (!open_) start(line.local, line);
  ++strings_;
  note(remark, line, "");
  if (!open_->begun) close(false);
}

}  // namespace lpbm::job
