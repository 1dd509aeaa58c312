// The database that is restored into: found empty or made, marked until it is complete.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "job/obstacles.h"
#include "postgres/connection.h"

namespace lpbm::job {

class RestoreTarget {
 public:
  // Connects to another database of the server where that is possible. An obstacle is found where the user is no
  // superuser, the server is not at least of the major version `source_version` (PG_VERSION_NUM), or the database is
  // neither missing nor empty. Changes nothing.
  RestoreTarget(const std::string& conninfo, int source_version);

  // What was found at the begin, and what else is found before anything is changed.
  [[nodiscard]] Obstacles& obstacles() { return obstacles_; }
  [[nodiscard]] bool is_superuser() const { return superuser_; }
  // Throws what is in obstacles(), if anything is.
  void refuse() const { obstacles_.refuse("restoring into " + name_); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool exists() const { return exists_; }
  // For what belongs to the whole server.
  [[nodiscard]] postgres::Connection& server() { return server_; }
  [[nodiscard]] postgres::Connection connect() const;
  // Makes the database where it is missing, and marks it: from here on it is refused until it is complete.
  void begin(const nlohmann::json& properties, const std::string& from);
  // The mark goes with the last of the properties.
  void finish(const nlohmann::json& properties);

 private:
  void check_user();
  void check_database();
  void check_empty();

  std::string conninfo_, name_;
  postgres::Connection server_;
  Obstacles obstacles_;
  bool exists_ = false, superuser_ = false;
};

}  // namespace lpbm::job
