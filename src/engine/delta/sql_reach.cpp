#include "delta/sql_reach.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "delta/logged_sql.h"

namespace lpbm::delta {
namespace {

using Reason = std::optional<std::string>;
using Words = std::unordered_set<std::string_view>;

constexpr const char* who_acts = "it changes in whose name later statements are run";

struct Word {
  SqlToken::Kind kind = SqlToken::end;
  std::string text;  // names folded and without quotes, literals as written
  int depth = 0;     // of parentheses
};

// One statement, without blanks and comments; beyond its end there are empty words.
class Part {
 public:
  void add(SqlToken::Kind kind, std::string_view text) {
    const bool name = kind == SqlToken::name || kind == SqlToken::quoted_name;
    depth_ -= text == ")" ? 1 : 0;
    words_.push_back({kind, name ? folded(text) : std::string(text), depth_});
    depth_ += text == "(" ? 1 : 0;
  }
  void clear() { *this = Part(); }
  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] const Word& at(std::size_t index) const {
    static const Word none;
    return index < words_.size() ? words_[index] : none;
  }
  // Unquoted, as keywords are.
  [[nodiscard]] bool is(std::size_t index, std::string_view keyword) const {
    return at(index).kind == SqlToken::name && at(index).text == keyword;
  }
  [[nodiscard]] bool in(std::size_t index, const Words& keywords) const {
    return at(index).kind == SqlToken::name && keywords.contains(at(index).text);
  }
  [[nodiscard]] bool has(std::string_view keyword) const {
    for (std::size_t i = 0; i < size(); ++i)
      if (is(i, keyword)) return true;
    return false;
  }
  [[nodiscard]] bool is_name(std::size_t index) const {
    return at(index).kind == SqlToken::name || at(index).kind == SqlToken::quoted_name;
  }

 private:
  std::vector<Word> words_;
  int depth_ = 0;
};

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto begin) { return text.starts_with(begin); });
}

// Functions of the server, or of well-known extensions, that act outside of the database or run a text.
bool acts_outside(std::string_view function) {
  return begins_with_any(
      function,
      {"pg_read_",        "pg_ls_",        "pg_stat_file", "pg_file_",       "pg_reload_conf", "pg_rotate_logfile",
       "pg_promote",      "pg_terminate_", "pg_cancel_",   "pg_switch_",     "pg_create_",     "pg_drop_",
       "pg_replication_", "pg_logical_",   "pg_copy_",     "pg_wal_replay_", "pg_backup_",     "pg_start_backup",
       "pg_stop_backup",  "pg_log_",       "lo_import",    "lo_export",      "dblink",         "set_config",
       "query_to_xml",    "cursor_to_xml", "ts_stat"});
}

bool is_catalog(const Part& part, std::size_t at) {
  const std::string& text = part.at(at).text;
  return part.is_name(at) && text.starts_with("pg_") && text != "pg_catalog" && part.at(at + 1).text != "(" &&
         part.at(at - 1).text != ":";
}

// At a word behind which a table to write to is named.
bool writes_catalog(const Part& part, std::size_t at) {
  static const Words before = {"into", "update", "from", "truncate", "table", "copy", "only"};
  if (!part.in(at, before)) return false;
  const bool deletes = !part.is(at, "from") || part.is(at - 1, "delete");
  std::size_t name = at + 1;
  while (part.is(name, "only") || part.is(name, "table")) ++name;
  if (part.at(name).text == "pg_catalog" && part.at(name + 1).text == ".") name += 2;
  return deletes && is_catalog(part, name);
}

