#include "postgres/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file.h"

extern char** environ;

namespace lpbm::postgres {
namespace {

constexpr std::size_t stderr_tail = 8192;
constexpr std::size_t text_limit = 1u << 20;
constexpr std::size_t filter_limit = 32u << 20;
constexpr std::size_t buffer_size = 65536;

// What would send a child elsewhere than its arguments say, or change what it writes.
constexpr std::array<std::string_view, 17> redirecting = {
    "PGHOST",        "PGHOSTADDR", "PGPORT",           "PGDATABASE",  "PGUSER",           "PGPASSWORD",
    "PGSERVICE",     "PGOPTIONS",  "PGAPPNAME",        "PGTZ",        "PGGEQO",           "PGTARGETSESSIONATTRS",
    "PGSERVICEFILE", "PGDATA",     "PGCLIENTENCODING", "PGDATESTYLE", "PGCONNECT_TIMEOUT"};

[[noreturn]] void fail(const Command& command, const char* step, int error) {
  throw Error(ErrorKind::retryable, command.what, std::string(step) + ": " + std::strerror(error));
}

std::vector<std::string> child_environment(const std::vector<std::string>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    bool drop = false;
    for (std::string_view bad : redirecting) drop = drop || name == bad;
    for (const std::string& own : added) drop = drop || name == std::string_view(own).substr(0, own.find('='));
    if (!drop) out.emplace_back(text);
  }
  out.insert(out.end(), added.begin(), added.end());
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::pair<File, File> make_pipe(const Command& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(command, "making a pipe", errno);
  return {File(ends[0]), File(ends[1])};
}

// A socket rather than a pipe: a write to a child that is gone is an error here, not a SIGPIPE of the whole process.
std::pair<File, File> make_socket(const Command& command) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail(command, "making a socket", errno);
  return {File(ends[0]), File(ends[1])};
}

// A running child; killed with its group and reaped unless it was waited for.
class Child {
 public:
  Child(const Command& command, int input, int output);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      ::kill(pid_, SIGKILL);
      reap();
    }
  }
  [[nodiscard]] int errors() const { return errors_.fd(); }
  [[nodiscard]] bool errors_open() const { return errors_.is_open(); }
  // Takes what can be read of stderr now; closes it at its end.
  void read_errors();
  // Reads the rest of stderr, waits, throws unless it exited with 0.
  void wait_success(const Command& command);

 private:
  int reap();
  pid_t pid_ = -1;
  File errors_;
  std::string tail_;
};

// What become() needs, made before the fork: between fork and exec nothing may allocate.
struct Launch {
  std::vector<std::string> arguments, environment;
  std::vector<char*> argv, envp;
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  int death_signal = SIGKILL;
  pid_t parent = 0;
};

