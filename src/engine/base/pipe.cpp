#include "base/pipe.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace lpbm {
namespace {

std::exception_ptr abandoned() {
  return std::make_exception_ptr(Error(ErrorKind::permanent, "moving data", "the other end of the pipe was abandoned"));
}

std::thread start(std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::retryable, "starting a thread", error.code().message());
  }
}

// A ring. The positions only grow and are guarded by the mutex; the bytes are copied outside of it: free space belongs
// to the writer, filled space to the reader.
class Ring {
 public:
  explicit Ring(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)), bytes_(new char[capacity_]) {}

  void write(Bytes data) {
    while (!data.empty()) {
      const std::size_t free = wait_free(data.size());
      const std::size_t at = written_ % capacity_;
      const std::size_t count = std::min({data.size(), free, capacity_ - at});
      std::memcpy(bytes_.get() + at, data.data(), count);
      data.remove_prefix(count);
      const std::lock_guard lock(mutex_);
      written_ += count;
      readable_.notify_one();
    }
  }

  void finish() {
    const std::lock_guard lock(mutex_);
    if (reader_error_) std::rethrow_exception(reader_error_);
    finished_ = true;
    readable_.notify_one();
  }

  // Waits for bytes and shows them where they are, until consume(); empty at the end. Never much of the ring at once,
  // so that the writer goes on while the reader works.
  Bytes peek() {
    std::unique_lock lock(mutex_);
    readable_.wait(lock, [&] { return written_ != read_ || finished_ || writer_error_; });
    if (writer_error_) std::rethrow_exception(writer_error_);
    const std::size_t at = read_ % capacity_;
    return {bytes_.get() + at, std::min({written_ - read_, capacity_ - at, std::max<std::size_t>(capacity_ / 8, 1)})};
  }

  void consume(std::size_t count) {
    const std::lock_guard lock(mutex_);
    read_ += count;
    if (capacity_ - (written_ - read_) >= wanted_) writable_.notify_one();
  }

  void fail(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!writer_error_) writer_error_ = std::move(error);
    readable_.notify_one();
  }

  void close_reader(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!reader_error_) reader_error_ = std::move(error);
    writable_.notify_one();
  }

 private:
  // Waits until a quarter of the ring is free (or all that is asked for), so that the threads do not wake each other
  // for a few bytes.
  std::size_t wait_free(std::size_t size) {
    std::unique_lock lock(mutex_);
    wanted_ = std::min(size, std::max<std::size_t>(capacity_ / 4, 1));
    writable_.wait(lock, [&] { return capacity_ - (written_ - read_) >= wanted_ || reader_error_; });
    if (reader_error_) std::rethrow_exception(reader_error_);
    return capacity_ - (written_ - read_);
  }

  const std::size_t capacity_;
  const std::unique_ptr<char[]> bytes_;
  std::mutex mutex_;
  std::condition_variable readable_, writable_;
  std::size_t written_ = 0, read_ = 0, wanted_ = 1;
  bool finished_ = false;
  std::exception_ptr writer_error_, reader_error_;
};

class RingWriter final : public Sink {
 public:
  explicit RingWriter(Ring& ring) : ring_(ring) {}
  void write(Bytes data) override { ring_.write(data); }
  void finish() override {
    ring_.finish();
    finished = true;
  }
  bool finished = false;

 private:
  Ring& ring_;
};

class RingReader final : public Source {
 public:
  explicit RingReader(Ring& ring) : ring_(ring) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const Bytes data = ring_.peek();
    const std::size_t count = std::min(size, data.size());
    if (count == 0) return 0;
    std::memcpy(buffer, data.data(), count);
    ring_.consume(count);
    return count;
  }

 private:
  Ring& ring_;
};

}  // namespace

struct Pipe::State {
  explicit State(std::size_t capacity) : ring(capacity), writer(ring), reader(ring) {}
  Ring ring;
  RingWriter writer;
  RingReader reader;
};

Pipe::Pipe(std::size_t capacity) : state_(std::make_unique<State>(capacity)) {}
Pipe::~Pipe() = default;
Sink& Pipe::writer() {
  return state_->writer;
}
Source& Pipe::reader() {
  return state_->reader;
}
void Pipe::fail(std::exception_ptr error) {
  state_->ring.fail(std::move(error));
}
void Pipe::close_reader(std::exception_ptr error) {
  state_->ring.close_reader(std::move(error));
}

struct ThreadedSink::State {
  State(Sink& sink, std::size_t capacity) : ring(capacity), below(sink) {
    thread = start([this] { run(); });
  }
  void run() {
    try {
      for (Bytes data = ring.peek(); !data.empty(); data = ring.peek()) {
        below.write(data);
        ring.consume(data.size());
      }
      below.finish();
    } catch (...) {
      error = std::current_exception();
      ring.close_reader(error);
    }
  }
  Ring ring;
  Sink& below;
  std::exception_ptr error;  // read after join
  std::thread thread;
};

ThreadedSink::ThreadedSink(Sink& below, std::size_t capacity) : state_(std::make_unique<State>(below, capacity)) {}

ThreadedSink::~ThreadedSink() {
  if (!state_->thread.joinable()) return;
  state_->ring.fail(abandoned());
  state_->thread.join();
}

void ThreadedSink::write(Bytes data) {
  state_->ring.write(data);
}

void ThreadedSink::finish() {
  state_->ring.finish();
  state_->thread.join();
  if (state_->error) std::rethrow_exception(state_->error);
}

struct ProducedSource::State {
  State(std::function<void(Sink&)> body, std::size_t capacity)
      : produce(std::move(body)), ring(capacity), writer(ring), reader(ring) {
    thread = start([this] { run(); });
  }
  void run() {
    try {
      produce(writer);
      if (!writer.finished)
        throw Error(ErrorKind::permanent, "producing data", "the producer ended without finishing its output");
    } catch (...) {
      error = std::current_exception();
      ring.fail(error);
    }
  }
  std::function<void(Sink&)> produce;
  Ring ring;
  RingWriter writer;
  RingReader reader;
  std::exception_ptr error;  // read after join
  std::thread thread;
};

ProducedSource::ProducedSource(std::function<void(Sink&)> produce, std::size_t capacity)
    : state_(std::make_unique<State>(std::move(produce), capacity)) {}

ProducedSource::~ProducedSource() {
  if (!state_->thread.joinable()) return;
  state_->ring.close_reader(abandoned());
  state_->thread.join();
}

std::size_t ProducedSource::read(char* buffer, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t got = state_->reader.read(buffer, size);
  if (got > 0) return got;
  // The end is authentic only when the producer came to its own end, too: it may fail after finishing its output.
  if (state_->thread.joinable()) state_->thread.join();
  if (state_->error) std::rethrow_exception(state_->error);
  return 0;
}

}  // namespace lpbm
