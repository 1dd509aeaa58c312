// A PostgreSQL server of our own for a short time: initdb in a temporary directory, reachable by a Unix socket in it
// alone, gone with this object, and shut down by the kernel's signal when the thread that made it dies.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "postgres/child.h"

namespace lpbm::postgres {

// Where its directory is made, and how the name of that begins.
struct ScratchPlace {
  std::filesystem::path parent = {};  // empty: the system's directory of temporary files
  std::string prefix = "lpbm-scratch-";
};

class ScratchServer {
 public:
  // `bindir`: of initdb and postgres. `settings`: "name=value" each, beside those for speed. Servers do not run as
  // root: as root it runs as the system's user postgres, or nobody. Throws Error (permanent) with the server's last
  // words when it does not start within a minute.
  explicit ScratchServer(const std::filesystem::path& bindir, const std::vector<std::string>& settings = {},
                         const ScratchPlace& place = {});
  ScratchServer(const ScratchServer&) = delete;
  ScratchServer& operator=(const ScratchServer&) = delete;
  // Stops the server and removes its directory.
  ~ScratchServer();
  // A conninfo of a superuser named postgres.
  [[nodiscard]] std::string conninfo(const std::string& database = "postgres") const;
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path; }
  [[nodiscard]] pid_t pid() const { return server_ ? server_->pid() : -1; }

 private:
  struct Directory {
    std::filesystem::path path;
    ~Directory();
  };
  void make_directory(const ScratchPlace& place);
  void start(const std::vector<std::string>& settings);
  void wait_ready();

  std::filesystem::path bindir_;
  std::string user_;
  Directory directory_;
  std::unique_ptr<Background> server_;
};

}  // namespace lpbm::postgres
