// The bytes of a script as lines, pieces of a given length, and COPY blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace lpbm::delta {

// Memory: one line (at most 64 MiB, more is refused as Error, permanent) or piece. `source` must outlive this.
class ScriptLines {
 public:
  explicit ScriptLines(Source& source) : source_(source) {}

  // The next line without its newline, valid until the next call; false at the end. A last line without newline: Error
  // (permanent).
  bool line(std::string_view& out);
  // Exactly `size` bytes and a newline, which is not part of them. Error (permanent) where they are not there.
  std::string piece(std::uint64_t size);
  // Hands on the lines of a COPY block, in slices, until the line `\.`, which is taken too. Returns their number.
  std::uint64_t copy_block(const std::function<void(std::string_view)>& data);

 private:
  bool fill();  // more bytes behind those in the buffer; false at the end
  [[nodiscard]] std::string_view rest() const { return {buffer_.data() + begin_, end_ - begin_}; }

  Source& source_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace lpbm::delta
