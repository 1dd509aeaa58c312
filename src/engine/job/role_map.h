// Roles of a backup whose place others take in the restored database (--map-role, --no-owner).
//
// How: text that names a role cannot always be told from text that does not, so nothing is renamed on the way. The
// restore goes on under the old names; those that the target has not are made as stand-ins, which nobody can log in as.
// At the end, in one transaction, every place of the database's catalogs that holds a mapped role gets the other one,
// and the stand-ins are dropped, which the server refuses while anything still names them.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "job/globals.h"
#include "job/obstacles.h"
#include "postgres/connection.h"

namespace lpbm::job {

class RoleMap {
 public:
  // `wanted`: OLD=NEW each. With `everything` each role of the backup that is not in `wanted` is mapped to the
  // session's user. Throws Error (usage) for what is not of this form, or an OLD twice.
  RoleMap(const std::vector<std::string>& wanted, bool everything);
  // Reads the roles of all states of the backup. Throws Error (usage) for an OLD that is in none of them; a NEW that
  // the server has not becomes an obstacle.
  void look(postgres::Connection& server, const std::vector<Globals*>& states, Obstacles& obstacles);
  // Roles that turned up on the way: with `everything` mapped, too.
  void meet(const std::vector<std::string>& roles);

  [[nodiscard]] bool empty() const { return map_.empty(); }
  [[nodiscard]] bool maps(const std::string& role) const { return map_.contains(role); }
  // The role in its place; one that is not mapped keeps its own.
  [[nodiscard]] const std::string& operator()(const std::string& role) const;
  // Properties of the database (job/database_properties.h), as they are under the other names.
  [[nodiscard]] nlohmann::json apply(nlohmann::json properties) const;
  // Puts the roles in their places: in the catalogs of the connection's database, in its own row of pg_database and in
  // those of `tablespaces`. `connection`: a superuser's, no transaction open. What could not be kept is said in
  // `notes`.
  void transfer(postgres::Connection& connection, const std::set<std::string>& tablespaces,
                std::vector<std::string>& notes) const;

 private:
  std::map<std::string, std::string> map_;  // old, new
  bool everything_;
  std::string user_;  // the session's
};

// Directories for the tablespaces that have to be made: `wanted` is OLD=NEW each, OLD a tablespace's name or its
// directory on the source, NEW an absolute directory. Throws Error (usage) for what is not of this form and for an OLD
// that is in none of the states, which it changes.
void map_tablespaces(const std::vector<std::string>& wanted, const std::vector<Globals*>& states);

}  // namespace lpbm::job
