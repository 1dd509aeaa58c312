#include "job/globals.h"

#include <algorithm>

#include "base/error.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Result;
using Words = std::vector<std::string>;

[[noreturn]] void malformed(const char* cause) {
  throw Error(ErrorKind::permanent, "reading the globals", cause);
}

// Cuts words and statements out of the text.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}
  std::vector<GlobalStatement> split() {
    while (at_ < text_.size()) step();
    if (!current_.words.empty()) malformed("the last statement has no end");
    return std::move(out_);
  }

 private:
  void step() {
    const char c = text_[at_];
    const bool line_start = at_ == 0 || text_[at_ - 1] == '\n';
    if ((c == '\\' && line_start) || text_.substr(at_).starts_with("--")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == ';') {
      ++at_;
      if (!current_.words.empty()) {
        current_.text = std::string(text_.substr(start_, at_ - start_));
        out_.push_back(std::move(current_));
      }
      current_ = {};
    } else {
      if (current_.words.empty()) start_ = at_;
      current_.words.push_back(word());
    }
  }

  std::string word() {
    const char c = text_[at_];
    if (c == '\'') return '\'' + quoted('\'', false);
    if (c == '"') return quoted('"', false);
    if ((c == 'E' || c == 'e') && at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
      ++at_;
      return '\'' + quoted('\'', true);
    }
    constexpr std::string_view stops = " \n\t\r;,()=\"'";
    const std::size_t end = std::min(text_.find_first_of(stops, at_), text_.size());
    const std::size_t length = std::max<std::size_t>(end - at_, 1);
    std::string out(text_.substr(at_, length));
    at_ += length;
    return out;
  }

  std::string quoted(char quote, bool backslashes) {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      const bool more = at_ + 1 < text_.size();
      if (c == quote && !(more && text_[at_ + 1] == quote)) {
        ++at_;
        return out;
      }
      if ((c == quote || (backslashes && c == '\\')) && more) ++at_;
      out += text_[at_];
    }
    malformed("an unfinished quote");
  }

  std::string_view text_;
  std::size_t at_ = 0, start_ = 0;
  GlobalStatement current_;
  std::vector<GlobalStatement> out_;
};

bool begins(const Words& words, std::initializer_list<std::string_view> head) {
  return words.size() > head.size() && std::equal(head.begin(), head.end(), words.begin());
}

bool is_grant(const Words& words) {
  return words[0] == "GRANT" || words[0] == "REVOKE";
}

// The word behind the last `keyword`; empty: none.
std::string after_last(const Words& words, std::string_view keyword) {
  for (std::size_t i = words.size(); i-- > 1;)
    if (words[i - 1] == keyword) return words[i];
  return {};
}

template <typename Item>
Item& named(std::vector<Item>& items, const std::string& name) {
  for (Item& item : items)
    if (item.name == name) return item;
  items.push_back({});
  items.back().name = name;
  return items.back();
}

// The object of `... ON <kind> [FOR] name ...`: COMMENT ON ROLE x, SECURITY LABEL FOR p ON ROLE x, GRANT c ON
// TABLESPACE x.
std::string on_object(const Words& words, std::string_view kind) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i)
    if (words[i] == "ON" && words[i + 1] == kind) return words[i + 2];
  return {};
}

void add(Globals& globals, GlobalStatement statement) {
  const Words& words = statement.words;
  std::string role, tablespace;
  if (begins(words, {"SET", "client_encoding", "="}))
    globals.encoding = words[3].substr(words[3].starts_with('\'') ? 1 : 0);
  else if (begins(words, {"CREATE", "ROLE"}) || begins(words, {"ALTER", "ROLE"}))
    role = words[2];
  else if (begins(words, {"CREATE", "TABLESPACE"}) || begins(words, {"ALTER", "TABLESPACE"}))
    tablespace = words[2];
  else
    role = on_object(words, "ROLE"), tablespace = on_object(words, "TABLESPACE");
  if (!role.empty()) {
    // Settings of a role in one database belong to that database.
    if (!begins(words, {"ALTER", "ROLE", role, "IN"}))
      named(globals.roles, role).statements.push_back(std::move(statement));
  } else if (!tablespace.empty()) {
    Tablespace& space = named(globals.tablespaces, tablespace);
    if (const std::string location = after_last(words, "LOCATION"); words[0] == "CREATE" && !location.empty())
      space.location = location.substr(1);
    space.statements.push_back(std::move(statement));
  } else if (is_grant(words) && !on_object(words, "PARAMETER").empty()) {
    globals.parameters.push_back(std::move(statement));
  } else if (words[0] == "GRANT" && words.size() > 3 && words[2] == "TO") {
    globals.memberships.push_back({words[1], words[3], statement.text});
  }
}

std::set<std::string> names_of(Connection& connection, const char* query) {
  const Result result = connection.exec(query);
  std::set<std::string> out;
  for (int row = 0; row < result.rows(); ++row) out.insert(result.text(row, 0));
  return out;
}

