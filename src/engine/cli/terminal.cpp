#include "cli/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

namespace lpbm::cli {
namespace {

constexpr std::chrono::milliseconds redraw_interval{100};

// Turns the echo of a terminal off while it lives.
class Silence {
 public:
  explicit Silence(int fd) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    active_ = ::tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (active_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int fd_;
  termios before_{};
  bool active_ = false;
};

}  // namespace

void note(const std::string& text) {
  ::fprintf(stderr, "lpbm: %s\n", text.c_str());
}

int report(const Error& error) {
  note(error.what());
  if (!error.hint().empty()) ::fprintf(stderr, "hint: %s\n", error.hint().c_str());
  return error.kind() == ErrorKind::usage ? 2 : 1;
}

std::string ask_passphrase(const std::string& prompt) {
  const int fd = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    throw Error(ErrorKind::usage, "reading the passphrase", "there is no terminal to ask at",
                "Give --passphrase-file or --identity.");
  File terminal(fd, "/dev/tty");
  const Silence silence(fd);
  terminal.write_all(prompt);
  std::string passphrase;
  for (char c = 0; terminal.read(&c, 1) == 1 && c != '\n';) passphrase += c;
  terminal.write_all("\n");
  if (passphrase.empty()) throw Error(ErrorKind::usage, "reading the passphrase", "it is empty");
  return passphrase;
}

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array units = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < units.size(); ++unit) value /= 1024;
  char text[32];
  ::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

std::string pad(const std::string& text, std::size_t width, bool right) {
  const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
  return right ? blanks + text : text + blanks;
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::show(const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
                        const std::string& unit) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (phase == phase_ && now - last_ < redraw_interval) return;
  phase_ = phase;
  last_ = now;
  const bool bytes = unit == "bytes";
  const auto amount = [&](std::uint64_t n) { return bytes ? human_size(n) : std::to_string(n); };
  std::string line = phase + ": " + amount(done);
  if (total && *total > 0) {
    line += " of " + amount(*total);
    line += " (" + std::to_string(done >= *total ? 100 : 100 * done / *total) + " %)";
  }
  if (!bytes) line += " " + unit;
  ::fprintf(stderr, "\r\033[K%s", line.c_str());
  shown_ = true;
}

void ProgressLine::clear() {
  if (shown_) ::fprintf(stderr, "\r\033[K");
  shown_ = false;
}

Output::Output(const std::string& path, bool binary) {
  if (path.empty() || path == "-") {
    if (binary && ::isatty(STDOUT_FILENO) == 1)
      throw Error(ErrorKind::usage, "writing to stdout", "it is a terminal",
                  "Redirect it, or name a file by --output.");
    file_ = File(::dup(STDOUT_FILENO), "stdout");
    return;
  }
  if (std::filesystem::exists(path)) throw Error(ErrorKind::usage, "writing " + path, "the file exists");
  path_ = path;
  temporary_ = path + ".part";
  file_ = File::open(temporary_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

Output::~Output() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void Output::write(Bytes data) {
  file_.write_all(data);
}

void Output::finish() {
  if (temporary_.empty()) return;
  file_.sync();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw Error(ErrorKind::retryable, "renaming " + temporary_, ::strerror(errno));
  temporary_.clear();
}

}  // namespace lpbm::cli
