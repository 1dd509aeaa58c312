// Texts that wait for something: in memory as long as they are short, else in a temporary file that they share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/stream.h"

namespace lpbm::job {

// The file, which has no name. Its space is used again when no text is in it any more. Errors: retryable (disk full).
class SpillFile {
 public:
  explicit SpillFile(std::filesystem::path directory) : directory_(std::move(directory)) {}

 private:
  friend class SpilledText;
  std::uint64_t append(std::string_view bytes);
  void read(std::uint64_t offset, std::uint64_t size, Sink& out) const;
  void release(std::uint64_t bytes);

  std::filesystem::path directory_;
  File file_;
  std::uint64_t end_ = 0, used_ = 0;
};

// One text. The file must outlive it.
class SpilledText {
 public:
  explicit SpilledText(SpillFile& file) : file_(file) {}
  ~SpilledText() { truncate(0); }
  SpilledText(const SpilledText&) = delete;
  SpilledText& operator=(const SpilledText&) = delete;

  void append(std::string_view bytes) {
    // Most are a few lines.
    constexpr std::size_t usual = 480;
    if (tail_.empty()) tail_.reserve(usual);
    tail_.append(bytes);
  }
  [[nodiscard]] std::uint64_t size() const { return spilled_ + tail_.size(); }
  [[nodiscard]] std::size_t in_memory() const { return tail_.size(); }
  void truncate(std::uint64_t size);
  void spill();  // what is in memory goes to the file
  void write_to(Sink& out) const;

 private:
  struct Extent {
    std::uint64_t offset, size;
  };
  SpillFile& file_;
  std::vector<Extent> extents_;
  std::uint64_t spilled_ = 0;
  std::string tail_;
};

}  // namespace lpbm::job
