// A restore runs code of the database it restores: functions in constraints, domains, generated columns and indexes, at
// each row and in some commands. Whoever could write that code on the source must not thereby act as the superuser who
// restores. SET ROLE is no bound, since code can RESET it. What PostgreSQL does not let code out of is a SECURITY
// DEFINER function: inside it neither role nor session authorization can be changed, however deep the code goes.
//
// So functions that belong to no superuser are SECURITY DEFINER while rows are restored, commands of roles that are no
// superusers run inside such a function (run_confined), and what cannot be bound that way is refused (refuse_reach).
// Superusers of the source are trusted: what they own may do whatever it does.
#pragma once

#include <string>
#include <vector>

#include "postgres/connection.h"

namespace lpbm::job {

// Functions that run as their owners. All it changes is part of the open transaction, or committed at once where none
// is open; the connection is a superuser's, outside of pipeline mode, and its search_path does not matter.
class CodeGuard {
 public:
  explicit CodeGuard(postgres::Connection& connection) : connection_(connection) {}
  // Binds what is not bound. Without `all` only functions that constraints, columns, indexes, operators, casts or types
  // refer to: what a row can reach.
  void arm(bool all);
  // Gives each its own state back; what vanished meanwhile is passed over.
  void disarm();
  [[nodiscard]] bool armed() const { return !functions_.empty(); }

 private:
  postgres::Connection& connection_;
  std::vector<std::string> functions_;  // oids
};

// Throws Error (permanent, step `what`) where a constraint or generated column of somebody who is no superuser calls
// what must not be called as a superuser: functions of the server that are barred to its owner, that run queries, or
// that change the session; those of dblink.
void refuse_reach(postgres::Connection& connection, const std::string& what);

// Whether a DDL command has to be confined: not that of a superuser. `role`: as SQL writes it, quoted. Throws Error
// where the role does not exist.
bool is_to_be_confined(postgres::Connection& connection, const std::string& role, const std::string& text);

// Runs one SQL command in the open transaction as `role`, as is_to_be_confined() has it, in a way that it cannot get
// out of: no role but its own, no trigger or cursor that it leaves to the commit, nothing in the session's temporary
// schema. `settings` are set before it and `resets` after it. What it did to the session's settings stays: they must be
// set anew.
void run_confined(postgres::Connection& connection, const std::string& role, const std::string& settings,
                  const std::string& text, const std::string& resets);

}  // namespace lpbm::job
