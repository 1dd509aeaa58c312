// A bounded queue of bytes between two threads: the writing end is a Sink, the reading end a Source.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <thread>

#include "base/stream.h"

namespace lpbm {

// Holds at most `capacity` bytes. The ends may live in different threads; each end is used by one thread at a time.
// fail(e) from the writer makes the reader's next read() throw e; close_reader(e) makes the writer's next write() throw
// e (std::exception_ptr, never null). finish() lets the reader see the end after the last byte.
class Pipe {
 public:
  explicit Pipe(std::size_t capacity = 1 << 20);
  ~Pipe();
  Sink& writer();
  Source& reader();
  void fail(std::exception_ptr error);
  void close_reader(std::exception_ptr error);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs a sink in a thread of its own behind a Pipe: write() only queues, finish() waits until `below.finish()`
// returned. An exception below is thrown from the next write() or finish(). Destroyed unfinished: the thread is stopped
// and joined, `below` is not finished. `below` must outlive this.
class ThreadedSink final : public Sink {
 public:
  explicit ThreadedSink(Sink& below, std::size_t capacity = 1 << 20);
  ~ThreadedSink() override;
  void write(Bytes data) override;
  void finish() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Turns a push producer into a Source: `produce(sink)` runs in a thread of its own; it must write and then call
// sink.finish(). Its exception is thrown from read(). Destroyed early: produce's next write throws, the thread is
// joined.
class ProducedSource final : public Source {
 public:
  explicit ProducedSource(std::function<void(Sink&)> produce, std::size_t capacity = 1 << 20);
  ~ProducedSource() override;
  std::size_t read(char* buffer, std::size_t size) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lpbm
