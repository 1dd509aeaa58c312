#include "job/database_properties.h"

#include <array>
#include <string_view>

#include "base/error.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using postgres::Connection;
using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Result;

json nullable(const std::optional<std::string>& value) {
  return value ? json(*value) : json(nullptr);
}

// The columns of pg_database that came and went with versions.
std::string locale_columns(int version) {
  constexpr int v15 = 150000, v16 = 160000, v17 = 170000;
  std::string provider = version >= v15 ? "d.datlocprovider::text" : "'c'";
  std::string locale = version >= v17 ? "d.datlocale" : version >= v15 ? "d.daticulocale" : "NULL";
  std::string rules = version >= v16 ? "d.daticurules" : "NULL";
  return provider + ", " + locale + ", " + rules;
}

json collect_settings(Connection& connection) {
  const Result result = connection.exec(
      "SELECT r.rolname, c.setting FROM pg_catalog.pg_db_role_setting s"
      " LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole"
      " CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS c(setting, place)"
      " WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
      " ORDER BY r.rolname NULLS FIRST, c.place");
  json out = json::array();
  for (int row = 0; row < result.rows(); ++row) {
    const std::string setting = result.text(row, 1);
    const std::size_t equals = setting.find('=');
    out.push_back({{"role", nullable(result.get(row, 0))},
                   {"name", setting.substr(0, equals)},
                   {"value", setting.substr(equals + 1)}});
  }
  return out;
}

json collect_acl(Connection& connection) {
  const Result result = connection.exec(
      "SELECT pg_catalog.pg_get_userbyid(a.grantor), CASE a.grantee WHEN 0 THEN NULL"
      " ELSE pg_catalog.pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable"
      " FROM pg_catalog.pg_database d, LATERAL pg_catalog.aclexplode(d.datacl) a"
      " WHERE d.datname = pg_catalog.current_database()");
  json out = json::array();
  for (int row = 0; row < result.rows(); ++row)
    out.push_back({{"grantor", result.text(row, 0)},
                   {"grantee", nullable(result.get(row, 1))},
                   {"privilege", result.text(row, 2)},
                   {"grantable", result.text(row, 3) == "t"}});
  return out;
}

json collect_labels(Connection& connection) {
  const Result result = connection.exec(
      "SELECT l.provider, l.label FROM pg_catalog.pg_shseclabel l JOIN pg_catalog.pg_database d ON d.oid = l.objoid"
      " WHERE l.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass"
      " AND d.datname = pg_catalog.current_database() ORDER BY 1");
  json out = json::array();
  for (int row = 0; row < result.rows(); ++row)
    out.push_back({{"provider", result.text(row, 0)}, {"label", result.text(row, 1)}});
  return out;
}

// What a server must offer before the database can be there; looked at by a restore before it begins.
json collect_extensions(Connection& connection) {
  const Result result = connection.exec("SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY 1");
  json out = json::array();
  for (int row = 0; row < result.rows(); ++row)
    out.push_back({{"name", result.text(row, 0)}, {"version", result.text(row, 1)}});
  return out;
}

json collect_collations(Connection& connection) {
  constexpr int v15 = 150000, v17 = 170000;
  const int version = connection.server_version();
  const std::string locale = version >= v17 ? "c.colllocale" : version >= v15 ? "c.colliculocale" : "NULL";
  const Result result = connection.exec(
      "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname), c.collprovider::text,"
      " c.collcollate, c.collctype, " +
      locale +
      " FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace"
      " WHERE c.oid >= 16384 AND n.nspname <> 'pg_catalog' ORDER BY 1");
  json out = json::array();
  for (int row = 0; row < result.rows(); ++row)
    out.push_back({{"name", result.text(row, 0)},
                   {"provider", result.text(row, 1)},
                   {"collate", nullable(result.get(row, 2))},
                   {"ctype", nullable(result.get(row, 3))},
                   {"locale", nullable(result.get(row, 4))}});
  return out;
}

// Texts as UTF-8, as JSON wants them, whatever the session reads otherwise.
class Utf8 {
 public:
  explicit Utf8(Connection& connection) : connection_(connection), before_(PQclientEncoding(connection.raw())) {
    if (PQsetClientEncoding(connection.raw(), "UTF8") != 0)
      throw postgres::server_error("reading the database's properties", connection.raw(), nullptr);
  }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;
  ~Utf8() { PQsetClientEncoding(connection_.raw(), pg_encoding_to_char(before_)); }

 private:
  Connection& connection_;
  int before_;
};

// pg_dump is silent where something that a new database has by itself was dropped.
bool has(Connection& connection, const std::string& from_where) {
  return connection.exec("SELECT 1 FROM " + from_where).rows() > 0;
}

