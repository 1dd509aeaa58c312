// Which pg_restore: an older one cannot read a newer one's dump, and a newer one says what an older server does not
// know.
#pragma once

#include <filesystem>
#include <string>

namespace lpbm::job {

// pg_restore of `bindir`; where that is empty the first of the PATH that is of the server's major version, or that of
// the usual place of this version, or the first of the PATH at all. Versions are PG_VERSION_NUM.
std::string find_pg_restore(const std::filesystem::path& bindir, int server_version);

// Throws Error (permanent) where it cannot be run, or stands not between source and server by its version.
void check_pg_restore(const std::string& program, int source_version, int server_version);

}  // namespace lpbm::job
