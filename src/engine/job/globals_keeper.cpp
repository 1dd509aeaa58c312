#include "job/globals_keeper.h"

#include <utility>

#include "base/error.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Result;

std::set<std::string> names_of(Connection& connection, const char* query) {
  const Result result = connection.exec(query);
  std::set<std::string> out;
  for (int row = 0; row < result.rows(); ++row) out.insert(result.text(row, 0));
  return out;
}

constexpr const char* role_names = "SELECT rolname FROM pg_catalog.pg_authid";
constexpr const char* dropped = ", which the source dropped,";
constexpr const char* tablespace_names = "SELECT spcname FROM pg_catalog.pg_tablespace";

void run(Connection& connection, const std::string& what, const std::string& sql) {
  try {
    connection.exec(sql);
  } catch (const Error& error) {
    throw Error(error.kind(), "restoring " + what, error.cause(), error.hint());
  }
}

// A role made here that has changed on the way: nothing of its former state may stay.
void clear_role(Connection& connection, const std::string& name, bool limited) {
  const std::string role = quote_identifier(name);
  run(connection, "role " + name,
      "ALTER ROLE " + role + " PASSWORD NULL CONNECTION LIMIT -1" + (limited ? " VALID UNTIL 'infinity'" : "") +
          "; ALTER ROLE " + role + " RESET ALL; COMMENT ON ROLE " + role + " IS NULL");
}

std::string text_of(const std::vector<GlobalStatement>& statements) {
  std::string out;
  for (const GlobalStatement& statement : statements) out += statement.text + "\n";
  return out;
}

// To whom these statements give something; PUBLIC as it is written.
std::set<std::string> grantees(const std::vector<GlobalStatement>& statements) {
  std::set<std::string> out;
  for (const GlobalStatement& statement : statements)
    if (statement.words[0] == "GRANT") out.insert(word_after(statement.words, "TO"));
  return out;
}

std::string stand_in_text(const std::string& role) {
  return "ALTER ROLE " + quote_identifier(role) + " NOLOGIN PASSWORD NULL";
}

// The membership as it is between the roles that take the places of these.
Membership mapped(const Membership& membership, const RoleMap& map) {
  Membership out{map(membership.role), map(membership.member), "", ""};
  out.text = "GRANT " + quote_identifier(out.role) + " TO " + quote_identifier(out.member);
  const std::vector<GlobalStatement> statements = split_globals(membership.text);
  const auto& words = statements.front().words;
  for (std::size_t i = 4; i < words.size() && words[i] != "GRANTED"; ++i) out.text += " " + words[i];
  if (!membership.grantor.empty() && !map.maps(membership.grantor)) {
    out.grantor = membership.grantor;
    out.text += " GRANTED BY " + quote_identifier(out.grantor);
  }
  return out;
}

std::string grantee_text(const std::string& name) {
  return name == "PUBLIC" ? name : quote_identifier(name);
}

}  // namespace

void GlobalsKeeper::apply(const Globals& globals) {
  known_.clear();
  for (const GlobalRole& role : globals.roles) known_.insert(role.name);
  connection_.exec("SET client_encoding = " + quote_literal(globals.encoding) +
                   "; SET standard_conforming_strings = on");
  apply_roles(globals);
  memberships_ = globals.memberships;
  std::set<Membership> memberships;
  for (const Membership& membership : globals.memberships)
    if (made_.contains(membership.role) || made_.contains(membership.member)) memberships.insert(membership);
  apply_memberships(memberships);
  std::vector<GlobalStatement> parameters;
  for (const GlobalStatement& statement : globals.parameters)
    if (made_.contains(word_after(statement.words, "TO"))) parameters.push_back(statement);
  apply_parameters(parameters);
  apply_tablespaces(globals);
  connection_.exec("SET client_encoding = 'UTF8'");
}

void GlobalsKeeper::adopt(const std::vector<std::string>& roles) {
  for (const std::string& role : roles) made_.emplace(role, std::string());
}

