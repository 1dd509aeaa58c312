// Triggers, rules and event triggers that would fire during replay (ENABLE ALWAYS, ENABLE REPLICA: the session replays
// with session_replication_role = replica, ordinary ones are silent by themselves) are held off: what they did on the
// source comes as rows of its own.
#pragma once

#include <string>
#include <vector>

#include "postgres/connection.h"

namespace lpbm::job {

// Works on a connection outside of pipeline mode. Everything it changes is part of the open transaction, or committed
// at once where none is open. What vanished meanwhile is passed over.
class Hold {
 public:
  explicit Hold(postgres::Connection& connection) : connection_(connection) {}
  // Finds and disables all that would fire. Costs one query when there are none.
  void off();
  // Gives triggers and rules the state back that off() found; event triggers only with `event_triggers`, since a DDL
  // command replayed meanwhile must not fire them.
  void on(bool event_triggers);

 private:
  struct Held {
    char kind = 't';   // t = trigger, r = rule, e = event trigger
    char state = 'A';  // A = always, R = replica
    std::string oid;
  };
  void set(const Held& held, bool enable);

  postgres::Connection& connection_;
  std::vector<Held> held_;
};

}  // namespace lpbm::job
