// What is extracted from a log, as tests look at it.
#pragma once

#include <string>
#include <vector>

#include "job/statement_extract.h"
#include "unit/csvlog/statement_support.h"
#include "unit/csvlog/support.h"
#include "unit/delta/support.h"

namespace lpbm::job::test {

using csvlog::test::Directory;
using csvlog::test::StatementLog;

struct Result {
  std::string all;  // as it is
  std::string sql;  // without comments and what sets the client's encoding
  StatementReport report;

  // The places of a remark: "count: file:line ..."
  [[nodiscard]] std::string places(Remark remark) const {
    const Places* found = report.remarks.find(remark);
    if (!found) return "";
    std::string out = std::to_string(found->count) + ":";
    for (const Place& place : found->first) out += ' ' + std::to_string(place.line);
    return out;
  }
};

inline std::string without_comments(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at) + 1;
    const std::string line = text.substr(at, end - at);
    if (!line.starts_with("--") && !line.starts_with("SET client_encoding") && !line.starts_with("RESET ALL") &&
        !line.starts_with("RESET SESSION") && !line.starts_with("RESET ROLE"))
      out += line;
    at = end;
  }
  return out;
}

inline Result extract_files(const Directory& directory, const std::vector<std::string>& names, bool users = false,
                            const std::string& database = "shop") {
  StatementOptions options;
  for (const std::string& name : names) options.files.push_back(directory.path / name);
  options.database = database;
  options.users = users;
  delta::test::Text out;
  Result result;
  result.report = extract_statements(options, out);
  result.all = out.text;
  result.sql = without_comments(out.text);
  return result;
}

inline Result extract(const StatementLog& log, bool users = false) {
  const Directory directory;
  directory.append("a.csv", log.text);
  return extract_files(directory, {"a.csv"}, users);
}

}  // namespace lpbm::job::test
