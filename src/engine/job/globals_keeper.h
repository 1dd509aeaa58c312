// Roles, memberships and tablespaces of a restored backup. What exists on the target stays as it is; only what is
// missing is made, and what was made here follows the source.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "job/globals.h"
#include "postgres/connection.h"

namespace lpbm::job {

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
  // Drops the roles and tablespaces made here that the last state does not know. What cannot be dropped is said in
  // `notes`.
  void finish(std::vector<std::string>& notes);

 private:
  void apply_tablespaces(const Globals& globals);
  void make_tablespace(const Tablespace& space);
  void clear_tablespace(const Tablespace& former, const Tablespace& space);
  void apply_roles(const Globals& globals);
  void apply_memberships(const Globals& globals);
  void apply_parameters(const Globals& globals);
  void grant(std::vector<Membership> missing);
  void drop(const char* kind, const char* noun, const std::string& name, std::vector<std::string>& notes);

  postgres::Connection& connection_;
  bool in_place_;
  // As applied last, of what was made here:
  std::map<std::string, std::string> made_;  // roles: the text of their statements
  std::set<Membership> granted_;
  std::vector<GlobalStatement> parameters_;
  std::map<std::string, Tablespace> spaces_;
  std::set<std::string> known_, spaces_known_;  // roles and tablespaces of the last state, whoever made them
};

}  // namespace lpbm::job