constexpr const char* role_names = "SELECT rolname FROM pg_catalog.pg_authid";
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

}  // namespace

std::vector<GlobalStatement> split_globals(std::string_view text) {
  return Splitter(text).split();
}

Globals parse_globals(std::string_view text) {
  Globals globals;
  for (GlobalStatement& statement : split_globals(text))
    if (statement.words.size() > 2) add(globals, std::move(statement));
  return globals;
}

std::vector<std::string> check_tablespaces(Connection& connection, const Globals& globals) {
  const std::set<std::string> present = names_of(connection, tablespace_names);
  std::vector<std::string> out;
  for (const Tablespace& space : globals.tablespaces) {
    if (present.contains(space.name)) continue;
    const Result stat =
        connection.exec("SELECT (pg_catalog.pg_stat_file($1, true)).isdir", {std::optional(space.location)});
    if (stat.text(0, 0) != "t") {
      out.push_back(space.name + " (there is no directory " + space.location + ")");
      continue;
    }
    const Result files =
        connection.exec("SELECT pg_catalog.count(*) FROM pg_catalog.pg_ls_dir($1)", {std::optional(space.location)});
    if (files.text(0, 0) != "0") out.push_back(space.name + " (the directory " + space.location + " is not empty)");
  }
  return out;
}

void GlobalsKeeper::apply(const Globals& globals) {
  known_.clear();
  for (const GlobalRole& role : globals.roles) known_.insert(role.name);
  connection_.exec("SET client_encoding = " + quote_literal(globals.encoding) +
                   "; SET standard_conforming_strings = on");
  apply_roles(globals);
  apply_memberships(globals);
  apply_parameters(globals);
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
    connection_.exec("COMMIT");
    made_[role.name] = text;
  }
}

// A grant whose grantor does not yet have the admin option is tried again after the others.
void GlobalsKeeper::grant(std::vector<Membership> missing) {
  while (!missing.empty()) {
    std::vector<Membership> later;
    for (const Membership& membership : missing) {
      try {
        connection_.exec(membership.text);
        granted_[{membership.role, membership.member}] = membership.text;
      } catch (const Error&) {
        if (PQstatus(connection_.raw()) != CONNECTION_OK) throw;
        later.push_back(membership);
      }
    }
    if (later.size() == missing.size())
      run(connection_, "the membership of " + later.front().member + " in " + later.front().role, later.front().text);
    missing = std::move(later);
  }
}

void GlobalsKeeper::apply_memberships(const Globals& globals) {
  std::map<std::pair<std::string, std::string>, std::string> wanted;
  for (const Membership& membership : globals.memberships)
    if (made_.contains(membership.role) || made_.contains(membership.member))
      wanted[{membership.role, membership.member}] = membership.text;
  for (const auto& [pair, text] : granted_) {
    const auto still = wanted.find(pair);
    if (still != wanted.end() && still->second == text) continue;
    if (known_.contains(pair.first) && known_.contains(pair.second))
      run(connection_, "the memberships of " + pair.second,
          "REVOKE " + quote_identifier(pair.first) + " FROM " + quote_identifier(pair.second));
  }
  std::erase_if(granted_, [&](const auto& item) {
    const auto still = wanted.find(item.first);
    return still == wanted.end() || still->second != item.second;
  });
  std::vector<Membership> missing;
  for (const auto& [pair, text] : wanted)
    if (!granted_.contains(pair)) missing.push_back({pair.first, pair.second, text});
  grant(std::move(missing));
}

void GlobalsKeeper::apply_parameters(const Globals& globals) {
  for (const GlobalStatement& statement : globals.parameters)
    if (made_.contains(after_last(statement.words, "TO"))) run(connection_, "privileges on settings", statement.text);
}

void GlobalsKeeper::apply_tablespaces(const Globals& globals) {
  const std::set<std::string> present = names_of(connection_, tablespace_names);
  for (const Tablespace& space : globals.tablespaces) {
    if (present.contains(space.name)) continue;
    for (const GlobalStatement& statement : space.statements) {
      std::string text = statement.text;
      if (statement.words[0] == "CREATE" && in_place_)
        text = "CREATE TABLESPACE " + quote_identifier(space.name) + " LOCATION ''";
      run(connection_, "tablespace " + space.name, text);
    }
  }
}

void GlobalsKeeper::finish(std::vector<std::string>& notes) {
  for (const auto& [role, text] : made_) {
    if (known_.contains(role)) continue;
    try {
      connection_.exec("DROP ROLE " + quote_identifier(role));
    } catch (const Error& error) {
      if (PQstatus(connection_.raw()) != CONNECTION_OK) throw;
      notes.push_back("role " + role + ", which the source dropped, could not be dropped: " + error.cause());
    }
  }
}

}  // namespace lpbm::job
