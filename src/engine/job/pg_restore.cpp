#include "job/pg_restore.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "job/preconditions.h"
#include "postgres/child.h"

namespace lpbm::job {
namespace {

constexpr int major_step = 10000;

int major_of(const std::string& program) {
  postgres::Command command;
  command.program = program;
  command.arguments = {"--version"};
  command.what = "looking for pg_restore";
  return major_version(postgres::run_text(command));
}

bool is_of(const std::string& program, int major) {
  try {
    return major_of(program) == major;
  } catch (const Error&) {
    return false;
  }
}

bool is_program(const std::string& path) {
  return ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_pg_restore(const std::filesystem::path& bindir, int server_version) {
  if (!bindir.empty()) return (bindir / "pg_restore").string();
  const int major = server_version / major_step;
  std::string first;
  const char* path = std::getenv("PATH");
  std::istringstream directories(path ? path : "");
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string program = directory + "/pg_restore";
    if (!directory.starts_with('/') || !is_program(program)) continue;
    if (is_of(program, major)) return program;
    if (first.empty()) first = program;
  }
  std::string usual = "/usr/lib/postgresql/" + std::to_string(major) + "/bin/pg_restore";
  return first.empty() || is_program(usual) ? usual : first;
}

void check_pg_restore(const std::string& program, int source_version, int server_version) {
  const int major = major_of(program);
  const int source = source_version / major_step;
  const int server = server_version / major_step;
  if (major >= source && major <= server) return;
  throw Error(ErrorKind::permanent, "looking for pg_restore",
              program + " is of PostgreSQL " + std::to_string(major) + ", the backup of " + std::to_string(source) +
                  ", the server of " + std::to_string(server),
              "Say with --bindir where the programs of PostgreSQL " + std::to_string(server) + " are.");
}

}  // namespace lpbm::job
