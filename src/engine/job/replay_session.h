// The settings of the session that replays, which code of the database could change under it.
#pragma once

#include <string>

#include "postgres/connection.h"

namespace lpbm::job {

// Changes go by their keys: a plan made while a table was small or never analyzed must not scan it when it has grown.
constexpr const char* keyed_plans = "SET enable_seqscan = off";

class ReplaySession {
 public:
  // The connection is a superuser's; all that follows is called outside of pipeline mode.
  explicit ReplaySession(postgres::Connection& connection) : connection_(connection) {}
  // Sets what rows are read and compared by; the scripts themselves set most of it.
  void begin();
  // Another script begins, with settings of its own.
  void begin_script();
  // Takes a setting of the script, which ends in a semicolon.
  void script_sets(const std::string& sql) { head_ += sql; }
  // Keeps the settings, which code of rows may change from now on, unless they are kept.
  void keep();
  [[nodiscard]] bool is_kept() const { return !kept_.empty(); }
  // Behind code of rows: closes its cursors, whose queries the commit would run, unbound; throws Error (permanent, step
  // `what`) where it left other settings than those that are kept.
  void look(const std::string& what);
  // Behind code that ran as a command: all settings as they were.
  void settle();

 private:
  postgres::Connection& connection_;
  std::string head_, kept_;
};

}  // namespace lpbm::job
