// Child programs (pg_dump, pg_restore, ...): no shell, stderr kept (its last 8 KiB), and they die with this process
// (more exactly with the thread that started them, which is the one that waits for them here). They get our environment
// without the PG* variables that choose a server, a database or session settings, so a conninfo argument means what it
// says. They have no terminal to ask at: give them --no-password.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/stream.h"

namespace lpbm::postgres {

struct Command {
  std::string program;  // absolute path
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value" added to ours
  std::string what;                      // for errors: "dumping the database"
  std::string user;                      // run as this user of the system, which only root can; empty: as ourselves
};

// Runs the command and pushes its stdout into `out` (not finished here). Throws Error (permanent, cause = the end of
// its stderr) when it exits other than 0, Error (retryable) when a signal killed it; a write error of `out` kills it
// and is thrown.
void run_into(const Command& command, Sink& out);
// Runs the command with `source` as its stdin; stdout is discarded. Throws likewise. A child that stops reading early
// and exits 0 is a success.
void run_from(const Command& command, Source& source);
// As run_from, with stdout into `out` (not finished here); a write error of `out` kills it and is thrown.
void run_through(const Command& command, Source& source, Sink& out);
// As run_from, with stdout as a string (at most 32 MiB).
std::string run_filter(const Command& command, Source& source);
// stdout as a string (at most 1 MiB).
std::string run_text(const Command& command);

// A server program that runs beside us until it is stopped; its stdout and stderr go to the file `log`. Killed by `end`
// when the thread that started it ends, and at destruction.
class Background {
 public:
  Background(const Command& command, const std::string& log, int end);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  // Sends `signal` and waits for the end; killed after `seconds`.
  void stop(int signal, int seconds);

 private:
  pid_t pid_ = -1;
  int end_;
};

}  // namespace lpbm::postgres
