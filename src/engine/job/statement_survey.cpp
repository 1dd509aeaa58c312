#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "csvlog/statement_log.h"
#include "job/statement_extract.h"

namespace lpbm::job {
namespace {

constexpr std::size_t block = 512u << 10;

bool holds_records(const std::filesystem::path& path) {
  // How a record's line goes on before its message; inside of a field the quote would be doubled.
  constexpr std::string_view begin = ",\"lpbm1 ";
  File file = File::open(path, O_RDONLY | O_CLOEXEC);
  std::string buffer(block + begin.size(), '\0');
  std::size_t kept = 0;
  while (const std::size_t count = file.read(buffer.data() + kept, block)) {
    const std::string_view bytes(buffer.data(), kept + count);
    if (::memmem(bytes.data(), bytes.size(), begin.data(), begin.size())) return true;
    kept = std::min(bytes.size(), begin.size() - 1);
    std::copy(bytes.end() - static_cast<std::ptrdiff_t>(kept), bytes.end(), buffer.begin());
  }
  return false;
}

}  // namespace

bool holds_records(const std::vector<std::filesystem::path>& files) {
  return std::any_of(files.begin(), files.end(), [](const auto& path) { return holds_records(path); });
}

LogSurvey survey(const std::vector<std::filesystem::path>& files) {
  LogSurvey out;
  std::string scratch, name;
  csvlog::LogLineReader::Handler handler = [&](const csvlog::LogLine& line) {
    if (line.raw(csvlog::LogColumn::severity) != "LOG" || line.empty(csvlog::LogColumn::database)) return;
    const auto event = csvlog::read_event(line, line.raw(csvlog::LogColumn::message));
    if (event.kind == csvlog::LogEvent::foreign) ++out.foreign;
    if (event.kind == csvlog::LogEvent::statement || event.kind == csvlog::LogEvent::execute)
      ++out.databases[std::string(line.value(csvlog::LogColumn::database, name))];
  };
  for (const std::filesystem::path& path : files) {
    File file = File::open(path, O_RDONLY | O_CLOEXEC);
    csvlog::LogLineReader reader(handler);
    while (const std::size_t count = file.read(reader.space(block), block)) reader.commit(count);
    reader.finish();
    out.lines += reader.totals().lines;
  }
  return out;
}

std::string only_database(const std::vector<std::filesystem::path>& files) {
  const LogSurvey found = survey(files);
  if (found.databases.size() == 1) return found.databases.begin()->first;
  if (found.databases.empty())
    throw Error(ErrorKind::permanent, "looking for statements",
                "there are none in " + std::to_string(files.size()) + " files with " + std::to_string(found.lines) +
                    " csvlog lines" +
                    (found.foreign > 0 ? ", but " + std::to_string(found.foreign) +
                                             " that look like statements in another language than English"
                                       : ""),
                "A server logs them with log_statement = mod or all, and in English with lc_messages = C.");
  std::string names;
  for (const auto& [name, count] : found.databases)
    names += (names.empty() ? "" : ", ") + name + " (" + std::to_string(count) + ")";
  throw Error(ErrorKind::usage, "choosing a database", "the log holds statements of several: " + names,
              "Name one of them by --database.");
}

}  // namespace lpbm::job
