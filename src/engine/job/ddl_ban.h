// While rows are restored, nobody but a superuser may run DDL in the database: code that rows run could alter a
// function back that job/code_guard.h has bound, and the next row would run it as the one who restores. An event
// trigger holds that, in a schema of its own with a name that nobody can guess.
#pragma once

#include <string>

#include "postgres/connection.h"

namespace lpbm::job {

// The connection is a superuser's, outside of pipeline mode, with pg_catalog alone in its search_path; what is made is
// part of the open transaction, or committed at once where none is open, and counts in all sessions that fire event
// triggers. It is not removed at destruction: a database where a restore failed is to be dropped.
// `head` and what nobody can guess.
std::string unguessable_name(const std::string& head);

class DdlBan {
 public:
  explicit DdlBan(postgres::Connection& connection) : connection_(connection) {}
  // From now on DDL of others than superusers fails, unless they are the session's own user.
  void forbid();
  // As forbid(), but for the first command that is not a superuser's.
  void forbid_after_one();
  // Until then everybody may again.
  void lift();
  // lift(), and nothing of it is left.
  void remove();

  struct State {
    std::string name;   // of schema and event trigger; empty: they are not there
    std::string taken;  // oid of the sequence that counts commands of others
    bool on = false;
    bool own_language = false;  // the database is without plpgsql, but for this
  };
  [[nodiscard]] const State& state() const { return state_; }
  // The transaction went back to where this was the state.
  void rolled_back_to(const State& state) { state_ = state; }

 private:
  void create();

  postgres::Connection& connection_;
  State state_;
};

}  // namespace lpbm::job
