// What a person sees: notes, errors and progress on stderr, results on stdout, the passphrase prompt.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/stream.h"

namespace lpbm::cli {

// "lpbm: <text>" on stderr.
void note(const std::string& text);
// "lpbm: what: cause" and, where there is one, "hint: ..." on stderr. Returns the exit code: 2 for usage, else 1.
int report(const Error& error);

// Asks at the terminal, without echo. Throws Error (usage) where there is none, or for an empty answer.
std::string ask_passphrase(const std::string& prompt);

// "1.5 GB", powers of 1024 with one decimal.
std::string human_size(std::uint64_t bytes);
// `columns` cells wide, padded with blanks; numbers to the right.
std::string pad(const std::string& text, std::size_t width, bool right);

// One line on a terminal that is rewritten as work goes on; nothing where stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total, const std::string& unit);
  // Wipes the line, so that something else may be printed.
  void clear();

 private:
  bool terminal_, shown_ = false;
  std::string phase_;
  std::chrono::steady_clock::time_point last_{};
};

// stdout, or a file that gets its name only when it is complete.
class Output final : public Sink {
 public:
  // An empty path or "-" is stdout, which is refused (Error, usage) when it is a terminal and `binary` says that the
  // bytes are not for eyes. Throws Error (usage) when the file exists.
  Output(const std::string& path, bool binary);
  ~Output() override;
  void write(Bytes data) override;
  void finish() override;

 private:
  File file_;
  std::string path_, temporary_;
};

}  // namespace lpbm::cli
