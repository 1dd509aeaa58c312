// The conversation with the worker that started this process (docs/formats.md, Worker and engine): one request line on
// stdin, events as JSON lines on stdout, and the end of stdin as the sign that the worker is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"

namespace lpbm::job {

// Writes events, each as one line by one writer at a time. Thread-safe. When nobody reads any more, the process exits:
// what it would go on to do belongs to nobody.
class Events {
 public:
  explicit Events(int fd) : fd_(fd) {}
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  // At most a few a second reach the worker, but each new phase does.
  void progress(const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
                const std::string& unit);
  void fenced();
  void entry(const std::string& line);
  void result(nlohmann::json members);
  void error(const Error& error);

 private:
  void send(const nlohmann::json& event);

  std::mutex mutex_;
  int fd_;
  std::string phase_;
  std::chrono::steady_clock::time_point last_{};
};

const char* kind_name(ErrorKind kind);

// To be called first of all: this process is killed when its parent dies.
void die_with_parent();
// Reads one line (at most a mebibyte) byte by byte, so that nothing after it is taken. Throws Error (usage) at an early
// end.
std::string read_request_line(int fd);
// From now on a thread reads `fd`; at its end the process exits at once, without destructors.
void exit_at_end_of(int fd);

}  // namespace lpbm::job
