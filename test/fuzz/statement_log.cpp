// Any bytes may stand in a log file: whatever they say, the SQL that comes of them holds nothing that psql would take
// for its own and nothing that breaks out of its statement; and lines are read as libcsv reads them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "csvlog/csv.h"
#include "csvlog/log_line.h"
#include "delta/logged_sql.h"
#include "job/statement_extract.h"

namespace {

struct Text final : lpbm::Sink {
  std::string text;
  void write(lpbm::Bytes data) override { text.append(data); }
  void finish() override {}
};

using Messages = std::vector<std::string>;

template <typename Reader>
void feed(Reader& reader, std::string_view text, std::size_t step) {
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::size_t count = std::min(step, text.size() - at);
    std::memcpy(reader.space(count), text.data() + at, count);
    reader.commit(count);
  }
}

Messages read_lines(std::string_view text, std::size_t step, bool& readable) {
  Messages out;
  std::string scratch;
  lpbm::csvlog::LogLineReader reader([&](const lpbm::csvlog::LogLine& line) {
    out.push_back(std::string(line.value(lpbm::csvlog::LogColumn::message, scratch)));
  });
  feed(reader, text, step);
  reader.finish();
  readable = reader.totals().unreadable == 0;
  return out;
}

void compare_with_libcsv(std::string_view text) {
  bool readable = false;
  const Messages lines = read_lines(text, text.size() + 1, readable);
  if (read_lines(text, 7, readable) != lines) std::abort();
  Messages other;
  lpbm::csvlog::CsvReader reader(0, [&](std::string_view message, std::uint64_t, std::uint64_t) {
    other.emplace_back(message);
    return true;
  });
  feed(reader, text, text.size() + 1);
  if (readable && reader.totals().unreadable == 0 && lines != other) std::abort();
}

void check_output(const std::string& sql) {
  lpbm::delta::LoggedSql statements(sql, true);
  for (lpbm::delta::LoggedStatement statement; statements.next(statement);)
    if (!statement.runnable || statement.rendered != statement.text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path =
      (std::filesystem::temp_directory_path() / ("lpbm-fuzz-" + std::to_string(::getpid()))).string();
  const std::string text(reinterpret_cast<const char*>(data), size);
  compare_with_libcsv(text);
  lpbm::File file = lpbm::File::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  file.write_all(text);
  file.close();
  Text out;
  try {
    lpbm::job::StatementOptions options;
    options.files = {path};
    options.database = "shop";
    if (lpbm::job::extract_statements(options, out).json().empty()) std::abort();
  } catch (const lpbm::Error&) {
  }
  // With this setting off a text must be read in another way.
  if (text.find("andard_conforming") == std::string::npos) check_output(out.text);
  ::unlink(path.c_str());
  return 0;
}
