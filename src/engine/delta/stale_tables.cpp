#include "delta/stale_tables.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace lpbm::delta {
namespace {

// Foreign keys are checked when they are made, validated or rebuilt with the type of a column; CHECK constraints and
// what an extension runs may ask anything of any table.
constexpr std::array<std::string_view, 7> looking = {"FOREIGN", "REFERENCES", "VALIDATE", "ATTACH",
                                                     "TYPE",    "CHECK",      "EXTENSION"};

bool mentions(const std::string& text, std::string_view word) {
  const auto same = [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

}  // namespace

std::string name_of(const csvlog::Stale& stale) {
  return stale.kind == 'l' ? "large objects" : stale.schema + "." + stale.name;
}

const char* code_of(const csvlog::Stale& stale) {
  return stale.kind == 'l' ? "large_object" : "no_replica_identity";
}

bool looks_for_rows(const csvlog::Ddl& ddl) {
  constexpr std::array<std::string_view, 5> tags = {"ALTER TABLE", "ALTER DOMAIN", "ALTER TYPE", "CREATE EXTENSION",
                                                    "ALTER EXTENSION"};
  return std::ranges::find(tags, ddl.tag) != tags.end() &&
         std::ranges::any_of(looking, [&](std::string_view word) { return mentions(ddl.text, word); });
}

}  // namespace lpbm::delta
