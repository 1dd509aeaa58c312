#include "base/error.h"
#include "job/pg_restore.h"
#include "job/restore.h"

namespace lpbm::job {
namespace {

// The directory of the server's programs: that of pg_restore is one of them only where it is no wrapper (Debian's is).
std::filesystem::path server_bindir(const RestoreOptions& options) {
  if (!options.bindir.empty()) return options.bindir;
  const journal::Journal journal = journal::Journal::parse(options.journal);
  const journal::Plan plan = journal::make_plan(journal, options.until, options.entry, options.database);
  const std::filesystem::path found = find_pg_restore({}, plan.full.server_version);
  if (std::filesystem::exists(found.parent_path() / "initdb")) return found.parent_path();
  constexpr int major = 10000;
  const std::filesystem::path usual =
      "/usr/lib/postgresql/" + std::to_string(plan.full.server_version / major) + "/bin";
  if (std::filesystem::exists(usual / "initdb")) return usual;
  throw Error(ErrorKind::permanent, "checking the backup", "initdb and postgres were not found",
              "Say with --bindir where PostgreSQL's programs are.");
}

}  // namespace

RestoreResult check_restore(RestoreOptions options, const postgres::ScratchPlace& place) {
  options.bindir = server_bindir(options);
  options.scratch = true;
  const postgres::ScratchServer server(options.bindir, {}, place);
  options.target = server.conninfo("lpbm_check");
  RestoreResult result = restore(options);
  result.notes.emplace_back("restored into a scratch server, which was removed again");
  return result;
}

std::vector<NamedResult> check_restore_all(const RestoreOptions& options, const postgres::ScratchPlace& place) {
  std::vector<NamedResult> out;
  for (const std::string& database : restorable_databases(options.journal)) {
    RestoreOptions one = options;
    one.database = database;
    out.push_back({database, check_restore(std::move(one), place)});
  }
  return out;
}

}  // namespace lpbm::job
