// Keeps one part of an object until the store has it, so that it can be sent again: small ones in memory, others in a
// file without a name, which is gone with the process. One thread fills it while another one may read it already.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>

#include "base/file.h"
#include "base/stream.h"
#include "store/cluster_api.h"

namespace lpbm::store {

class PartSpool final : public Rereadable {
 public:
  // `directory` is where the file goes; empty: that for temporary files. `cancelled` ends what waits, by an Error.
  explicit PartSpool(std::filesystem::path directory, std::function<bool()> cancelled = {})
      : directory_(std::move(directory)), cancelled_(std::move(cancelled)) {}
  void append(Bytes data);
  // The part is whole and has this CID.
  void close(std::string cid);
  // Empty again; the file stays to be filled anew. Nobody may be reading.
  void clear();
  [[nodiscard]] std::uint64_t filled() const { return size_; }  // for the thread that fills it
  [[nodiscard]] bool is_closed() const;
  // Waits for close().
  std::string wait_for_cid();
  [[nodiscard]] std::uint64_t size() const override;
  std::size_t read(std::uint64_t offset, char* buffer, std::size_t size) override;

 private:
  template <typename Ready>
  void wait(std::unique_lock<std::mutex>& lock, Ready ready);

  std::filesystem::path directory_;
  std::function<bool()> cancelled_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string memory_;
  File file_;
  std::uint64_t size_ = 0;
  bool in_file_ = false, closed_ = false;
  std::string cid_;
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