void GlobalsKeeper::apply_roles(const Globals& globals) {
  const std::set<std::string> present = names_of(connection_, role_names);
  for (const GlobalRole& role : globals.roles) {
    const auto own = made_.find(role.name);
    const bool ours = own != made_.end();
    if (present.contains(role.name) && !ours) continue;
    std::string text;
    for (const GlobalStatement& statement : role.statements) text += statement.text + "\n";
    if (ours && own->second == text) continue;
    const std::string what = "role " + role.name;
    connection_.exec("BEGIN");
    if (ours) clear_role(connection_, role.name, own->second.find(" VALID UNTIL ") != std::string::npos);
    for (const GlobalStatement& statement : role.statements)
      if (!ours || statement.words[0] != "CREATE") run(connection_, what, statement.text);
    if (stands_in(role.name)) run(connection_, what, stand_in_text(role.name));
    connection_.exec("COMMIT");
    made_[role.name] = text;
  }
}

// A grant whose grantor does not yet have the admin option is tried again after the others. In a transaction.
void GlobalsKeeper::grant(std::vector<Membership> missing) {
  while (!missing.empty()) {
    std::vector<Membership> later;
    for (const Membership& membership : missing) {
      connection_.exec("SAVEPOINT membership");
      try {
        connection_.exec(membership.text);
        granted_.insert(membership);
      } catch (const Error&) {
        if (PQstatus(connection_.raw()) != CONNECTION_OK) throw;
        connection_.exec("ROLLBACK TO membership");
        later.push_back(membership);
      }
    }
    if (later.size() == missing.size())
      run(connection_, "the membership of " + later.front().member + " in " + later.front().role, later.front().text);
    missing = std::move(later);
  }
}

// What is granted depends on what its grantor was granted, so that there is no taking back of one alone: when anything
// has changed, all is taken back and given again.
void GlobalsKeeper::apply_memberships(const std::set<Membership>& wanted) {
  if (wanted == granted_) return;
  connection_.exec("BEGIN");
  const std::set<std::string> present = names_of(connection_, role_names);
  for (const Membership& membership : std::exchange(granted_, {}))
    if (present.contains(membership.role) && present.contains(membership.member))
      run(connection_, "the memberships of " + membership.member,
          "REVOKE " + quote_identifier(membership.role) + " FROM " + quote_identifier(membership.member) +
              (present.contains(membership.grantor) ? " GRANTED BY " + quote_identifier(membership.grantor) : "") +
              " CASCADE");
  grant({wanted.begin(), wanted.end()});
  connection_.exec("COMMIT");
}

void GlobalsKeeper::apply_parameters(const std::vector<GlobalStatement>& wanted) {
  if (text_of(wanted) == text_of(parameters_)) return;
  const std::string what = "privileges on settings";
  const std::set<std::string> present = names_of(connection_, role_names);
  connection_.exec("BEGIN");
  for (const GlobalStatement& statement : parameters_)
    if (const std::string role = word_after(statement.words, "TO"); present.contains(role))
      run(connection_, what,
          "REVOKE ALL ON PARAMETER " + quote_identifier(object_of(statement.words, "PARAMETER")) + " FROM " +
              quote_identifier(role) + " CASCADE");
  for (const GlobalStatement& statement : wanted) run(connection_, what, statement.text);
  connection_.exec("COMMIT");
  parameters_ = wanted;
}

void GlobalsKeeper::apply_tablespaces(const Globals& globals) {
  const std::set<std::string> present = names_of(connection_, tablespace_names);
  spaces_known_.clear();
  for (const Tablespace& space : globals.tablespaces) {
    spaces_known_.insert(space.name);
    const auto own = spaces_.find(space.name);
    if (present.contains(space.name) && own == spaces_.end()) continue;
    const std::string what = "tablespace " + space.name;
    if (own == spaces_.end())
      make_tablespace(space);
    else if (text_of(own->second.statements) == text_of(space.statements))
      continue;
    else
      clear_tablespace(own->second, space);
    for (const GlobalStatement& statement : space.statements)
      if (statement.words[0] != "CREATE") run(connection_, what, statement.text);
    spaces_[space.name] = space;
  }
}

