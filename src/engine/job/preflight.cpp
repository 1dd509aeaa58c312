#include "job/preflight.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using postgres::Connection;
using postgres::quote_literal;
using postgres::Result;

std::string text_member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void check_extension(Connection& connection, const json& extension, Obstacles& obstacles, const Tell& tell) {
  const std::string name = text_member(extension, "name"), version = text_member(extension, "version");
  if (name == "lpbm") return;  // left out where it is missing
  const Result found = connection.exec("SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = $1",
                                       {std::optional(name)});
  if (found.rows() == 0)
    obstacles.add("the extension " + name + " is not installed on the server",
                  "Install its package there, of version " + version + " or later.");
  else if (found.text(0, 0) != version)
    tell("the extension " + name + " comes in version " + found.text(0, 0) + ", the backup is of " + version);
}

// The server's words against this locale; empty: it knows it. A locale that is there, but of another encoding than the
// database that we are connected to, is known.
std::string refusal(Connection& connection, const std::string& definition) {
  connection.exec("BEGIN");
  std::string words;
  try {
    connection.exec("CREATE COLLATION pg_temp.lpbm_trial (" + definition + ")");
  } catch (const Error& error) {
    if (PQstatus(connection.raw()) != CONNECTION_OK) throw;
    const bool known = error.cause().find("does not match locale") != std::string::npos;
    const bool barred = error.cause().find("permission denied") != std::string::npos;  // no superuser, which is told
    if (!known && !barred) words = error.cause();
  }
  connection.exec("ROLLBACK");
  return words;
}

class Locales {
 public:
  Locales(Connection& connection, Obstacles& obstacles) : connection_(connection), obstacles_(obstacles) {}

  void libc(const std::string& name, const std::string& whose, const std::string& instead) {
    if (name.empty() || name == "C" || name == "POSIX" || !seen_.insert("c " + name).second) return;
    if (refusal(connection_, "PROVIDER = libc, LOCALE = " + quote_literal(name)).empty()) return;
    obstacles_.add("the locale " + name + " of " + whose + " is not known to the server's system",
                   "Generate it on that host and restart the server" + instead + ".");
  }
  void icu(const std::string& name, const std::string& whose, const std::string& instead) {
    if (name.empty() || !seen_.insert("i " + name).second) return;
    const std::string words = refusal(connection_, "PROVIDER = icu, LOCALE = " + quote_literal(name));
    if (words.empty()) return;
    obstacles_.add("the ICU locale " + name + " of " + whose + " is not known to the server: " + words,
                   "Use a server that is built with ICU and knows it" + instead + ".");
  }

 private:
  Connection& connection_;
  Obstacles& obstacles_;
  std::set<std::string> seen_;
};

// What pg_dumpall writes of a role's attributes, and the column that holds each.
constexpr std::array attributes = {std::pair{"SUPERUSER", "rolsuper"},         std::pair{"CREATEROLE", "rolcreaterole"},
                                   std::pair{"CREATEDB", "rolcreatedb"},       std::pair{"LOGIN", "rolcanlogin"},
                                   std::pair{"REPLICATION", "rolreplication"}, std::pair{"BYPASSRLS", "rolbypassrls"}};

// Those that the role had, of `attributes`.
std::set<std::string> attributes_of(const GlobalRole& role) {
  std::set<std::string> out;
  for (const GlobalStatement& statement : role.statements) {
    const auto& words = statement.words;
    if (words[0] != "ALTER" || words.size() < 5 || words[3] != "WITH") continue;
    for (const auto& [attribute, column] : attributes)
      if (std::find(words.begin() + 4, words.end(), attribute) != words.end()) out.insert(attribute);
  }
  return out;
}

std::string joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::map<std::string, std::set<std::string>> roles_of(Connection& connection) {
  std::string query = "SELECT rolname";
  for (const auto& [attribute, column] : attributes) query += std::string(", ") + column;
  const Result result = connection.exec(query + " FROM pg_catalog.pg_roles");
  std::map<std::string, std::set<std::string>> out;
  for (int row = 0; row < result.rows(); ++row) {
    std::set<std::string>& has = out[result.text(row, 0)];
    for (std::size_t i = 0; i < attributes.size(); ++i)
      if (result.text(row, static_cast<int>(i) + 1) == "t") has.insert(attributes[i].first);
  }
  return out;
}