void find_user(const Command& command, Launch& launch) {
  if (command.user.empty()) return;
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  ::getpwnam_r(command.user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (!found) throw Error(ErrorKind::permanent, command.what, "there is no user " + command.user + " on this system");
  launch.change_user = true;
  launch.uid = entry.pw_uid;
  launch.gid = entry.pw_gid;
}

Launch prepare(const Command& command, int death_signal) {
  Launch launch;
  launch.arguments = {command.program};
  launch.arguments.insert(launch.arguments.end(), command.arguments.begin(), command.arguments.end());
  launch.environment = child_environment(command.environment);
  launch.argv = pointers(launch.arguments);
  launch.envp = pointers(launch.environment);
  launch.death_signal = death_signal;
  launch.parent = ::getpid();
  find_user(command, launch);
  return launch;
}

// Between fork and exec: only what is safe after a fork of a process with threads.
[[noreturn]] void become(const Launch& launch, const int (&fds)[3], int report) {
  ::setpgid(0, 0);
  bool fine = true;
  if (launch.change_user) fine = ::setgroups(0, nullptr) == 0 && ::setgid(launch.gid) == 0 && ::setuid(launch.uid) == 0;
  ::prctl(PR_SET_PDEATHSIG, launch.death_signal);  // after the change of user, which would clear it
  if (::getppid() != launch.parent) ::_exit(127);  // it died before prctl took effect
  for (int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGQUIT, SIGUSR1, SIGUSR2}) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int moved[3];
  // Above 2 first: one of the descriptors may be 0, 1 or 2 itself where we were started without them.
  for (int i = 0; fine && i < 3; ++i) fine = (moved[i] = ::fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) >= 0;
  report = ::fcntl(report, F_DUPFD_CLOEXEC, 3);
  for (int i = 0; i < 3; ++i) fine = fine && ::dup2(moved[i], i) >= 0;
  if (fine) {
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(launch.argv[0], launch.argv.data(), launch.envp.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

// Forks and executes; returns once the program runs, or throws why it does not.
pid_t launch_child(const Command& command, const Launch& launch, const int (&fds)[3]) {
  auto [report_read, report_write] = make_pipe(command);
  const pid_t pid = ::fork();
  if (pid < 0) fail(command, "starting a process", errno);
  if (pid == 0) become(launch, fds, report_write.fd());
  ::setpgid(pid, pid);
  report_write.close();
  int error = 0;
  ssize_t got;
  do got = ::read(report_read.fd(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof error)) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  throw Error(ErrorKind::permanent, command.what, command.program + ": " + std::strerror(error),
              error == ENOENT ? "Say with --bindir where PostgreSQL's programs are." : "");
}

Child::Child(const Command& command, int input, int output) {
  const Launch launch = prepare(command, SIGKILL);
  auto [errors_read, errors_write] = make_pipe(command);
  pid_ = launch_child(command, launch, {input, output, errors_write.fd()});
  errors_ = std::move(errors_read);
}

int Child::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

void Child::read_errors() {
  char buffer[4096];
  const std::size_t got = errors_.read(buffer, sizeof buffer);
  if (got == 0) errors_.close();
  tail_.append(buffer, got);
  if (tail_.size() > 2 * stderr_tail) tail_.erase(0, tail_.size() - stderr_tail);
}

void Child::wait_success(const Command& command) {
  while (errors_.is_open()) read_errors();
  const int status = reap();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (tail_.size() > stderr_tail) tail_.erase(0, tail_.size() - stderr_tail);
  while (!tail_.empty() && tail_.back() == '\n') tail_.pop_back();
  const std::string name = command.program.substr(command.program.rfind('/') + 1);
  if (WIFSIGNALED(status))
    throw Error(
        ErrorKind::retryable, command.what,
        name + " was killed by signal " + std::to_string(WTERMSIG(status)) + (tail_.empty() ? "" : ": " + tail_));
  if (tail_.empty()) tail_ = name + " exited with status " + std::to_string(WEXITSTATUS(status)) + " and said nothing";
  throw Error(ErrorKind::permanent, command.what, tail_);
}

// Waits until one of them is ready; a closed one (-1) is passed over.
void wait_ready(const Command& command, pollfd (&fds)[3]) {
  while (::poll(fds, 3, -1) < 0)
    if (errno != EINTR) fail(command, "waiting for a child", errno);
}

// Sends what fits now. False when the child reads no more.
bool send_some(const Command& command, int fd, Bytes& data) {
  const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0)
    data.remove_prefix(static_cast<std::size_t>(sent));
  else if (errno == EPIPE || errno == ECONNRESET)
    return false;
  else if (errno != EAGAIN && errno != EINTR)
    fail(command, "writing to a child", errno);
  return true;
}

class TextSink final : public Sink {
 public:
  TextSink(const Command& command, std::size_t limit) : what_(command.what), limit_(limit) {}
  void write(Bytes data) override {
    if (text.size() + data.size() > limit_) throw Error(ErrorKind::permanent, what_, "more output than expected");
    text.append(data);
  }
  void finish() override {}
  std::string text;

 private:
  std::string what_;
  std::size_t limit_;
};

// The whole life of a child: `source` to its stdin, its stdout to `out`; either may be missing.
void run(const Command& command, Source* source, Sink* out) {
  File null = File::open("/dev/null", O_RDWR | O_CLOEXEC);
  auto [input, child_input] = source ? make_socket(command) : std::pair<File, File>();
  auto [output, child_output] = out ? make_pipe(command) : std::pair<File, File>();
  Child child(command, source ? child_input.fd() : null.fd(), out ? child_output.fd() : null.fd());
  child_input.close();
  child_output.close();
  std::string read_buffer(out ? buffer_size : 0, '\0'), write_buffer(source ? buffer_size : 0, '\0');
  Bytes left;
  while (input.is_open() || output.is_open()) {
    if (input.is_open() && left.empty())
      left = Bytes(write_buffer.data(), source->read(write_buffer.data(), write_buffer.size()));
    if (input.is_open() && left.empty()) {
      input.close();
      continue;
    }
    pollfd fds[3] = {
        {input.fd(), POLLOUT, 0}, {output.fd(), POLLIN, 0}, {child.errors_open() ? child.errors() : -1, POLLIN, 0}};
    wait_ready(command, fds);
    if (fds[2].revents) child.read_errors();
    if (fds[0].revents && !send_some(command, input.fd(), left)) input.close();
    if (!fds[1].revents) continue;
    const std::size_t got = output.read(read_buffer.data(), read_buffer.size());
    if (got == 0)
      output.close();
    else
      out->write(Bytes(read_buffer.data(), got));
  }
  child.wait_success(command);
}

}  // namespace

void run_into(const Command& command, Sink& out) {
  run(command, nullptr, &out);
}

void run_from(const Command& command, Source& source) {
  run(command, &source, nullptr);
}

void run_through(const Command& command, Source& source, Sink& out) {
  run(command, &source, &out);
}

std::string run_filter(const Command& command, Source& source) {
  TextSink sink(command, filter_limit);
  run(command, &source, &sink);
  return std::move(sink.text);
}

std::string run_text(const Command& command) {
  TextSink sink(command, text_limit);
  run(command, nullptr, &sink);
  return std::move(sink.text);
}

Background::Background(const Command& command, const std::string& log, int end) : end_(end) {
  const File null = File::open("/dev/null", O_RDWR | O_CLOEXEC);
  const File file = File::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
  pid_ = launch_child(command, prepare(command, end), {null.fd(), file.fd(), file.fd()});
}

Background::~Background() {
  constexpr int patience = 10;
  stop(end_, patience);
}

bool Background::running() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void Background::stop(int signal, int seconds) {
  if (!running()) return;
  ::kill(pid_, signal);
  constexpr int tries_a_second = 50;
  for (int i = 0; i < seconds * tries_a_second && running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1000 / tries_a_second));
  if (!running()) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace lpbm::postgres