Reason judge_names(const Part& part) {
  static const Words roles = {"pg_authid", "pg_auth_members", "pg_shadow", "pg_user_mapping", "pg_db_role_setting"};
  const bool truncates = part.is(0, "truncate");
  const bool defines = (part.is(0, "create") || part.is(0, "alter")) && (part.has("view") || part.has("rule"));
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (!part.is_name(i)) continue;
    const std::string& text = part.at(i).text;
    if (text.starts_with("u&\"")) return "a name that is written by escapes is not judged";
    if (roles.contains(text)) return "it names " + text + ", which holds roles and passwords";
    if (part.at(i + 1).text == "(" && acts_outside(text)) return text + "() acts outside of the database";
    if (writes_catalog(part, i) || (truncates && is_catalog(part, i))) return "it writes to a system catalog";
    if (defines && is_catalog(part, i) && !text.starts_with("pg_stat"))
      return "through what it makes a system catalog could be written to";
  }
  return {};
}

// Behind SET or RESET.
Reason judge_setting(const Part& part, std::size_t at) {
  static const Words refused = {"authorization", "role", "session_authorization"};
  static const Words loading = {"dynamic_library_path",
                                "extension_control_path",
                                "local_preload_libraries",
                                "session_preload_libraries",
                                "allow_system_table_mods",
                                "plperl",
                                "pltcl",
                                "plpython"};
  while (part.is(at, "local") || part.is(at, "session")) ++at;
  // Settings do not differ by case, in quotes neither.
  std::string name = part.at(at).text;
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  if (refused.contains(name)) return who_acts;
  if (loading.contains(name)) return "the setting " + name + " decides what code is loaded, or what is protected";
  if (name != "client_encoding" && name != "names") return {};
  for (std::size_t i = at + 1; i < part.size(); ++i)
    if (part.at(i).text == "'UTF8'" || part.at(i).text == "utf8") return {};
  return "in another encoding the text would not be read as it was judged";
}

Reason judge_copy(const Part& part) {
  for (std::size_t i = 1; i < part.size(); ++i) {
    if (part.at(i).depth > 0 || !(part.is(i, "from") || part.is(i, "to"))) continue;
    if (part.is(i + 1, "stdin") || part.is(i + 1, "stdout")) return {};
    return part.is(i + 1, "program") ? "it runs a program on the server" : "it reads or writes a file of the server";
  }
  return {};
}

Reason judge_routine(const Part& part) {
  static const Words languages = {"sql", "plpgsql", "plperl", "pltcl", "plv8", "'sql'", "'plpgsql'", "'plperl'"};
  for (std::size_t i = 2; i < part.size(); ++i) {
    if (part.is_name(i) && part.at(i).text == "internal") return "the type internal is for the server's own code";
    if (part.at(i).depth > 0) continue;
    if (part.is(i, "language") && !languages.contains(part.at(i + 1).text))
      return "the language " + part.at(i + 1).text + " is not one that a plain user may write functions in";
    if (part.is(i, "security") && part.is(i + 1, "definer"))
      return "SECURITY DEFINER: whoever calls it would act with the rights of the role that restores";
  }
  return {};
}

Reason judge_type(const Part& part, std::size_t at) {
  std::size_t behind = at + 2;
  while (part.at(behind).text == ".") behind += 2;
  const bool raw =
      part.is(0, "create") ? part.at(behind).text == "(" : part.is(behind, "set") && part.at(behind + 1).text == "(";
  return raw ? Reason("only a superuser may say how the bytes of a type are read") : std::nullopt;
}

Reason judge_extension(const Part& part, std::size_t at, const TrustedExtension& trusted) {
  const std::size_t name = part.is(at + 1, "if") ? at + 4 : at + 1;
  if (part.is(0, "create") && part.is_name(name) && !part.has("cascade") && trusted(part.at(name).text)) return {};
  return "what this extension brings may reach beyond the database";
}