void GlobalsKeeper::make_tablespace(const Tablespace& space) {
  for (const GlobalStatement& statement : space.statements)
    if (statement.words[0] == "CREATE")
      run(connection_, "tablespace " + space.name,
          in_place_ ? "CREATE TABLESPACE " + quote_identifier(space.name) + " OWNER " +
                          quote_identifier(word_after(statement.words, "OWNER")) + " LOCATION ''"
                    : statement.text);
}

// Nothing of the former state may stay. The owner first: what he has goes with him.
void GlobalsKeeper::clear_tablespace(const Tablespace& former, const Tablespace& space) {
  const std::string name = quote_identifier(space.name);
  const std::string owner = quote_identifier(word_after(space.statements.front().words, "OWNER"));
  std::string text = "ALTER TABLESPACE " + name + " OWNER TO " + owner + "; ALTER TABLESPACE " + name +
                     " RESET (seq_page_cost, random_page_cost, effective_io_concurrency, maintenance_io_concurrency);"
                     " COMMENT ON TABLESPACE " +
                     name + " IS NULL";
  const std::set<std::string> present = names_of(connection_, role_names);
  for (const std::string& grantee : grantees(former.statements))
    if (grantee == "PUBLIC" || present.contains(grantee))
      text += "; REVOKE ALL ON TABLESPACE " + name + " FROM " + grantee_text(grantee) + " CASCADE";
  run(connection_, "tablespace " + space.name, text + "; GRANT ALL ON TABLESPACE " + name + " TO " + owner);
}

std::set<std::string> GlobalsKeeper::roles_made() const {
  std::set<std::string> out;
  for (const auto& [name, text] : made_) out.insert(name);
  return out;
}

std::set<std::string> GlobalsKeeper::tablespaces_made() const {
  std::set<std::string> out;
  for (const auto& [name, space] : spaces_) out.insert(name);
  return out;
}

// What was between roles that were on the target before stays the target's own affair.
void GlobalsKeeper::dismiss_stand_ins() {
  const auto stays = [this](const std::string& role) { return made_.contains(role) && !stands_in(role); };
  std::set<Membership> memberships;
  for (const Membership& membership : memberships_) {
    const Membership now = mapped(membership, *map_);
    if (now.role != now.member && (stays(now.role) || stays(now.member))) memberships.insert(now);
  }
  apply_memberships(memberships);
  std::vector<GlobalStatement> parameters;
  for (const GlobalStatement& statement : parameters_)
    if (!stands_in(word_after(statement.words, "TO"))) parameters.push_back(statement);
  apply_parameters(parameters);
}

void GlobalsKeeper::finish(std::vector<std::string>& notes) {
  if (map_ && !map_->empty()) dismiss_stand_ins();
  for (const auto& [name, space] : spaces_)
    if (!spaces_known_.contains(name)) drop("TABLESPACE", "tablespace", name, dropped, notes);
  for (const auto& [name, text] : made_)
    if (stands_in(name))
      drop("ROLE", "role", name, ", in whose place " + (*map_)(name) + " is,", notes);
    else if (!known_.contains(name))
      drop("ROLE", "role", name, dropped, notes);
}

void GlobalsKeeper::drop(const char* kind, const char* noun, const std::string& name, const std::string& why,
                         std::vector<std::string>& notes) {
  try {
    connection_.exec(std::string("DROP ") + kind + " " + quote_identifier(name));
  } catch (const Error& error) {
    if (PQstatus(connection_.raw()) != CONNECTION_OK) throw;
    notes.push_back(std::string(noun) + " " + name + why + " could not be dropped: " + error.cause());
  }
}

}  // namespace lpbm::job
