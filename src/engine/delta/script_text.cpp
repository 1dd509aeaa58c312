#include "delta/script_text.h"

#include <charconv>
#include <cstdint>

#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

void append_hex(std::uint32_t number, std::string& out) {
  char digits[8];
  const char* end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  for (const char* at = digits; at != end; ++at) out += *at >= 'a' ? static_cast<char>(*at - 'a' + 'A') : *at;
}

}  // namespace

std::string set_config(std::string_view name, std::string_view value_literal, bool local) {
  return "SELECT pg_catalog.set_config(" + literal(name) + "," + std::string(value_literal) +
         (local ? ",true);" : ",false);");
}

void append_lsn(Lsn lsn, std::string& out) {
  constexpr int half = 32;
  append_hex(static_cast<std::uint32_t>(lsn.value >> half), out);
  out += '/';
  append_hex(static_cast<std::uint32_t>(lsn.value), out);
}

std::string hole_message(const std::string& code, const std::string& detail) {
  const std::string message = "lpbm: this transaction was not recorded whole (" + code + ": " + detail + ")";
  return "DO " + literal("BEGIN RAISE EXCEPTION USING MESSAGE = " + literal(message) + "; END") + ";\n";
}

std::string truncate_statement(const std::vector<std::pair<std::string, std::string>>& tables, bool restart) {
  std::string list;
  for (const auto& [schema, name] : tables) list += (list.empty() ? "" : ",") + literal(regclass_text(schema, name));
  const std::string body =
      "BEGIN EXECUTE (SELECT pg_catalog.concat('TRUNCATE ', pg_catalog.string_agg(pg_catalog.concat("
      "CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'p' THEN '' ELSE 'ONLY ' END, "
      "c.oid::pg_catalog.regclass::pg_catalog.text), ', '), '" +
      std::string(restart ? " RESTART IDENTITY" : "") +
      " CASCADE') FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[" + list +
      "]::pg_catalog.regclass[]::pg_catalog.oid[])); END";
  return "DO " + literal(body) + ";";
}

}  // namespace lpbm::delta
