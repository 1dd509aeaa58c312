#include "postgres/scratch_server.h"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "postgres/connection.h"

namespace lpbm::postgres {
namespace {

const char* const step = "starting a scratch server";

// The user to step down to; empty when we are not root.
std::string server_user() {
  if (::geteuid() != 0) return {};
  for (const char* name : {"postgres", "nobody"})
    if (::getpwnam(name)) return name;
  throw Error(ErrorKind::permanent, step, "servers do not run as root, and there is no user postgres",
              "Run it as another user.");
}

}  // namespace

ScratchServer::Directory::~Directory() {
  std::error_code ignored;
  if (!path.empty()) std::filesystem::remove_all(path, ignored);
}

ScratchServer::ScratchServer(const std::filesystem::path& bindir, const std::vector<std::string>& settings,
                             const ScratchPlace& place)
    : bindir_(bindir), user_(server_user()) {
  make_directory(place);
  Command initdb;
  initdb.program = (bindir_ / "initdb").string();
  initdb.arguments = {"--pgdata=" + (directory_.path / "data").string(),
                      "--username=postgres",
                      "--auth=trust",
                      "--encoding=UTF8",
                      "--locale=C",
                      "--no-sync"};
  initdb.user = user_;
  initdb.what = step;
  run_text(initdb);
  start(settings);
  wait_ready();
}

ScratchServer::~ScratchServer() {
  constexpr int patience = 30;
  if (server_) server_->stop(SIGQUIT, patience);  // what is in it is thrown away
}

void ScratchServer::make_directory(const ScratchPlace& place) {
  const std::filesystem::path parent = place.parent.empty() ? std::filesystem::temp_directory_path() : place.parent;
  std::string path = (parent / (place.prefix + "XXXXXX")).string();
  if (!::mkdtemp(path.data())) throw Error(ErrorKind::retryable, step, path + ": " + std::strerror(errno));
  directory_.path = path;
  if (user_.empty()) return;
  const passwd* entry = ::getpwnam(user_.c_str());
  if (!entry || ::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0)
    throw Error(ErrorKind::permanent, step, path + " cannot be given to " + user_);
}

void ScratchServer::start(const std::vector<std::string>& settings) {
  Command command;
  command.program = (bindir_ / "postgres").string();
  command.arguments = {"-D", (directory_.path / "data").string(), "-k", directory_.path.string()};
  std::vector<std::string> all = {"listen_addresses=",         "fsync=off",
                                  "full_page_writes=off",      "logging_collector=off",
                                  "shared_preload_libraries=", "allow_in_place_tablespaces=on",
                                  "max_wal_size=2GB",          "autovacuum=off",
                                  "wal_level=minimal",         "max_wal_senders=0"};
  all.insert(all.end(), settings.begin(), settings.end());
  for (const std::string& setting : all) {
    command.arguments.emplace_back("-c");
    command.arguments.push_back(setting);
  }
  command.user = user_;
  command.what = step;
  // SIGQUIT is PostgreSQL's immediate shutdown: of all its processes.
  server_ = std::make_unique<Background>(command, (directory_.path / "log").string(), SIGQUIT);
}

void ScratchServer::wait_ready() {
  constexpr int tries = 600;
  constexpr auto pause = std::chrono::milliseconds(100);
  for (int i = 0; i < tries && server_->running(); ++i) {
    try {
      const Connection connection(conninfo());
      return;
    } catch (const Error&) {
      std::this_thread::sleep_for(pause);
    }
  }
  std::string log = read_file(directory_.path / "log");
  constexpr std::size_t tail = 2000;
  if (log.size() > tail) log.erase(0, log.size() - tail);
  throw Error(ErrorKind::permanent, step, log.empty() ? "it does not answer" : log);
}

std::string ScratchServer::conninfo(const std::string& database) const {
  return with_database("host='" + directory_.path.string() + "' port=5432 user=postgres", database);
}

}  // namespace lpbm::postgres