// A server on this host makes a tablespace only in a directory of its own user.
bool belongs_to_another(Connection& connection, const std::string& directory) {
  const char* host = PQhost(connection.raw());
  if (!host || host[0] != '/') return false;
  const std::string data = connection.exec("SHOW data_directory").text(0, 0);
  struct stat theirs {
  }, place{};
  return ::stat(data.c_str(), &theirs) == 0 && ::stat(directory.c_str(), &place) == 0 && theirs.st_uid != place.st_uid;
}

std::string tablespace_trouble(Connection& connection, const std::string& directory) {
  try {
    const Result stat = connection.exec("SELECT (pg_catalog.pg_stat_file($1, true)).isdir", {std::optional(directory)});
    if (stat.text(0, 0) != "t") return "there is no directory " + directory;
    const Result files =
        connection.exec("SELECT pg_catalog.count(*) FROM pg_catalog.pg_ls_dir($1)", {std::optional(directory)});
    if (files.text(0, 0) != "0") return "the directory " + directory + " is not empty";
    if (belongs_to_another(connection, directory))
      return "the directory " + directory + " does not belong to the server's user";
    return {};
  } catch (const Error& error) {
    if (PQstatus(connection.raw()) != CONNECTION_OK) throw;
    return "the server cannot use the directory " + directory + ": " + error.cause();
  }
}

}  // namespace

void check_database_needs(Connection& connection, const json& properties, bool makes_database, Obstacles& obstacles,
                          const Tell& tell) {
  for (const json& extension : properties.value("extensions", json::array()))
    check_extension(connection, extension, obstacles, tell);
  Locales locales(connection, obstacles);
  if (makes_database) {
    const std::string instead = ", or create the empty database yourself with a locale that you accept";
    for (const char* key : {"collate", "ctype"}) locales.libc(text_member(properties, key), "the database", instead);
    if (text_member(properties, "locale_provider") == "i")
      locales.icu(text_member(properties, "locale"), "the database", instead);
  }
  for (const json& collation : properties.value("collations", json::array())) {
    const std::string whose = "the collation " + text_member(collation, "name");
    if (text_member(collation, "provider") == "c")
      for (const char* key : {"collate", "ctype"}) locales.libc(text_member(collation, key), whose, "");
    else if (text_member(collation, "provider") == "i")
      locales.icu(text_member(collation, "locale"), whose, "");
  }
}

void check_tablespaces(Connection& connection, const Globals& globals, Obstacles& obstacles) {
  std::map<std::string, std::string> wanted;
  for (const Tablespace& space : globals.tablespaces) {
    if (connection.exec("SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = $1", {std::optional(space.name)})
            .rows() > 0)
      continue;
    std::string trouble = tablespace_trouble(connection, space.location);
    const auto [other, is_new] = wanted.emplace(space.location, space.name);
    if (trouble.empty() && !is_new) trouble = "the directory " + space.location + " is that of " + other->second;
    if (!trouble.empty())
      obstacles.add("the tablespace " + space.name + " cannot be made: " + trouble,
                    "Make that directory, empty and owned by the server's user, name another one by --map-tablespace, "
                    "or make the tablespace yourself.");
  }
}

void tell_globals(Connection& connection, const Globals& globals, const RoleMap& map, const Tell& tell) {
  const auto present = roles_of(connection);
  std::set<std::string> made, spaces;
  for (const GlobalRole& role : globals.roles) {
    if (map.maps(role.name)) continue;
    const auto found = present.find(role.name);
    if (found == present.end()) {
      made.insert(role.name);
      continue;
    }
    const std::set<std::string> had = attributes_of(role);
    if (had == found->second) continue;
    const auto shown = [](const std::set<std::string>& set) { return set.empty() ? "none of them" : joined(set); };
    tell("the role " + role.name + " is there already and stays as it is: it has " + shown(found->second) + ", had " +
         shown(had));
  }
  for (const Tablespace& space : globals.tablespaces)
    if (connection.exec("SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = $1", {std::optional(space.name)})
            .rows() == 0)
      spaces.insert(space.name + " in " + space.location);
  if (!made.empty()) tell("roles that will be made: " + joined(made));
  if (!spaces.empty()) tell("tablespaces that will be made: " + joined(spaces));
}

}  // namespace lpbm::job
