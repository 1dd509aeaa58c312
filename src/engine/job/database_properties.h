// What pg_dump leaves out of a dump without --create: the properties of the database itself. Collected with each full
// into its manifest (docs/formats.md, Manifest of a full) and given back at restore.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace lpbm::job {

// Reads the properties of the connection's database, in one query each, in whatever transaction is open: inside the
// full's REPEATABLE READ transaction they are of its snapshot.
nlohmann::json collect_database_properties(postgres::Connection& connection);

// CREATE DATABASE from template0 with encoding, locale and tablespace of `properties`; nothing else is set. Collation
// that the server does not offer: Error (permanent) with hint. Must not run in a transaction.
void create_database(postgres::Connection& connection, const std::string& name, const nlohmann::json& properties);

// Gives the database `name` its owner and privileges: before any DDL is replayed in their roles' names. Roles must
// exist.
void apply_database_access(postgres::Connection& connection, const std::string& name, const nlohmann::json& properties);

// Gives the database `name` its settings, security labels, connection limit, template flag and comment, in one flushed
// transaction: until it has committed, whatever marks the database as unfinished is still there. `connection` is to
// that database, with client_encoding UTF8.
void apply_database_properties(postgres::Connection& connection, const std::string& name,
                               const nlohmann::json& properties);

// Differences of encoding and locale between `properties` and the existing database `name`, for people; empty: none.
std::vector<std::string> compare_database_properties(postgres::Connection& connection, const std::string& name,
                                                     const nlohmann::json& properties);

}  // namespace lpbm::job
