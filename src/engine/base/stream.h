// Byte streams. Data is pushed through sinks and pulled from sources; filters are sinks over a sink.
#pragma once

#include <cstddef>
#include <string_view>

namespace lpbm {

using Bytes = std::string_view;

// A consumer of bytes. Calls come from one thread at a time. After an exception the sink is unusable, and whatever it
// wrote must not look complete: only finish() completes. Destroying a sink that was not finished abandons it.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  // Consumes all of `data`; the view need not outlive the call.
  virtual void write(Bytes data) = 0;
  // Flushes what is held back and finishes the sink below. Called exactly once, last.
  virtual void finish() = 0;
};

// A producer of bytes.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;
  // Reads at least 1 and at most `size` bytes into `buffer`; 0 only at the authentic end of the stream.
  virtual std::size_t read(char* buffer, std::size_t size) = 0;
};

}  // namespace lpbm
