#include "job/restore_full.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <map>
#include <set>
#include <sstream>

#include "base/error.h"

namespace lpbm::job {
namespace {

using postgres::Connection;
using postgres::quote_identifier;
using postgres::Result;

// What sql/lpbm--1.0.sql makes; a user's own objects may begin alike.
constexpr std::array made_functions = {
    "lpbm_full_backup", "lpbm_delta",  "lpbm_journal",     "lpbm_mail_journal",  "lpbm_restore",      "lpbm_verify",
    "lpbm_pause",       "lpbm_resume", "lpbm_status_rows", "lpbm_progress_rows", "lpbm_journal_lines"};
constexpr std::array made_relations = {"lpbm_journal_line", "lpbm_status", "lpbm_entries", "lpbm_progress"};

bool is_one_of(std::string_view name, const auto& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What an extension makes has no entry of its own: so where there is one, it is a user's.
bool has_entry(const std::vector<std::string>& list, std::initializer_list<std::string_view> kinds,
               const std::string& rest) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& line) {
    const std::string_view entry = entry_of(line);
    return std::any_of(kinds.begin(), kinds.end(), [&](std::string_view kind) {
      return entry.starts_with(kind) && entry.substr(kind.size()).starts_with(rest);
    });
  });
}

// "ACL schema TABLE name owner", FUNCTION and SCHEMA alike. Where blanks in the names of a schema or an owner leave
// more than one meaning it is kept: pg_restore then fails, and nothing is lost in silence.
bool is_lpbm_privilege(std::string_view entry, const std::vector<std::string>& list) {
  std::array<std::string_view, 3> words;  // ACL, the schema, what it is of
  for (std::string_view& word : words) {
    const std::size_t end = entry.find(' ');
    if (end == std::string_view::npos) return false;
    word = entry.substr(0, end);
    entry.remove_prefix(end + 1);
  }
  const std::size_t owner = entry.rfind(' ');
  if (words[0] != "ACL" || owner == std::string_view::npos) return false;
  const std::string_view name = entry.substr(0, owner);
  const std::string whole = std::string(words[1]) + " " + std::string(name) + " ";
  if (words[2] == "SCHEMA") return name == "lpbm" && !has_entry(list, {"SCHEMA "}, whole);
  if (words[2] == "FUNCTION")
    return name.ends_with(')') && is_one_of(name.substr(0, name.find('(')), made_functions) &&
           !has_entry(list, {"FUNCTION "}, whole);
  const std::string_view relation = words[2] == "COLUMN" ? name.substr(0, name.find('.')) : name;
  return (words[2] == "TABLE" || words[2] == "COLUMN") && name.find(' ') == std::string_view::npos &&
         is_one_of(relation, made_relations) &&
         !has_entry(list, {"TABLE ", "VIEW ", "MATERIALIZED VIEW ", "FOREIGN TABLE ", "SEQUENCE "},
                    std::string(words[1]) + " " + std::string(relation) + " ");
}

// Depth-first: a view comes after all that it reads.
class ViewOrder {
 public:
  ViewOrder(const std::multimap<std::string, std::string>& reads) : reads_(reads) {}
  void visit(const std::string& view) {
    if (!seen_.insert(view).second) return;
    for (auto [at, end] = reads_.equal_range(view); at != end; ++at) visit(at->second);
    order.push_back(view);
  }
  std::vector<std::string> order;

 private:
  const std::multimap<std::string, std::string>& reads_;
  std::set<std::string> seen_;
};

}  // namespace

std::string_view entry_of(std::string_view line) {
  for (const std::string_view behind : {"; ", " ", " "}) {
    const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
    if (digits == 0 || !line.substr(digits).starts_with(behind)) return {};
    line.remove_prefix(digits + behind.size());
  }
  return line;
}

bool lpbm_available(Connection& connection) {
  return connection.exec("SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'lpbm'").rows() > 0;
}

bool names_lpbm_object(std::string_view text, std::string_view before) {
  const auto named = [&](const char* name) {
    const std::string whole = std::string(before) + name;
    for (std::size_t at = text.find(whole); at != std::string_view::npos; at = text.find(whole, at + 1)) {
      const char next = at + whole.size() < text.size() ? text[at + whole.size()] : ' ';
      if (std::isalnum(static_cast<unsigned char>(next)) == 0 && next != '_' && next != '$') return true;
    }
    return false;
  };
  return std::any_of(made_functions.begin(), made_functions.end(), named) ||
         std::any_of(made_relations.begin(), made_relations.end(), named);
}

std::string list_without_lpbm(const std::string& list) {
  std::istringstream lines(list);
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  std::string out;
  for (const std::string& line : all) {
    const std::string_view entry = entry_of(line);
    // Neither has an owner.
    const bool extension = entry == "EXTENSION - lpbm " || entry == "COMMENT - EXTENSION lpbm ";
    if (!extension && !is_lpbm_privilege(entry, all)) out += line + "\n";
  }
  return out;
}

void refresh_views(Connection& connection, std::vector<std::string>& notes,
                   const std::function<void(std::size_t, std::size_t)>& progress) {
  const Result edges = connection.exec(
      "SELECT DISTINCT r.ev_class, d.refobjid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r"
      " ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid"
      " JOIN pg_catalog.pg_class c ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.refobjid"
      " WHERE c.relkind IN ('v', 'm') AND r.ev_class <> d.refobjid AND r.oid >= 16384");
  std::multimap<std::string, std::string> reads;
  for (int row = 0; row < edges.rows(); ++row) reads.emplace(edges.text(row, 0), edges.text(row, 1));
  const Result views = connection.exec(
      "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
      " ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid");
  std::map<std::string, std::string> names;
  ViewOrder order(reads);
  for (int row = 0; row < views.rows(); ++row) {
    names[views.text(row, 0)] = quote_identifier(views.text(row, 1)) + "." + quote_identifier(views.text(row, 2));
    order.visit(views.text(row, 0));
  }
  std::size_t done = 0;
  for (const std::string& oid : order.order) {
    const auto name = names.find(oid);
    if (name == names.end()) continue;
    try {
      connection.exec("REFRESH MATERIALIZED VIEW " + name->second);
    } catch (const Error& error) {
      if (PQstatus(connection.raw()) != CONNECTION_OK) throw;
      notes.push_back("the materialized view " + name->second + " could not be refreshed: " + error.cause());
    }
    progress(++done, names.size());
  }
}

}  // namespace lpbm::job
