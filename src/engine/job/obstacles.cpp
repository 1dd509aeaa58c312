#include "job/obstacles.h"

#include <algorithm>

namespace lpbm::job {

void Obstacles::add(const std::string& text, const std::string& hint) {
  const auto same = [&](const Obstacle& one) { return one.text == text; };
  if (std::none_of(all_.begin(), all_.end(), same)) all_.push_back({text, hint});
}

void Obstacles::add(const Error& error) {
  add(error.cause(), error.hint());
}

void Obstacles::refuse(const std::string& what) const {
  if (all_.empty()) return;
  if (all_.size() == 1) throw Error(ErrorKind::permanent, what, all_.front().text, all_.front().hint);
  std::string cause = std::to_string(all_.size()) + " things are in the way";
  for (std::size_t i = 0; i < all_.size(); ++i) {
    cause += "\n  " + std::to_string(i + 1) + ". " + all_[i].text;
    if (!all_[i].hint.empty()) cause += "\n     " + all_[i].hint;
  }
  throw Error(ErrorKind::permanent, what, cause, "Nothing was changed. Mend these, and restore again.");
}

}  // namespace lpbm::job
