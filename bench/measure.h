// What the programs of this folder share: times, and plain libcsv parsing to compare with.
#pragma once

#include <csv.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/file.h"
#include "csvlog/log_files.h"

namespace lpbm::bench {

// Parses the files and does nothing with their fields; returns their size.
inline std::uint64_t parse_plainly(const std::vector<std::filesystem::path>& files) {
  static std::uint64_t fields = 0;
  std::uint64_t size = 0;
  std::vector<char> buffer(512u << 10);
  for (const std::filesystem::path& path : files) {
    File file = csvlog::open_at(path, 0);
    csv_parser parser{};
    if (csv_init(&parser, CSV_STRICT) != 0) std::abort();
    csv_set_blk_size(&parser, 65536);
    while (const std::size_t count = file.read(buffer.data(), buffer.size())) {
      csv_parse(
          &parser, buffer.data(), count, [](void*, std::size_t, void*) { ++fields; }, [](int, void*) {}, nullptr);
      size += count;
    }
    csv_free(&parser);
  }
  return size;
}

inline double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of this process, all threads: what else the machine does matters less.
inline double processor_seconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace lpbm::bench
