#include "unit/codec/program.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "base/file.h"

namespace lpbm::codec::test {

TemporaryDirectory::TemporaryDirectory() : path_(std::filesystem::temp_directory_path() / "lpbm-codec-XXXXXX") {
  if (!::mkdtemp(path_.data())) throw std::runtime_error("no temporary directory");
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::put(const std::string& name, const std::string& content) const {
  replace_file(file(name), content);
  return file(name);
}

int run_program(const std::vector<std::string>& command, const std::string& answer, std::string& shown) {
  constexpr int patience = 60'000;  // milliseconds without a word
  std::vector<std::string> copy = command;
  std::vector<char*> argv;
  for (std::string& argument : copy) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid < 0) throw std::runtime_error("no terminal");
  if (pid == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  shown.clear();
  std::size_t answered = 0;
  char buffer[4096];
  while (true) {
    pollfd waiting = {terminal, POLLIN, 0};
    if (::poll(&waiting, 1, patience) <= 0) {
      ::kill(pid, SIGKILL);
      break;
    }
    const ssize_t got = ::read(terminal, buffer, sizeof buffer);
    if (got <= 0) break;  // EIO: the other end was closed
    shown.append(buffer, static_cast<std::size_t>(got));
    const std::size_t prompt = shown.find(": ", answered);
    if (prompt == std::string::npos || shown.find("passphrase", answered) > prompt) continue;
    answered = shown.size();
    const std::string typed = answer + "\n";
    if (::write(terminal, typed.data(), typed.size()) < 0) break;
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(terminal);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace lpbm::codec::test
