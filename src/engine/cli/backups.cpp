#include <chrono>
#include <future>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "postgres/connection.h"

namespace lpbm::cli {
namespace {

constexpr std::chrono::milliseconds progress_interval{500};

// Shows the server's lpbm_progress while `done` has not come. Progress is a courtesy: where it cannot be read (no
// terminal, no permission) the job goes on all the same.
void follow(const Options& options, const std::future<std::optional<std::string>>& done) {
  ProgressLine line;
  std::unique_ptr<postgres::Connection> connection;
  while (done.wait_for(progress_interval) != std::future_status::ready) {
    try {
      if (!connection) connection = std::make_unique<postgres::Connection>(options.target);
      const auto row = connection->exec("SELECT phase, done, total, unit FROM lpbm_progress LIMIT 1");
      if (row.rows() == 0) continue;
      const auto total = row.get(0, 2);
      const std::string amount = row.get(0, 1).value_or("0");
      line.show(row.text(0, 0), std::stoull(amount), total ? std::optional(std::stoull(*total)) : std::nullopt,
                row.text(0, 3));
    } catch (const std::exception&) {
      break;
    }
  }
}

std::optional<std::string> call(const Options& options, const std::string& function) {
  postgres::Connection connection(options.target);
  try {
    const auto row = connection.exec("SELECT " + function + "(wait => " + (options.no_wait ? "false" : "true") + ")");
    return row.get(0, 0);
  } catch (const Error& error) {
    if (error.cause().find("SQLSTATE 42883") == std::string::npos) throw;
    throw Error(error.kind(), error.step(), error.cause(),
                "Name the backed-up database by --target, and run CREATE EXTENSION lpbm there.");
  }
}

int ask_server(const Options& options, const std::string& function, const char* nothing) {
  auto done = std::async(std::launch::async, [&] { return call(options, function); });
  follow(options, done);
  const std::optional<std::string> cid = done.get();
  std::string text = cid ? *cid : std::string(options.no_wait ? "asked for" : nothing);
  if (options.json) text = nlohmann::json{{"cid", cid ? nlohmann::json(*cid) : nlohmann::json(nullptr)}}.dump();
  Output out("", false);
  out.write(text + '\n');
  out.finish();
  return 0;
}

void add_common(CLI::App& command, Options& options) {
  command
      .add_option("--target", options.target,
                  "connection string to the backed-up database (default: as psql, from the environment)")
      ->type_name("CONNINFO");
  command.add_flag("--no-wait", options.no_wait, "ask for it and return at once");
  add_json_option(command, options);
}

}  // namespace

void add_backup_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* full = add_command(app, "full", "Ask a running server for a full backup",
                               "As SELECT lpbm_full_backup(): waits for it and prints its CID.");
  add_common(*full, options);
  full->callback([&] { chosen = [&] { return ask_server(options, "lpbm_full_backup", "no backup was taken"); }; });

  CLI::App* delta =
      add_command(app, "delta", "Ask a running server to back up what was committed until now",
                  "As SELECT lpbm_delta(): waits for it and prints the CID of the entry that holds all of "
                  "that, or says that nothing changed.");
  add_common(*delta, options);
  delta->callback([&] { chosen = [&] { return ask_server(options, "lpbm_delta", "nothing changed"); }; });
}

}  // namespace lpbm::cli
