#include <algorithm>
#include <map>

#include "journal/journal.h"

namespace lpbm::journal {

std::vector<std::string> databases(const std::vector<Entry>& entries) {
  std::vector<std::string> out;
  for (const Entry& entry : entries)
    if (std::find(out.begin(), out.end(), entry.database) == out.end()) out.push_back(entry.database);
  return out;
}

void name_databases(std::vector<Entry>& entries) {
  std::map<std::string, std::string> of_stream;
  std::string only;
  for (const Entry& entry : entries)
    if (!entry.database.empty()) {
      of_stream.try_emplace(entry.stream, entry.database);
      if (only.empty()) only = entry.database;
    }
  if (of_stream.empty()) return;
  for (const Entry& entry : entries) {
    const auto found = of_stream.find(entry.stream);
    if (!entry.database.empty() || found == of_stream.end()) continue;
    only = found->second;
    break;
  }
  for (Entry& entry : entries) {
    if (!entry.database.empty()) continue;
    const auto found = of_stream.find(entry.stream);
    entry.database = found == of_stream.end() ? only : found->second;
  }
}

}  // namespace lpbm::journal
