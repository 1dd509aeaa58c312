// Frames of records in csvlog messages (docs/formats.md, Frames).
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lpbm::csvlog {

// Place of a frame in its stream; frames grow in (run, seq).
struct FramePosition {
  std::uint64_t run = 0;
  std::uint64_t seq = 0;
  auto operator<=>(const FramePosition&) const = default;
};

struct Frame {
  std::string_view stream;
  FramePosition position;
  std::optional<std::size_t> boundary;
  std::string_view payload;  // into the message it was parsed from
  bool authentic = false;    // its mac is right under the key given to parse_frame
};

// The frame in a csvlog message, or nothing when the message is none. `key` empty: authentic stays false.
std::optional<Frame> parse_frame(std::string_view message, std::string_view key);
// For tests: a message as the worker writes it.
std::string make_frame(std::string_view key, std::string_view stream, FramePosition position,
                       std::optional<std::size_t> boundary, std::string_view payload);

// Checks frames under one key, which it holds ready. Not thread-safe.
class FrameKey {
 public:
  explicit FrameKey(std::string_view key);
  ~FrameKey();
  FrameKey(const FrameKey&) = delete;
  FrameKey& operator=(const FrameKey&) = delete;
  // The mac of a frame, as in its message, over what follows the mac and the blank.
  [[nodiscard]] std::string mac(std::string_view text) const;
  // Whether the mac of a message that parse_frame took for a frame is right.
  [[nodiscard]] bool authentic(std::string_view message) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lpbm::csvlog
