// Keeps one part of an object until the store has it, so that it can be sent again: small ones in memory, others in a
// file without a name, which is gone with the process.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/stream.h"
#include "store/cluster_api.h"

namespace lpbm::store {

class PartSpool final : public Rereadable {
 public:
  // `directory` is where the file goes; empty: that for temporary files.
  explicit PartSpool(std::filesystem::path directory) : directory_(std::move(directory)) {}
  void append(Bytes data);
  // Empty again; the file stays to be filled anew.
  void clear();
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;

 private:
  std::filesystem::path directory_;
  std::string memory_;
  File file_;
  std::uint64_t size_ = 0, in_file_ = 0;
};

// A text as such a content.
class TextContent final : public Rereadable {
 public:
  explicit TextContent(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;

 private:
  std::string text_;
};

}  // namespace lpbm::store
