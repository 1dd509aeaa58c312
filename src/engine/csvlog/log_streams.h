// Which streams of records there are in csvlog files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "csvlog/frame.h"

namespace lpbm::csvlog {

struct StreamInfo {
  std::string stream;
  FramePosition first;               // the first frame
  std::optional<Micros> first_time;  // commit time of the first record that begins in the files
  std::uint64_t frames = 0;          // copies included
};

struct StreamList {
  std::vector<StreamInfo> streams;      // by the time of their first records
  std::uint64_t lines = 0;              // csvlog lines
  std::vector<std::string> unreadable;  // a word on each file with places that are no csvlog lines, and on torn ends
  std::uint64_t forged = 0;             // messages that look like frames but are not authentic
};

// Reads the files once. `key` empty: whatever looks like a frame is one. Throws Error where a file cannot be read.
StreamList list_streams(const std::vector<std::filesystem::path>& files, const std::string& key);

}  // namespace lpbm::csvlog
