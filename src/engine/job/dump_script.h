// What pg_restore makes of a dump, as SQL text, run statement by statement in a session of our own: between two of them
// functions are bound (job/code_guard.h), and before each commit goes what code has left for it. pg_restore's own
// session would commit without asking anybody.
#pragma once

#include <string>

#include "base/stream.h"
#include "delta/sql_statements.h"
#include "job/code_guard.h"
#include "job/replay_session.h"
#include "postgres/connection.h"

namespace lpbm::job {

class DumpScript {
 public:
  // `session` is a superuser's, to be used for nothing else; `guard` works in another one, `guarding`. Both outlive
  // this.
  DumpScript(postgres::Connection& session, postgres::Connection& guarding, CodeGuard& guard);
  // Runs all of `script`; Error (permanent, or as the server's) at the first statement that fails, or behind which code
  // has left other settings, or where a constraint calls what refuse_reach() refuses. Afterwards functions are bound,
  // unless event triggers were made: they are not to see what goes on here, and what comes behind them runs no code
  // that is to be bound.
  void run(Source& script);

 private:
  void before(const std::string& statement);
  void execute(delta::SqlStatements& statements, const std::string& statement);
  void after(const std::string& statement);

  postgres::Connection& session_;
  postgres::Connection& guarding_;
  CodeGuard& guard_;
  ReplaySession settings_;
  bool unbound_ = false;   // functions were made and not bound yet
  bool finished_ = false;  // nothing is to be bound any more
};

}  // namespace lpbm::job
