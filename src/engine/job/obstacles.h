// What stands in the way of a restore, collected, so that all of it is told at once and before anything is changed.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace lpbm::job {

class Obstacles {
 public:
  // `text` in lower case, without a full stop; `hint` a sentence with what to do, or empty.
  void add(const std::string& text, const std::string& hint = {});
  // Takes what an Error says: its cause, and its step where that is not the restore itself.
  void add(const Error& error);
  [[nodiscard]] bool empty() const { return all_.empty(); }
  // Throws Error (permanent) unless there are none: one as it is, several in a numbered list with their hints.
  void refuse(const std::string& what) const;

 private:
  struct Obstacle {
    std::string text, hint;
  };
  std::vector<Obstacle> all_;
};

}  // namespace lpbm::job
