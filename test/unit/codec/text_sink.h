// What the tests of this folder share: a sink that keeps what it is given, and ways to give it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/stream.h"

namespace lpbm::codec::test {

class TextSink final : public Sink {
 public:
  void write(Bytes data) override { text.append(data); }
  void finish() override { finished = true; }
  std::string text;
  bool finished = false;
};

// Writes `data` in pieces of `step` bytes and finishes.
inline void feed(Sink& sink, Bytes data, std::size_t step = SIZE_MAX) {
  for (std::size_t at = 0; at < data.size();) {
    const Bytes piece = data.substr(at, step);
    sink.write(piece);
    at += piece.size();
  }
  sink.finish();
}

// Bytes that do not repeat soon and do not compress.
inline std::string noise(std::size_t size, std::uint64_t state = 1) {
  std::string out(size, '\0');
  for (char& c : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    c = static_cast<char>(state >> 56);
  }
  return out;
}

}  // namespace lpbm::codec::test
