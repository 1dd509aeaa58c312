#include "job/logged_transaction.h"

#include "delta/sql_text.h"

namespace lpbm::job {
namespace {

std::string setting_name(const std::string& name) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyz0123456789_.";
  return name.find_first_not_of(plain) == std::string::npos ? name : delta::identifier(name);
}

}  // namespace

const LoggedTransaction::Cursor* LoggedTransaction::find_cursor(const std::string& name) const {
  for (const Cursor& cursor : cursors)
    if (cursor.name == name) return &cursor;
  return nullptr;
}

void LoggedTransaction::close_cursor(const std::string& name) {
  std::erase_if(cursors, [&](const Cursor& cursor) { return name == "all" || cursor.name == name; });
}

void LoggedTransaction::go_back(const Mark& mark) {
  text.truncate(mark.size);
  statements = mark.statements;
  changes.resize(mark.changes);
  writes = mark.writes;
  noted = mark.noted;
  remarks.cut(mark.remarks);
  std::erase_if(cursors, [&](const Cursor& cursor) { return cursor.number > mark.cursors_made; });
  std::vector<Motion> since(motions.begin() + static_cast<std::ptrdiff_t>(mark.motions), motions.end());
  motions.resize(mark.motions);
  for (Motion& motion : since) {
    if (motion.cursor > mark.cursors_made) continue;
    text.append(motion.sql + ";\n");
    ++statements;
    motions.push_back(std::move(motion));
  }
}

std::string TransactionWriter::client_encoding() const {
  return "SET client_encoding = " + delta::literal(encoding_);
}

// From the settings that the transaction before has left to those of this one's session. What only a superuser may set
// back is set back before the user changes.
void TransactionWriter::settings(const LoggedTransaction& t, std::string& out) {
  const delta::Settings& wanted = *t.before;
  if (known_ && (!users_ || user_ == t.user) && (last_ == t.before || now_ == wanted)) {
    last_ = t.before;
    return;
  }
  const bool fresh = !known_;
  if (fresh) {
    out += "RESET SESSION AUTHORIZATION;\nRESET ROLE;\nRESET ALL;\n" + client_encoding() + ";\n";
    now_ = {};
    user_.clear();
  }
  const bool leave = !fresh && (now_.role || now_.authorization || (users_ && user_ != t.user));
  if (leave) out += "RESET SESSION AUTHORIZATION;\nRESET ROLE;\n";
  for (const auto& [name, statement] : now_.values)
    if (!wanted.values.contains(name)) out += "RESET " + setting_name(name) + ";\n";
  if (users_ && !t.user.empty() && (leave || fresh))
    out += "SET SESSION AUTHORIZATION " + delta::identifier(t.user) + ";\n";
  for (const auto& [name, statement] : wanted.values) {
    const auto old = now_.values.find(name);
    if (old == now_.values.end() || old->second != statement) out += statement + ";\n";
  }
  if (wanted.authorization) out += *wanted.authorization + ";\n";
  if (wanted.role) out += *wanted.role + ";\n";
  known_ = true;
  user_ = t.user;
  now_ = wanted;
  last_ = t.before;
}

void TransactionWriter::write(const LoggedTransaction& t, Sink& out) {
  if (!is_worth_it(t)) return;
  std::string head;
  settings(t, head);
  head += "-- " + delta::one_line(t.time) + " session " + delta::one_line(t.session) + '\n';
  const bool block = t.statements > 1;
  if (block) head += "BEGIN;\n";
  out.write(head);
  t.text.write_to(out);
  if (block) out.write("COMMIT;\n");
  // What fetches from them later is left out.
  for (const LoggedTransaction::Cursor& cursor : t.cursors)
    if (cursor.hold) out.write("CLOSE " + delta::identifier(cursor.name) + ";\n");
  for (const LoggedTransaction::Change& change : t.changes) {
    if (change.change.local) continue;
    now_.apply(change.change);
    last_.reset();
  }
  if (t.unsure_settings) known_ = false;
}

}  // namespace lpbm::job
