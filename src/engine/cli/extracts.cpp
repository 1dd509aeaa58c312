#include <unistd.h>

#include "base/error.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "job/extract.h"

namespace lpbm::cli {
namespace {

int extract(const Options& options) {
  job::ExtractOptions job;
  job.paths.assign(options.files.begin(), options.files.end());
  job.encoding = options.encoding;
  if (options.cluster_key.empty())
    note("records are not proven to be the server's; give its cluster.key by --cluster-key");
  else
    job.key = job::read_cluster_key(options.cluster_key);
  Output out(options.output, false);
  const job::ExtractReport report = job::extract(job, out);
  out.finish();
  for (const std::string& line : report.lines) note(line);
  return 0;
}

}  // namespace

void add_extract_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* command = add_command(
      app, "extract", "Turn the records in csvlog files into SQL",
      "For rescue, also from the log directory of a dead server: the SQL of all complete transactions goes to stdout, "
      "what is missing is said on stderr. No file is changed.");
  command->add_option("FILE", options.files, "csvlog files, or directories whose *.csv are meant")->required();
  command
      ->add_option("--cluster-key", options.cluster_key,
                   "cluster.key of the server's lpbm.directory, which proves the records")
      ->type_name("FILE");
  command->add_option("--encoding", options.encoding, "encoding of the backed-up database")
      ->type_name("NAME")
      ->capture_default_str();
  add_output_option(*command, options);
  command->callback([&] { chosen = [&] { return extract(options); }; });
}

}  // namespace lpbm::cli