// The elements of a value that PostgreSQL keeps as a list of quoted names ("a b", c).
std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < list.size()) {
    if (list[at] == ' ' || list[at] == ',') {
      ++at;
      continue;
    }
    std::string name;
    if (list[at] == '"') {
      for (++at; at < list.size() && (list[at] != '"' || (at + 1 < list.size() && list[at + 1] == '"')); ++at) {
        if (list[at] == '"') ++at;
        name += list[at];
      }
      ++at;
    } else {
      while (at < list.size() && list[at] != ',' && list[at] != ' ') name += list[at++];
    }
    out.push_back(name);
  }
  if (out.empty()) out.emplace_back();
  return out;
}

// As pg_dump does it: the settings that PostgreSQL marks GUC_LIST_QUOTE, by name, all others are one literal.
std::string setting_value(const std::string& name, const std::string& value) {
  constexpr std::array<std::string_view, 6> lists = {"local_preload_libraries",   "search_path",
                                                     "session_preload_libraries", "shared_preload_libraries",
                                                     "temp_tablespaces",          "unix_socket_directories"};
  bool list = false;
  for (std::string_view known : lists) list = list || known == name;
  if (!list) return quote_literal(value);
  std::string out;
  for (const std::string& element : split_names(value)) out += (out.empty() ? "" : ", ") + quote_literal(element);
  return out;
}

// A setting's name may be qualified (plpgsql.extra_errors): each piece is a name of its own.
std::string setting_name(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return quote_identifier(name);
  return quote_identifier(name.substr(0, dot)) + "." + quote_identifier(name.substr(dot + 1));
}

void apply_settings(Connection& connection, const std::string& database, const json& settings) {
  connection.exec("ALTER DATABASE " + database + " RESET ALL");
  for (const json& setting : settings) {
    const std::string name = setting.at("name").get<std::string>();
    const std::string value = setting_value(name, setting.at("value").get<std::string>());
    const json& role = setting.at("role");
    const std::string whom =
        role.is_null() ? "ALTER DATABASE " + database
                       : "ALTER ROLE " + quote_identifier(role.get<std::string>()) + " IN DATABASE " + database;
    connection.exec(whom + " SET " + setting_name(name) + " TO " + value);
  }
}

std::string grant_statement(const std::string& database, const json& item) {
  const json& grantee = item.at("grantee");
  return "GRANT " + item.at("privilege").get<std::string>() + " ON DATABASE " + database + " TO " +
         (grantee.is_null() ? "PUBLIC" : quote_identifier(grantee.get<std::string>())) +
         (item.at("grantable").get<bool>() ? " WITH GRANT OPTION" : "");
}

// A privilege granted by somebody other than the owner can only be granted once he has it with grant option: what is
// refused now is tried again after the others, as long as a round brings something.
void apply_acl(Connection& connection, const std::string& database, const std::string& owner, const json& acl) {
  if (acl.is_null()) return;
  connection.exec("REVOKE ALL ON DATABASE " + database + " FROM PUBLIC");
  connection.exec("REVOKE ALL ON DATABASE " + database + " FROM " + quote_identifier(owner));
  std::vector<json> left(acl.begin(), acl.end());
  while (!left.empty()) {
    std::vector<json> later;
    std::optional<Error> refused;
    for (const json& item : left) {
      connection.exec("SAVEPOINT lpbm_grant");
      try {
        connection.exec("SET LOCAL ROLE " + quote_identifier(item.at("grantor").get<std::string>()));
        connection.exec(grant_statement(database, item));
        connection.exec("RESET ROLE");
      } catch (const Error& error) {
        if (PQtransactionStatus(connection.raw()) != PQTRANS_INERROR) throw;
        connection.exec("ROLLBACK TO SAVEPOINT lpbm_grant");
        refused.emplace(error);
        later.push_back(item);
      }
      connection.exec("RELEASE SAVEPOINT lpbm_grant");
    }
    if (later.size() == left.size()) throw Error(*refused);
    left = std::move(later);
  }
}

}  // namespace

