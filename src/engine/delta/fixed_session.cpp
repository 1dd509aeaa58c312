#include "delta/fixed_session.h"

#include <array>

#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

// What the meaning of values and texts depends on. Records tell what differed from it where DDL was run
// (ddl_text.c), and values are written under it (decoder.c).
struct Setting {
  const char *name, *value;
};
constexpr std::array fixed_settings = {Setting{"standard_conforming_strings", "on"},
                                       Setting{"backslash_quote", "safe_encoding"},
                                       Setting{"search_path", "pg_catalog"},
                                       Setting{"session_replication_role", "replica"},
                                       Setting{"DateStyle", "ISO, YMD"},
                                       Setting{"IntervalStyle", "postgres"},
                                       Setting{"TimeZone", "UTC"},
                                       Setting{"extra_float_digits", "3"},
                                       Setting{"bytea_output", "hex"},
                                       Setting{"lc_monetary", "C"},
                                       Setting{"lc_numeric", "C"},
                                       Setting{"xmlbinary", "base64"},
                                       Setting{"xmloption", "content"},
                                       Setting{"quote_all_identifiers", "off"},
                                       Setting{"array_nulls", "on"},
                                       Setting{"transform_null_equals", "off"},
                                       Setting{"default_tablespace", ""},
                                       Setting{"default_table_access_method", "heap"},
                                       Setting{"default_toast_compression", "pglz"},
                                       Setting{"check_function_bodies", "off"},
                                       Setting{"row_security", "off"},
                                       Setting{"statement_timeout", "0"},
                                       Setting{"lock_timeout", "0"},
                                       Setting{"idle_in_transaction_session_timeout", "0"},
                                       Setting{"default_transaction_isolation", "read committed"},
                                       Setting{"default_transaction_read_only", "off"},
                                       Setting{"default_transaction_deferrable", "off"}};

}  // namespace

const char* fixed_value(std::string_view name) {
  for (const Setting& setting : fixed_settings)
    if (name == setting.name) return setting.value;
  return nullptr;
}

std::string fixed_session(const std::string& encoding) {
  std::string out = "SET client_encoding = " + literal(encoding) + ";\n";
  for (const Setting& setting : fixed_settings) {
    const bool list = setting.name == std::string_view("search_path") || setting.name == std::string_view("DateStyle");
    out += std::string("SET ") + setting.name + " = " + (list ? setting.value : literal(setting.value)) + ";\n";
  }
  return out;
}

}  // namespace lpbm::delta
