#include "job/role_map.h"

#include "base/error.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

[[noreturn]] void misused(const std::string& option, const std::string& cause, const std::string& hint) {
  throw Error(ErrorKind::usage, "reading " + option, cause, hint);
}

// A member that is a role's name, or null.
void replace(json& object, const char* key, const RoleMap& map) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) *found = map(found->get<std::string>());
}

}  // namespace

RoleMap::RoleMap(const std::vector<std::string>& wanted, bool everything) : everything_(everything) {
  for (const std::string& one : wanted) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == one.size())
      misused("--map-role", "\"" + one + "\" is not OLD=NEW", "Name a role of the backup and one of the target.");
    if (!map_.emplace(one.substr(0, equals), one.substr(equals + 1)).second)
      misused("--map-role", "the role " + one.substr(0, equals) + " is mapped twice", "Map it once.");
  }
}

void RoleMap::look(Connection& server, const std::vector<Globals*>& states, Obstacles& obstacles) {
  std::set<std::string> roles;
  for (const Globals* globals : states)
    for (const GlobalRole& role : globals->roles) roles.insert(role.name);
  for (const auto& [from, to] : map_) {
    if (!roles.contains(from))
      misused("--map-role", "the backup has no role " + from, "Its roles: " + joined(roles) + ".");
    const bool exists =
        server.exec("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", {std::optional(to)}).rows() > 0;
    const bool comes = roles.contains(to) && !maps(to) && !everything_;  // out of the backup
    if (!exists && !comes)
      obstacles.add("the role " + to + ", which is to take the place of " + from + ", is not on the server",
                    "Create it, or name another one.");
  }
  user_ = server.exec("SELECT session_user").text(0, 0);
  meet({roles.begin(), roles.end()});
}

void RoleMap::meet(const std::vector<std::string>& roles) {
  if (!everything_) return;
  for (const std::string& role : roles)
    if (role != user_) map_.emplace(role, user_);
}

const std::string& RoleMap::operator()(const std::string& role) const {
  const auto found = map_.find(role);
  return found == map_.end() ? role : found->second;
}

json RoleMap::apply(json properties) const {
  replace(properties, "owner", *this);
  for (const char* list : {"acl", "settings"}) {
    const auto found = properties.find(list);
    if (found == properties.end() || !found->is_array()) continue;
    for (json& item : *found)
      for (const char* key : {"grantor", "grantee", "role"}) replace(item, key, *this);
  }
  return properties;
}

void map_tablespaces(const std::vector<std::string>& wanted, const std::vector<Globals*>& states) {
  for (const std::string& one : wanted) {
    const std::size_t equals = one.find("=/");
    if (equals == std::string::npos || equals == 0)
      misused("--map-tablespace", "\"" + one + "\" is not OLD=/DIRECTORY",
              "Name a tablespace of the backup or its directory, and the directory to make it in.");
    const std::string from = one.substr(0, equals), to = one.substr(equals + 1);
    bool found = false;
    std::set<std::string> all;
    for (Globals* globals : states)
      for (Tablespace& space : globals->tablespaces) {
        all.insert(space.name + " (" + space.location + ")");
        if (space.name != from && space.location != from) continue;
        found = true;
        space.location = to;
        for (GlobalStatement& statement : space.statements)
          if (statement.words[0] == "CREATE")
            statement.text = "CREATE TABLESPACE " + quote_identifier(space.name) + " OWNER " +
                             quote_identifier(word_after(statement.words, "OWNER")) + " LOCATION " + quote_literal(to) +
                             ";";
      }
    if (!found)
      misused("--map-tablespace", "the backup has no tablespace " + from, "Its tablespaces: " + joined(all) + ".");
  }
}

}  // namespace lpbm::job