// CREATE, ALTER: what they may concern. Whatever is not named here is refused.
Reason judge_definition(const Part& part, const TrustedExtension& trusted) {
  static const Words adjectives = {"or",        "replace", "global",   "local",      "temp",        "temporary",
                                   "recursive", "unique",  "unlogged", "constraint", "materialized"};
  static const Words routines = {"function", "procedure", "routine", "aggregate"};
  static const Words plain = {"table",   "view",   "index",     "sequence",   "domain",      "schema",  "rule",
                              "trigger", "policy", "collation", "statistics", "publication", "default", "large"};
  std::size_t at = 1;
  while (part.in(at, adjectives)) ++at;
  if (part.in(at, plain) && !part.is(at + 1, "conversion")) return {};
  if (part.in(at, routines)) return judge_routine(part);
  if (part.is(at, "type")) return judge_type(part, at);
  if (part.is(at, "extension")) return judge_extension(part, at, trusted);
  if (part.is(at, "operator") && !part.is(at + 1, "class") && !part.is(at + 1, "family")) return {};
  if (part.is(at, "cast") && !part.has("without")) return {};
  if (part.is(at, "text") && !part.is(at + 2, "parser") && !part.is(at + 2, "template")) return {};
  return "it concerns more than the content of the database, or is for superusers alone";
}

// Privileges on something; without ON it is a membership in a role.
Reason judge_grant(const Part& part) {
  static const Words outside = {"database", "tablespace", "parameter", "foreign", "language"};
  for (std::size_t i = 1; i < part.size() && !part.is(i, "to") && !part.is(i, "from"); ++i)
    if (part.at(i).depth == 0 && part.is(i, "on"))
      return part.in(i + 1, outside) ? Reason("it gives or takes rights beyond the database") : std::nullopt;
  return "it gives or takes the membership in a role";
}

Reason judge_part(const Part& part, const TrustedExtension& trusted) {
  static const Words known = {
      "insert",  "update",  "delete", "merge",  "truncate", "select",   "with",      "values",  "table",      "begin",
      "start",   "commit",  "end",    "abort",  "release",  "rollback", "savepoint", "prepare", "deallocate", "execute",
      "declare", "fetch",   "move",   "close",  "lock",     "analyze",  "analyse",   "vacuum",  "reindex",    "refresh",
      "cluster", "explain", "show",   "listen", "unlisten", "notify",   "return",    "call"};
  std::size_t first = 0;
  while (part.at(first).text == "(") ++first;
  if (const Reason reason = judge_names(part)) return reason;
  if (part.in(first, known)) return {};
  if (part.is(0, "set") || part.is(0, "reset")) return judge_setting(part, 1);
  if (part.is(0, "discard")) return part.is(1, "all") ? Reason(who_acts) : std::nullopt;
  if (part.is(0, "copy")) return judge_copy(part);
  if (part.is(0, "create") || part.is(0, "alter")) return judge_definition(part, trusted);
  if (part.is(0, "grant") || part.is(0, "revoke")) return judge_grant(part);
  static const Words outside = {"role", "user", "group", "database", "tablespace", "owned", "subscription"};
  const bool shared = part.in(part.is(0, "comment") ? 2 : 1, outside);
  if (part.is(0, "drop") || part.is(0, "comment"))
    return shared ? Reason("it concerns more than the content of the database") : std::nullopt;
  if (part.is(0, "do")) return "what its block does cannot be told";
  if (part.at(0).kind != SqlToken::name) return {};  // no statement begins so
  return "it is not a command that changes the content of a database";
}

}  // namespace

// At every semicolon, also inside of parentheses and bodies: what the server takes for a statement is never missed, and
// what is none looks like one that is allowed.
Reason reach_beyond_database(std::string_view sql, bool standard_strings, const TrustedExtension& trusted) {
  SqlLexer lexer(sql, standard_strings);
  Part part;
  for (;;) {
    const SqlToken token = lexer.next();
    const std::string_view text = token.in(sql);
    const bool over = token.kind == SqlToken::end || (token.kind == SqlToken::symbol && text == ";");
    if (!over && token.kind != SqlToken::space && token.kind != SqlToken::comment) part.add(token.kind, text);
    if (!over) continue;
    if (part.size() > 0)
      if (Reason reason = judge_part(part, trusted)) return reason;
    if (token.kind == SqlToken::end) return {};
    part.clear();
  }
}

}  // namespace lpbm::delta
