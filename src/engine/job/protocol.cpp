#include "job/protocol.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace lpbm::job {
namespace {

constexpr int exit_abandoned = 3;
constexpr std::size_t request_limit = 1u << 20;
constexpr std::chrono::milliseconds progress_interval{200};

}  // namespace

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::retryable:
      return "retryable";
    case ErrorKind::fence:
      return "fence";
    case ErrorKind::gap:
      return "gap";
    case ErrorKind::permanent:
    case ErrorKind::usage:
      break;
  }
  return "permanent";
}

void Events::progress(const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
                      const std::string& unit) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const bool complete = total && done >= *total;
    if (phase == phase_ && !complete && now - last_ < progress_interval) return;
    phase_ = phase;
    last_ = now;
  }
  nlohmann::json event{{"event", "progress"}, {"phase", phase}, {"done", done}, {"total", nullptr}, {"unit", unit}};
  if (total) event["total"] = *total;
  send(event);
}

void Events::fenced() {
  send({{"event", "fenced"}});
}

void Events::entry(const std::string& line) {
  send({{"event", "entry"}, {"line", line}});
}

void Events::result(nlohmann::json members) {
  members["event"] = "result";
  send(members);
}

void Events::error(const Error& error) {
  send({{"event", "error"},
        {"what", error.step()},
        {"cause", error.cause()},
        {"hint", error.hint()},
        {"kind", kind_name(error.kind())}});
}

void Events::send(const nlohmann::json& event) {
  // Messages of a server may be in any encoding: what is not UTF-8 is replaced, never a reason to lose the event.
  const std::string line = event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
  const std::lock_guard lock(mutex_);
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t written = ::write(fd_, line.data() + done, line.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) ::_exit(exit_abandoned);
    done += static_cast<std::size_t>(written);
  }
}

void die_with_parent() {
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

std::string read_request_line(int fd) {
  std::string line;
  char c = 0;
  while (true) {
    const ssize_t got = ::read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Error(ErrorKind::usage, "reading the request", "it ended before the end of its line");
    if (c == '\n') return line;
    if (line.size() == request_limit) throw Error(ErrorKind::usage, "reading the request", "it is too long");
    line += c;
  }
}

void exit_at_end_of(int fd) {
  std::thread([fd] {
    char buffer[256];
    while (true) {
      const ssize_t got = ::read(fd, buffer, sizeof buffer);
      if (got > 0 || (got < 0 && errno == EINTR)) continue;
      ::_exit(exit_abandoned);
    }
  }).detach();
}

}  // namespace lpbm::job
