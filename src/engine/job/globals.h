// Roles, memberships and tablespaces of a restored backup, out of the text of `pg_dumpall --globals-only`. What exists
// on the target stays as it is; only what is missing is made.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/connection.h"

namespace lpbm::job {

// One statement and its words: names unquoted, literals with a leading quote, keywords as they are written.
struct GlobalStatement {
  std::string text;
  std::vector<std::string> words;
};

struct Tablespace {
  std::string name, location;
  std::vector<GlobalStatement> statements;  // CREATE first
};

struct GlobalRole {
  std::string name;
  std::vector<GlobalStatement> statements;  // CREATE first; attributes, settings, comment, labels
};

struct Membership {
  std::string role, member, text;
};

struct Globals {
  std::string encoding = "UTF8";  // of the text
  std::vector<GlobalRole> roles;
  std::vector<Membership> memberships;
  std::vector<Tablespace> tablespaces;
  std::vector<GlobalStatement> parameters;  // GRANT ... ON PARAMETER; the grantee is the last name after TO
};

// Splits the text of pg_dumpall into statements: quotes, comments and psql's backslash lines are known. Throws Error
// (permanent) for an unfinished quote or a statement without its semicolon.
std::vector<GlobalStatement> split_globals(std::string_view text);
// Throws Error (permanent) as split_globals; statements of other kinds are passed over.
Globals parse_globals(std::string_view text);

// Tablespaces of `globals` that are missing and cannot be made, each with its reason, for people; nothing is changed.
std::vector<std::string> check_tablespaces(postgres::Connection& connection, const Globals& globals);

// Applies one state of the globals after another, in stream order. Not in a transaction.
class GlobalsKeeper {
 public:
  // With `in_place` missing tablespaces are made inside the data directory (scratch servers only).
  explicit GlobalsKeeper(postgres::Connection& connection, bool in_place = false)
      : connection_(connection), in_place_(in_place) {}
  void apply(const Globals& globals);
  // Roles made by somebody else on the way, to be treated as made here.
  void adopt(const std::vector<std::string>& roles);
  // Drops the roles made here that the last state does not know. What cannot be dropped is said in `notes`.
  void finish(std::vector<std::string>& notes);

 private:
  void apply_tablespaces(const Globals& globals);
  void apply_roles(const Globals& globals);
  void apply_memberships(const Globals& globals);
  void apply_parameters(const Globals& globals);
  void grant(std::vector<Membership> missing);

  postgres::Connection& connection_;
  bool in_place_;
  std::map<std::string, std::string> made_;  // our roles: the text of their statements as applied last
  std::map<std::pair<std::string, std::string>, std::string> granted_;  // (role, member): the statement
  std::set<std::string> known_;                                         // roles of the last state
};

}  // namespace lpbm::job
