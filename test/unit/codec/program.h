// Runs programs for the tests: the real age, with and without a terminal to ask at.
#pragma once

#include <string>
#include <vector>

namespace lpbm::codec::test {

// A directory that goes away with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file and returns its path.
  [[nodiscard]] std::string put(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

// Runs a program on a terminal of its own, types `answer` and a newline whenever it asks for a passphrase, and returns
// its exit code (-1: killed). What it shows is put into `shown`. It is killed after a minute.
int run_program(const std::vector<std::string>& command, const std::string& answer, std::string& shown);

}  // namespace lpbm::codec::test
