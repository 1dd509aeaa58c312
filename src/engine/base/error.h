// Errors of the engine: what was tried, why it failed, what to do, and whether trying again can help.
// Source of the habit: numbered kind + cause + hint, as in PostgreSQL's ereport.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace lpbm {

enum class ErrorKind {
  permanent,  // trying again with the same input fails again
  retryable,  // the outside world may heal: store unreachable, disk full, server starting
  usage,      // wrong arguments; exit code 2
  fence,      // the csvlog does not (yet) hold a frame that the worker says it wrote
  gap,        // records that had been confirmed are missing; only a full backup helps
};

// `what` is the failed step ("reading journal /x"), `cause` its reason in lower case, `hint` a sentence with what to do
// (may be empty). Thread-safe to copy.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& what, std::string cause, std::string hint = {})
      : std::runtime_error(what + ": " + cause),
        kind_(kind),
        step_(what),
        cause_(std::move(cause)),
        hint_(std::move(hint)) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& step() const noexcept { return step_; }
  [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

 private:
  ErrorKind kind_;
  std::string step_, cause_, hint_;
};

}  // namespace lpbm
