#include "base/pipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>

#include "base/error.h"

namespace lpbm::test {
namespace {

constexpr std::size_t capacity = 1000;

std::exception_ptr error_of(const std::string& cause) {
  return std::make_exception_ptr(Error(ErrorKind::retryable, "testing", cause));
}

std::string cause_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.cause();
  }
  return "nothing was thrown";
}

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 + i / 251);
  return out;
}

std::string read_all(Source& source, std::size_t step = 300) {
  std::string out, buffer(step, '\0');
  for (std::size_t got; (got = source.read(buffer.data(), step)) > 0;) out.append(buffer, 0, got);
  return out;
}

// Keeps what it gets; throws when `limit` is passed, or at finish.
class Below final : public Sink {
 public:
  explicit Below(std::size_t most = SIZE_MAX, bool fails = false) : limit(most), fails_at_finish(fails) {}
  void write(Bytes data) override {
    text.append(data);
    if (text.size() > limit) throw Error(ErrorKind::retryable, "writing", "disk full");
  }
  void finish() override {
    if (fails_at_finish) throw Error(ErrorKind::retryable, "finishing", "disk full at the end");
    finished = true;
  }
  std::string text;
  std::size_t limit;
  bool fails_at_finish, finished = false;
};

TEST(Pipe, hands_bytes_on_in_order) {
  const std::string data = pattern(100'000);
  Pipe pipe(capacity);
  std::thread writer([&] {
    std::size_t step = 1;
    for (std::size_t at = 0; at < data.size(); at += step, step = step * 5 % 3001) {
      step = std::max<std::size_t>(step, 1);
      pipe.writer().write(Bytes(data).substr(at, step));
    }
    pipe.writer().finish();
  });
  const std::string got = read_all(pipe.reader());
  writer.join();
  EXPECT_EQ(got, data);
  char more;
  EXPECT_EQ(pipe.reader().read(&more, 1), 0u);
}

TEST(Pipe, holds_its_capacity_without_a_reader) {
  const std::string data = pattern(capacity);
  Pipe pipe(capacity);
  pipe.writer().write(data);
  pipe.writer().finish();
  EXPECT_EQ(read_all(pipe.reader()), data);
}

TEST(Pipe, tells_the_reader_why_the_writer_failed_and_never_shows_an_end) {
  Pipe pipe(capacity);
  pipe.writer().write("some");
  pipe.fail(error_of("writer broke"));
  char buffer[8];
  EXPECT_EQ(cause_of([&] { pipe.reader().read(buffer, 8); }), "writer broke");
}

TEST(Pipe, wakes_a_waiting_writer_when_the_reader_goes) {
  Pipe pipe(capacity);
  std::string cause;
  std::thread writer([&] { cause = cause_of([&] { pipe.writer().write(std::string(10 * capacity, 'x')); }); });
  char buffer[8];
  EXPECT_GT(pipe.reader().read(buffer, 8), 0u);
  pipe.close_reader(error_of("reader went"));
  writer.join();
  EXPECT_EQ(cause, "reader went");
  EXPECT_EQ(cause_of([&] { pipe.writer().finish(); }), "reader went");
}

TEST(ThreadedSink, passes_all_bytes_and_the_end_on) {
  const std::string data = pattern(50'000);
  Below below;
  ThreadedSink sink(below, capacity);
  for (std::size_t at = 0; at < data.size(); at += 777) sink.write(Bytes(data).substr(at, 777));
  sink.finish();
  EXPECT_TRUE(below.finished);
  EXPECT_EQ(below.text, data);
}

TEST(ThreadedSink, throws_an_error_from_below_at_the_next_write) {
  Below below(100);
  ThreadedSink sink(below, capacity);
  EXPECT_EQ(cause_of([&] {
              while (true) sink.write(std::string(200, 'x'));
            }),
            "disk full");
  EXPECT_FALSE(below.finished);
}

TEST(ThreadedSink, throws_an_error_from_below_at_the_end) {
  Below late(100);
  ThreadedSink sink(late, capacity);
  sink.write(std::string(10, 'x'));
  EXPECT_EQ(cause_of([&] {
              sink.write(std::string(200, 'x'));
              sink.finish();
            }),
            "disk full");
  Below end(SIZE_MAX, true);
  ThreadedSink other(end, capacity);
  other.write("x");
  EXPECT_EQ(cause_of([&] { other.finish(); }), "disk full at the end");
}

TEST(ThreadedSink, abandoned_does_not_finish_what_is_below) {
  Below below;
  {
    ThreadedSink sink(below, capacity);
    sink.write("half");
  }
  EXPECT_FALSE(below.finished);
}

TEST(ProducedSource, gives_what_is_produced) {
  const std::string data = pattern(50'000);
  ProducedSource source(
      [&](Sink& sink) {
        for (std::size_t at = 0; at < data.size(); at += 333) sink.write(Bytes(data).substr(at, 333));
        sink.finish();
      },
      capacity);
  EXPECT_EQ(read_all(source), data);
  char more;
  EXPECT_EQ(source.read(&more, 1), 0u);
}

TEST(ProducedSource, throws_what_the_producer_throws_also_after_its_last_byte) {
  for (const bool finishes : {false, true}) {
    ProducedSource source(
        [&](Sink& sink) {
          sink.write("text");
          if (finishes) sink.finish();
          throw Error(ErrorKind::permanent, "producing", "object is damaged");
        },
        capacity);
    EXPECT_EQ(cause_of([&] { read_all(source); }), "object is damaged");
    EXPECT_EQ(cause_of([&] { read_all(source); }), "object is damaged");
  }
}

TEST(ProducedSource, does_not_take_silence_for_the_end) {
  ProducedSource source([](Sink& sink) { sink.write("half"); }, capacity);
  EXPECT_EQ(cause_of([&] { read_all(source); }), "the producer ended without finishing its output");
}

TEST(ProducedSource, abandoned_stops_its_producer) {
  std::string cause;
  {
    ProducedSource source(
        [&](Sink& sink) {
          cause = cause_of([&] {
            while (true) sink.write(std::string(100, 'x'));
          });
        },
        capacity);
    char buffer[10];
    EXPECT_GT(source.read(buffer, 10), 0u);
  }
  EXPECT_EQ(cause, "the other end of the pipe was abandoned");
}

}  // namespace
}  // namespace lpbm::test
