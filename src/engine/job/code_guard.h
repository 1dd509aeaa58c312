// A restore runs code of the database it restores: functions in constraints, domains, generated columns and indexes, at
// each row and in some commands. Whoever could write that code on the source must not thereby act as the superuser who
// restores. SET ROLE is no bound, since code can RESET it. What PostgreSQL does not let code out of is a SECURITY
// DEFINER function: inside it neither role nor session authorization can be changed, however deep the code goes.
//
// So functions that belong to no superuser are SECURITY DEFINER while rows are restored, commands of roles that are no
// superusers run inside such a function (run_confined), and what cannot be bound that way is refused (refuse_reach).
// Superusers of the source are trusted: what they own may do whatever it does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/ddl_ban.h"
#include "postgres/connection.h"

namespace lpbm::job {

// Functions that run as their owners, and may run no DDL (job/ddl_ban.h). All it changes is part of the open
// transaction, or committed at once where none is open; the connection is a superuser's, outside of pipeline mode, and
// its search_path does not matter.
class CodeGuard {
 public:
  explicit CodeGuard(postgres::Connection& connection) : connection_(connection), ban_(connection) {}
  // Binds what is not bound. Without `all` only functions that constraints, columns, indexes, operators, casts or types
  // refer to: what a row can reach.
  void arm(bool all);
  // Gives each its own state back; what vanished meanwhile is passed over.
  void disarm();
  // disarm(), and nothing is left in the database that was not its own.
  void remove();
  // As run_confined(), for a command that cannot be run inside of a function: under SET LOCAL ROLE, all functions being
  // bound meanwhile. What the command itself has changed of a function stays. Not while armed.
  void run_bound(const std::string& role, const std::string& settings, const std::string& text,
                 const std::string& resets);
  [[nodiscard]] bool armed() const { return !functions_.empty(); }

 private:
  struct Bound {
    std::string oid, version;                 // version: where its row of the catalog was, which changes with it
    std::optional<std::string> its_settings;  // its SET clauses, where one of them names a role
  };
  void bind(bool all);
  void unbind(bool unchanged_alone);

  postgres::Connection& connection_;
  DdlBan ban_;
  std::vector<Bound> functions_;
  std::optional<std::string> prepared_privileges_;  // of pg_prepared_statement() while it is barred; empty: the default
};

// Throws Error (permanent, step `what`) where a constraint or generated column of somebody who is no superuser calls
// what must not be called as a superuser: functions of the server that are barred to its owner, that run queries, or
// that change the session; those of dblink.
void refuse_reach(postgres::Connection& connection, const std::string& what);

enum class Confinement {
  none,      // a superuser's
  function,  // run_confined()
  role       // CodeGuard::run_bound(): it makes a function that sets a role, which is refused inside of a function
};
// How a DDL command has to be confined. `role`: as SQL writes it, quoted. Throws Error where the role does not exist.
Confinement confinement_of(postgres::Connection& connection, const std::string& role, const std::string& text);

// Runs one SQL command in the open transaction as `role`, in a way that it cannot get out of: no role but its own, no
// trigger or cursor that it leaves to the commit, nothing in the session's temporary schema. `settings` are set before
// it and `resets` after it. What it did to the session's settings stays: they must be set anew.
void run_confined(postgres::Connection& connection, const std::string& role, const std::string& settings,
                  const std::string& text, const std::string& resets);

}  // namespace lpbm::job
