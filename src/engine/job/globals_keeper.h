// Roles, memberships and tablespaces of a restored backup. What exists on the target stays as it is; only what is
// missing is made, and what was made here follows the source.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "job/globals.h"
#include "job/role_map.h"
#include "postgres/connection.h"

namespace lpbm::job {

// Applies one state of the globals after another, in stream order. Not in a transaction.
class GlobalsKeeper {
 public:
  // With `in_place` missing tablespaces are made inside the data directory (scratch servers only). Roles that `map`,
  // which must outlive this, maps are made as stand-ins, which nobody can log in as; null: no role is mapped.
  explicit GlobalsKeeper(postgres::Connection& connection, bool in_place = false, const RoleMap* map = nullptr)
      : connection_(connection), in_place_(in_place), map_(map) {}
  void apply(const Globals& globals);
  // Roles made by somebody else on the way, to be treated as made here.
  void adopt(const std::vector<std::string>& roles);
  [[nodiscard]] std::set<std::string> roles_made() const;
  [[nodiscard]] std::set<std::string> tablespaces_made() const;
  // Drops the roles and tablespaces made here that the last state does not know, and the stand-ins, whose memberships
  // go to the roles in their places first. What cannot be dropped is said in `notes`.
  void finish(std::vector<std::string>& notes);

 private:
  void apply_tablespaces(const Globals& globals);
  void make_tablespace(const Tablespace& space);
  void clear_tablespace(const Tablespace& former, const Tablespace& space);
  void apply_roles(const Globals& globals);
  void apply_memberships(const std::set<Membership>& wanted);
  void apply_parameters(const std::vector<GlobalStatement>& wanted);
  void dismiss_stand_ins();
  [[nodiscard]] bool stands_in(const std::string& role) const { return map_ && map_->maps(role); }
  void grant(std::vector<Membership> missing);
  void drop(const char* kind, const char* noun, const std::string& name, const std::string& why,
            std::vector<std::string>& notes);

  postgres::Connection& connection_;
  bool in_place_;
  const RoleMap* map_;
  std::vector<Membership> memberships_;  // of the last state, whoever made the roles
  // As applied last, of what was made here:
  std::map<std::string, std::string> made_;  // roles: the text of their statements
  std::set<Membership> granted_;
  std::vector<GlobalStatement> parameters_;
  std::map<std::string, Tablespace> spaces_;
  std::set<std::string> known_, spaces_known_;  // roles and tablespaces of the last state, whoever made them
};

}  // namespace lpbm::job
