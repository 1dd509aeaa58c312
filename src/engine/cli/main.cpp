// The command `lpbm`. See options.h for the pieces.
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "base/error.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "job/worker.h"

namespace {

using namespace lpbm;

constexpr int exit_usage = 2;

int run(int argc, char** argv) {
  CLI::App app{
      "lpbm: encrypted, near-real-time backups of a PostgreSQL database.\n"
      "The server backs itself up; this program asks it to, and restores from store, journal and secret alone."};
  app.name("lpbm");
  app.set_version_flag("--version", std::string("lpbm ") + cli::version);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage. Errors are on stderr as \"lpbm: what: cause\" and \"hint:\".\n"
      "lpbm COMMAND --help says more.");
  cli::Options options;
  cli::Command chosen;
  cli::add_backup_commands(app, options, chosen);
  cli::add_restore_command(app, options, chosen);
  cli::add_journal_commands(app, options, chosen);
  cli::add_object_commands(app, options, chosen);
  cli::add_extract_command(app, options, chosen);
  cli::add_keygen_command(app, options, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const bool unknown = app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-';
    cli::note("reading the command line: " +
              (unknown ? "there is no command \"" + std::string(argv[1]) + '"' : std::string(error.what())));
    ::fprintf(stderr, "hint: lpbm --help lists the commands, lpbm COMMAND --help their options.\n");
    return exit_usage;
  }
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "worker") == 0) return job::run_worker(STDIN_FILENO, STDOUT_FILENO);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    return cli::report(error);
  } catch (const std::bad_alloc&) {
    cli::note("running: out of memory");
  } catch (const std::exception& error) {
    cli::note(std::string("running: ") + error.what());
  }
  return 1;
}
