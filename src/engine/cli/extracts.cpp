#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "job/extract.h"
#include "job/statement_extract.h"

namespace lpbm::cli {
namespace {

void print_json(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

int extract_records(const Options& options, Output& out) {
  job::ExtractOptions job;
  job.paths.assign(options.files.begin(), options.files.end());
  job.encoding = options.encoding;
  if (options.cluster_key.empty())
    note("records are not proven to be the server's; give its cluster.key by --cluster-key");
  else
    job.key = job::read_cluster_key(options.cluster_key);
  job.stream = options.stream;
  job.database = options.database;
  if (!options.cluster_key.empty()) job.directory = std::filesystem::absolute(options.cluster_key).parent_path();
  const job::ExtractReport report = job::extract(job, out);
  out.finish();
  if (options.json)
    print_json(nlohmann::json{{"streams", report.streams},
                              {"transactions", report.transactions},
                              {"rows", report.rows},
                              {"gaps", report.gaps},
                              {"notes", report.lines}}
                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  else
    for (const std::string& line : report.lines) note(line);
  return 0;
}

int extract(const Options& options) {
  Output out(options.output, false);
  if (!options.cluster_key.empty()) return extract_records(options, out);
  job::StatementOptions job;
  job.files = job::log_files({options.files.begin(), options.files.end()});
  job.database = options.database;
  job.encoding = options.encoding;
  job.users = !options.no_users;
  job.stop_at_records = !options.statements;
  const job::StatementReport report = job::extract_statements(job, out);
  if (report.holds_records) {
    if (!options.database.empty())
      note("records of lpbm are in these files, and they alone are read; --statements reads what else was logged");
    return extract_records(options, out);
  }
  out.finish();
  if (options.json)
    print_json(report.json());
  else
    for (const std::string& line : report.text()) note(line);
  return 0;
}

}  // namespace

void add_extract_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* command = add_command(
      app, "extract", "Turn csvlog files into SQL",
      "For rescue, also from the log directory of a dead server: the SQL goes to stdout, what is missing is said on "
      "stderr. No file is changed. Where lpbm has written its records, these are read: all transactions, exactly. "
      "Where "
      "there are none, the statements that the server has logged (log_statement = mod or all) are put in order, those "
      "that failed or were rolled back left out as far as the log shows it; such a log cannot say everything, and what "
      "it cannot say is counted.");
  command->add_option("FILE", options.files, "csvlog files, or directories whose *.csv are meant")->required();
  auto* key = command
                  ->add_option("--cluster-key", options.cluster_key,
                               "cluster.key of the server's lpbm.directory, which proves the records")
                  ->type_name("FILE");
  command->add_option("--encoding", options.encoding, "encoding of the backed-up database")
      ->type_name("NAME")
      ->capture_default_str();
  command
      ->add_option("--database", options.database,
                   "of this database; may be left out if there is one alone. Whose records are whose is read from the "
                   "journal beside the cluster.key")
      ->type_name("NAME");
  command->add_option("--stream", options.stream, "the records of this stream alone (lpbm list --json names them)")
      ->type_name("ID");
  command->add_flag("--statements", options.statements, "read the logged statements, also beside records of lpbm")
      ->excludes(key);
  command->add_flag("--no-users", options.no_users, "leave out that statements run as the users who ran them");
  add_json_option(*command, options);
  add_output_option(*command, options);
  command->callback([&] { chosen = [&] { return extract(options); }; });
}

}  // namespace lpbm::cli
