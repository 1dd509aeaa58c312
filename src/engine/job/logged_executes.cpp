// What a session has prepared by name, and the cursors that it has open: statements that mean something by an earlier
// one.
#include "job/logged_session.h"

namespace lpbm::job {
namespace {

using delta::LoggedStatement;

// By PREPARE, too.
bool is_preparable(const delta::LoggedStatement& s) {
  for (std::string_view word : {"select", "insert", "update", "delete", "merge", "values", "with", "table", "("})
    if (delta::is_word(s.word(0), word)) return true;
  return false;
}

bool holds_prepare(std::string_view text, bool standard_strings) {
  delta::LoggedSql sql(text, standard_strings);
  for (delta::LoggedStatement s; sql.next(s);)
    if (s.kind == delta::LoggedStatement::prepare) return true;
  return false;
}

}  // namespace

void LoggedSession::remember(const Statement& s) {
  constexpr std::size_t most = 64u << 10;
  if (s.kind == LoggedStatement::deallocate) {
    const auto found = statements_.find(delta::folded(s.object));
    if (delta::is_word(s.object, "all")) {
      statements_.clear();
      statements_size_ = 0;
    } else if (found != statements_.end()) {
      statements_size_ -= found->second.text.size();
      statements_.erase(found);
    }
    return;
  }
  if (statements_size_ + s.text.size() > most) return;
  Prepared& prepared = statements_[delta::folded(s.object)];
  statements_size_ -= prepared.text.size();
  prepared = {delta::explicit_strings(s.text, s.standard_strings), strings_};
  statements_size_ += prepared.text.size();
}

// EXECUTE. The line's detail holds what was prepared for the first of its string: the string with the PREPARE, or the
// text of the protocol's Parse.
void LoggedSession::execute(Statement& s, const Line& line) {
  const std::string name = delta::folded(s.object);
  const std::string_view detail = csvlog::prepared_text(line.detail);
  const bool plain = delta::is_word(s.word(0), "execute");
  if (plain && executed_.empty()) executed_ = name;
  if (execute_prepared(detail, standard_strings(), s, line)) return;
  const auto known = statements_.find(name);
  const bool is_known = known != statements_.end();
  if (is_known && known->second.string == strings_ && execute_prepared(known->second.text, true, s, line)) return;
  if (!detail.empty() && plain && executed_ == name && !holds_prepare(detail, standard_strings()))
    return execute_parsed(detail, s, line);
  if (is_known && execute_prepared(known->second.text, true, s, line)) return;
  note(Remark::unprepared, line, s.text);
}

// False where no PREPARE of that name is in the text.
bool LoggedSession::execute_prepared(std::string_view text, bool standard, Statement& s, const Line& line) {
  const std::string name = delta::folded(s.object);
  delta::LoggedSql sql(text, standard);
  for (Statement prepare; sql.next(prepare);) {
    if (prepare.kind != LoggedStatement::prepare || delta::folded(prepare.object) != name || !prepare.runnable)
      continue;
    execute_by_name(prepare, s, line);
    return true;
  }
  return false;
}

// Of a statement that was prepared by the protocol, the text without PREPARE; that may be any command.
void LoggedSession::execute_parsed(std::string_view text, Statement& s, const Line& line) {
  delta::LoggedSql sql(text, standard_strings());
  Statement parsed;
  if (!sql.next(parsed) || !parsed.runnable) return note(Remark::unprepared, line, s.text);
  if (is_preparable(parsed)) {
    parsed.rendered.insert(0, "PREPARE " + std::string(s.object) + " AS ");
    execute_by_name(parsed, s, line);
  } else if (s.word_count == 2 && parsed.kind != LoggedStatement::execute) {
    apply(parsed, line);
  } else {
    note(Remark::unprepared, line, s.text);
  }
}

// With the PREPARE that it needs around it.
void LoggedSession::execute_by_name(Statement& prepare, Statement& s, const Line& line) {
  const bool acts = prepare.calls || prepare.writes || prepare.sets_config;
  if (!acts && delta::is_word(s.word(0), "execute")) return;
  const std::string both = delta::explicit_strings(prepare.rendered, prepare.standard_strings) + ";\n" + s.rendered +
                           ";\nDEALLOCATE " + std::string(s.object);
  s.volatile_values = s.volatile_values || prepare.volatile_values;
  s.calls = s.calls || prepare.calls;
  s.settings_unknown = s.settings_unknown || prepare.sets_config;
  open_->writes = true;
  add(both, line, s);
  open_->statements += 2;
}

bool LoggedSession::is_held(const std::string& cursor) const {
  for (const Transaction& t : ended_)
    if (const auto* found = t->find_cursor(cursor); found && found->hold && t->fate != LoggedTransaction::Fate::drop)
      return true;
  return held_.contains(cursor);
}

// Those WITH HOLD are closed at the end of their transaction here; whoever fetches from them later changes nothing.
void LoggedSession::cursor(Statement& s, const Line& line) {
  if (!s.runnable) return note(Remark::unrunnable, line, s.text);
  if (s.parameters_missing) return note(Remark::parameters_missing, line, s.text);
  const std::string name = delta::folded(s.object);
  if (delta::is_word(s.word(0), "declare")) {
    bool hold = false;
    for (std::size_t i = 2; i < s.word_count && !delta::is_word(s.word(i), "for"); ++i)
      hold = hold || (delta::is_word(s.word(i), "hold") && delta::is_word(s.word(i - 1), "with"));
    open_->writes = open_->writes || s.calls || s.sets_config;
    s.settings_unknown = s.sets_config;
    add(s.rendered, line, s);
    open_->cursors.push_back({name, ++open_->cursors_made, hold});
    return;
  }
  const bool close = delta::is_word(s.word(0), "close"), all = close && delta::is_word(s.object, "all");
  const auto* const found = open_->find_cursor(name);
  const bool left_out = all ? open_->cursors.empty() && !open_->calls : !found && (!open_->calls || is_held(name));
  if (close && all) held_.clear();
  if (close) held_.erase(name);
  if (left_out) return;
  open_->motions.push_back({found ? found->number : 0, s.rendered});
  if (close) open_->close_cursor(all ? "all" : name);
  add(s.rendered, line, s);
}

}  // namespace lpbm::job
