// The database that is restored into: found empty or made, marked until it is complete.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace lpbm::job {

class RestoreTarget {
 public:
  // Connects to another database of the server where that is possible. Throws Error (permanent) with hint unless the
  // user is a superuser, the server is at least of the major version `source_version` (PG_VERSION_NUM), and the
  // database is missing or empty. Changes nothing.
  RestoreTarget(const std::string& conninfo, int source_version);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool exists() const { return exists_; }
  // For what belongs to the whole server.
  [[nodiscard]] postgres::Connection& server() { return server_; }
  [[nodiscard]] postgres::Connection connect() const;
  // Makes the database where it is missing, and marks it: from here on it is refused until it is complete.
  void begin(const nlohmann::json& properties, const std::string& from, std::vector<std::string>& notes);
  // The mark goes with the last of the properties.
  void finish(const nlohmann::json& properties);

 private:
  void check_user();
  void check_empty() const;

  std::string conninfo_, name_;
  postgres::Connection server_;
  bool exists_ = false;
};

}  // namespace lpbm::job
