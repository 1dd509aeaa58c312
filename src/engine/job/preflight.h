// What a backup needs of the server that it is restored into, compared with what that server has. Nothing is changed
// there: what has to be tried is tried in a transaction that is rolled back.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "job/globals.h"
#include "job/obstacles.h"
#include "job/role_map.h"
#include "postgres/connection.h"

namespace lpbm::job {

// Told as it is found; never a reason to stop.
using Tell = std::function<void(const std::string&)>;

// Extensions and locales that a database of `properties` (job/database_properties.h) needs and the server has not
// become obstacles; an extension that comes in another version is told. `makes_database`: it will be made with the
// locale that it had. `connection`: a superuser's, no transaction open, lc_messages C.
void check_database_needs(postgres::Connection& connection, const nlohmann::json& properties, bool makes_database,
                          Obstacles& obstacles, const Tell& tell);

// Tablespaces that are missing and cannot be made become obstacles.
void check_tablespaces(postgres::Connection& connection, const Globals& globals, Obstacles& obstacles);

// Roles and tablespaces that will be made are told, and roles that are there with other attributes, which they keep.
// Nothing is told of roles in whose places others are.
void tell_globals(postgres::Connection& connection, const Globals& globals, const RoleMap& map, const Tell& tell);

}  // namespace lpbm::job
