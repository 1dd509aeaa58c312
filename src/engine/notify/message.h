// A mail as it goes over the wire: header, a text to read, and at most one file beside it (MIME, RFC 2045 and 2046).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"
#include "notify/header.h"

namespace lpbm::notify {

struct Attachment {
  std::string name;  // of the file, ASCII
  std::string type;  // "application/zstd"
  std::uint64_t size = 0;
  std::function<std::unique_ptr<Source>()> open;  // its bytes, from the beginning at each call
};

struct Message {
  Address from;
  std::vector<Address> to;
  std::string subject;  // UTF-8
  std::string text;     // UTF-8, lines ended by \n
  std::string id;       // without angle brackets
  Micros date = 0;
  std::optional<Attachment> attachment;
};

// The bytes of a message, lines ended by CRLF. Memory does not grow with the attachment. `message` must outlive it.
class MessageSource final : public Source {
 public:
  explicit MessageSource(const Message& message);
  std::size_t read(char* buffer, std::size_t size) override;
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  bool refill();

  std::string ready_;  // what is to be read next, from used_ on
  std::size_t used_ = 0;
  std::unique_ptr<Source> attachment_;
  std::uint64_t attachment_left_ = 0;
  std::string tail_;
  std::uint64_t size_ = 0;
};

}  // namespace lpbm::notify
