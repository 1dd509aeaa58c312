// Any bytes may stand in a log file: how they are read does not depend on how they come, and lines behind them are
// found again.
#include "csvlog/csv.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

std::vector<std::string> read(std::string_view text, std::size_t step) {
  std::vector<std::string> out;
  std::uint64_t last = 0;
  lpbm::csvlog::CsvReader reader(0, [&](std::string_view message, std::uint64_t begin, std::uint64_t end) {
    if (begin < last || end <= begin) std::abort();
    last = end;
    out.push_back(std::to_string(begin) + ' ' + std::string(message));
    return true;
  });
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::size_t count = std::min(step, text.size() - at);
    std::memcpy(reader.space(count), text.data() + at, count);
    reader.commit(count);
  }
  if (reader.offset() > text.size() || reader.offset() < last) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  if (read(text, size + 1) != read(text, 7)) std::abort();
  for (int i = 0; i < 3; ++i)
    text +=
        "\n2026-11-21 01:48:34.123 UTC,\"a\",\"b\",47,,69.12,1,\"c\",2026-11-21 01:48:00 UTC,3/4,0,LOG,00000,\"lpbm1 "
        "found\",,,,,,,,,\"\",\"lpbm\",,0\n";
  const std::vector<std::string> lines = read(text, text.size());
  if (lines.empty() || !lines.back().ends_with(" lpbm1 found")) std::abort();
  return 0;
}
