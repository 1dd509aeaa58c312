#include "job/preconditions.h"

#include <functional>

#include "base/error.h"
#include "codec/crypto.h"
#include "job/keys.h"
#include "job/leftovers.h"

namespace lpbm::job {
namespace {

using nlohmann::json;

constexpr const char* directory_hint = "Let the server's user write to lpbm.directory, or set it to another place.";
constexpr const char* encryption_hint =
    "See lpbm.recipients, lpbm.passphrase_file and lpbm.passphrase_command; a file must belong to the server's user "
    "and "
    "have mode 0600.";
constexpr const char* store_hint = "See lpbm.store and what it needs; backups begin as soon as it can be written to.";
constexpr const char* program_hint = "Install PostgreSQL's client programs of the server's version beside the server.";
constexpr const char* connection_hint =
    "The server's superuser must get in from the server itself without being asked for a password: see pg_hba.conf and "
    "lpbm.conninfo.";

void check_program(const Site& site, const char* name) {
  postgres::Command command;
  command.program = (site.settings().bindir / name).string();
  command.arguments = {"--version"};
  command.what = std::string("looking for ") + name;
  const std::string version = postgres::run_text(command);
  const int wanted = site.settings().server_version / 10000;
  if (wanted != 0 && major_version(version) != wanted)
    throw Error(ErrorKind::permanent, command.what,
                command.program + " is of version " + std::to_string(major_version(version)) + ", the server of " +
                    std::to_string(wanted),
                program_hint);
}

void check_connection(const Site& site) {
  postgres::Connection connection = site.connect();
  const auto role = connection.exec("SELECT rolsuper, rolname FROM pg_roles WHERE rolname = current_user");
  if (role.rows() != 1 || role.text(0, 0) != "t")
    throw Error(ErrorKind::permanent, "connecting to " + site.settings().database,
                "the role \"" + (role.rows() == 1 ? role.text(0, 1) : std::string()) + "\" is no superuser",
                "Name a superuser by user=... in lpbm.conninfo.");
}

// Writes, confirms and removes a few random bytes: what a backup needs of the store.
void check_store(const Site& site) {
  const std::unique_ptr<store::Store> store = site.open_store();
  const std::string name = store_prefix(site.settings().site) + "probe";
  for (const store::Listed& left : store->list(name)) store->remove(left.cid);  // by somebody who was killed here
  const std::unique_ptr<store::Writer> probe = store->put(name);
  probe->write(codec::random_bytes(32));
  probe->finish();
  store->confirm(probe->stored().cid);
  store->remove(probe->stored().cid);
}

void check_directory(const Site& site) {
  const std::filesystem::path probe = site.path("probe");
  replace_file(probe, "lpbm\n");
  std::filesystem::remove(probe);
}

}  // namespace

int major_version(const std::string& text) {
  const std::size_t mark = text.find("(PostgreSQL) ");
  if (mark == std::string::npos) return 0;
  return std::atoi(text.c_str() + mark + 13);
}

// One database at a time: keys and journal are made once, and what probes leave behind is another's.
json run_init(const Site& site) {
  std::optional<FileLock> lock;
  json problems = json::array();
  const auto check = [&](const char* name, const char* hint, const std::function<void()>& step) {
    try {
      step();
    } catch (const Error& error) {
      problems.push_back(
          {{"name", name}, {"problem", error.what()}, {"hint", error.hint().empty() ? hint : error.hint()}});
    } catch (const std::filesystem::filesystem_error& error) {
      problems.push_back({{"name", name}, {"problem", error.what()}, {"hint", hint}});
    }
  };
  json result{{"key", nullptr}, {"recipients", json::array()}};
  bool keys = false;
  check("directory", directory_hint, [&] {
    make_directory(site.settings().directory);
    lock.emplace(site.path("init.lock"));
    make_directory(site.settings().state);
    make_keys(site);
    check_directory(site);
    keys = true;
  });
  if (keys)
    check("encryption", encryption_hint, [&] {
      const journal::Header header = make_journal(site);
      settle_home(site);
      result["key"] = header.key;
      if (site.settings().encryption == "age") result["recipients"] = site.recipients(header);
    });
  check("store", store_hint, [&] { check_store(site); });
  check("pg_dump", program_hint, [&] { check_program(site, "pg_dump"); });
  check("pg_dumpall", program_hint, [&] { check_program(site, "pg_dumpall"); });
  check("connection", connection_hint, [&] { check_connection(site); });
  result["problems"] = std::move(problems);
  return result;
}

}  // namespace lpbm::job