json collect_database_properties(Connection& connection) {
  const Utf8 utf8(connection);
  const Result result = connection.exec(
      "SELECT d.datname, pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,"
      " pg_catalog.pg_get_userbyid(d.datdba), d.datconnlimit, d.datistemplate, t.spcname, d.datacl IS NULL,"
      " pg_catalog.shobj_description(d.oid, 'pg_database'), " +
      locale_columns(connection.server_version()) +
      " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace"
      " WHERE d.datname = pg_catalog.current_database()");
  if (result.rows() != 1)
    throw Error(ErrorKind::permanent, "reading the database's properties", "the database is not in pg_database");
  enum {
    name,
    encoding,
    collate,
    ctype,
    owner,
    limit,
    is_template,
    tablespace,
    no_acl,
    comment,
    provider,
    locale,
    rules
  };
  return {{"name", result.text(0, name)},
          {"encoding", result.text(0, encoding)},
          {"collate", result.text(0, collate)},
          {"ctype", result.text(0, ctype)},
          {"locale_provider", result.text(0, provider)},
          {"locale", nullable(result.get(0, locale))},
          {"icu_rules", nullable(result.get(0, rules))},
          {"owner", result.text(0, owner)},
          {"connection_limit", std::stoi(result.text(0, limit))},
          {"is_template", result.text(0, is_template) == "t"},
          {"tablespace", result.text(0, tablespace)},
          {"comment", nullable(result.get(0, comment))},
          {"acl", result.text(0, no_acl) == "t" ? json(nullptr) : collect_acl(connection)},
          {"security_labels", collect_labels(connection)},
          {"settings", collect_settings(connection)},
          {"extensions", collect_extensions(connection)},
          {"collations", collect_collations(connection)},
          {"has_public", has(connection, "pg_catalog.pg_namespace WHERE nspname = 'public'")},
          {"has_plpgsql", has(connection, "pg_catalog.pg_extension WHERE extname = 'plpgsql'")}};
}

void create_database(Connection& connection, const std::string& name, const json& properties) {
  const auto text = [&](const char* key) { return quote_literal(properties.at(key).get<std::string>()); };
  std::string sql = "CREATE DATABASE " + quote_identifier(name) + " TEMPLATE template0 ENCODING " + text("encoding") +
                    " LC_COLLATE " + text("collate") + " LC_CTYPE " + text("ctype");
  const std::string provider = properties.value("locale_provider", "c");
  if (provider == "i") sql += " LOCALE_PROVIDER icu ICU_LOCALE " + text("locale");
  if (provider == "i" && properties.contains("icu_rules") && !properties["icu_rules"].is_null())
    sql += " ICU_RULES " + text("icu_rules");
  if (provider == "b") sql += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + text("locale");
  const std::string tablespace = properties.value("tablespace", "pg_default");
  if (tablespace != "pg_default") sql += " TABLESPACE " + quote_identifier(tablespace);
  try {
    connection.exec(sql);
  } catch (const Error& error) {
    throw Error(error.kind(), "creating the database " + name, error.cause(),
                "Where the server does not know the locale, generate it on that host, or create the empty database "
                "yourself with a locale that you accept and restore into it.");
  }
}

void apply_database_access(Connection& connection, const std::string& name, const json& properties) {
  const std::string database = quote_identifier(name);
  const std::string owner = properties.at("owner").get<std::string>();
  connection.exec("BEGIN");
  connection.exec("ALTER DATABASE " + database + " OWNER TO " + quote_identifier(owner));
  apply_acl(connection, database, owner, properties.at("acl"));
  connection.exec("COMMIT");
}

void apply_database_properties(Connection& connection, const std::string& name, const json& properties) {
  const std::string database = quote_identifier(name);
  connection.exec("BEGIN");
  connection.exec("SET LOCAL synchronous_commit = local");
  apply_settings(connection, database, properties.at("settings"));
  for (const json& label : properties.value("security_labels", json::array()))
    connection.exec("SECURITY LABEL FOR " + quote_identifier(label.at("provider").get<std::string>()) +
                    " ON DATABASE " + database + " IS " + quote_literal(label.at("label").get<std::string>()));
  const json& comment = properties.at("comment");
  connection.exec("COMMENT ON DATABASE " + database + " IS " +
                  (comment.is_null() ? "NULL" : quote_literal(comment.get<std::string>())));
  connection.exec("ALTER DATABASE " + database + " CONNECTION LIMIT " +
                  std::to_string(properties.value("connection_limit", -1)) + " IS_TEMPLATE " +
                  (properties.value("is_template", false) ? "true" : "false"));
  connection.exec("COMMIT");
}

std::vector<std::string> compare_database_properties(Connection& connection, const std::string& name,
                                                     const json& properties) {
  const Result result = connection.exec(
      "SELECT pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, " +
          locale_columns(connection.server_version()) + " FROM pg_catalog.pg_database d WHERE d.datname = $1",
      {name});
  std::vector<std::string> out;
  const std::array<const char*, 4> keys = {"encoding", "collate", "ctype", "locale_provider"};
  for (int column = 0; result.rows() == 1 && column < static_cast<int>(keys.size()); ++column) {
    const std::string theirs = properties.value(keys[static_cast<std::size_t>(column)], "");
    if (theirs != result.text(0, column))
      out.push_back(std::string(keys[static_cast<std::size_t>(column)]) + " is " + result.text(0, column) + ", was " +
                    theirs);
  }
  return out;
}

}  // namespace lpbm::job
