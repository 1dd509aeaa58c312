#include "job/site.h"

#include <fcntl.h>
#include <sys/file.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::job {
namespace {

std::string read_key(const std::filesystem::path& path) {
  std::string key = from_hex(read_secret(path));
  if (key.size() != 32) throw Error(ErrorKind::permanent, "reading " + path.string(), "it does not hold a key");
  return key;
}

bool flocked(const File& file, int operation) {
  int result;
  do result = ::flock(file.fd(), operation);
  while (result != 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw Error(ErrorKind::retryable, "locking " + file.path(), std::strerror(errno));
}

File lock_file(const std::filesystem::path& path) {
  return File::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

}  // namespace

std::string Site::cluster_key() const {
  return read_key(path("cluster.key"));
}

codec::SigningKey Site::signing_key() const {
  return codec::signing_key(read_key(path("site.key")));
}

std::vector<std::string> Site::recipients(const journal::Header& header) const {
  std::vector<std::string> out = settings_.recipients.empty() ? header.recipients : settings_.recipients;
  if (out.empty())
    throw Error(ErrorKind::permanent, "preparing the encryption", "there is no recipient",
                "Set lpbm.recipients, or begin a new journal with a passphrase.");
  codec::check_recipients(out);
  return out;
}

std::unique_ptr<store::Store> Site::open_store(std::chrono::milliseconds patience,
                                               std::function<void(const std::string&)> waiting) const {
  store::Options options;
  options.url = settings_.store;
  options.directory = settings_.directory.string();
  options.site = settings_.site;
  options.part_size = settings_.part_size;
  options.ipfs_api = split_list(settings_.ipfs_api);
  options.auth_file = settings_.store_auth_file;
  options.ca_file = settings_.store_ca_file;
  options.replication_min = settings_.replication_min;
  options.replication_max = settings_.replication_max;
  options.patience = patience;
  options.waiting = std::move(waiting);
  return store::open(options);
}

postgres::Connection Site::connect() const {
  postgres::Connection connection(postgres::with_database(settings_.conninfo, settings_.database));
  // First of all: the database's owner may have set another, and we are a superuser.
  connection.exec("SET search_path = pg_catalog");
  postgres::lift_timeouts(connection);
  return connection;
}

postgres::Command Site::program(const char* name, std::vector<std::string> arguments, const std::string& what,
                                const std::string& options) const {
  const postgres::Connection probe(postgres::with_database(settings_.conninfo, settings_.database));
  postgres::ChildTarget target = postgres::child_target(probe, settings_.database, options);
  postgres::Command command;
  command.program = (settings_.bindir / name).string();
  command.arguments = std::move(arguments);
  command.arguments.emplace_back("--no-password");
  command.arguments.push_back("--dbname=" + target.conninfo);
  command.environment = std::move(target.environment);
  command.what = what;
  return command;
}

FileLock::FileLock(const std::filesystem::path& path) : file_(lock_file(path)) {
  flocked(file_, LOCK_EX);
}

std::optional<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  File file = lock_file(path);
  if (!flocked(file, LOCK_EX | LOCK_NB)) return std::nullopt;
  return FileLock(std::move(file));
}

std::string entry_name(journal::Kind kind, unsigned share) {
  static std::atomic<Micros> last{0};
  Micros time = now() / name_shares * name_shares + share % name_shares;
  Micros before = last.load();
  do {
    if (time <= before) time = before + name_shares;
  } while (!last.compare_exchange_weak(before, time));
  return to_iso(time) + (kind == journal::Kind::full ? "-full" : "-delta");
}

std::string store_prefix(const std::string& site) {
  return store::name_prefix(site);
}

}  // namespace lpbm::job
