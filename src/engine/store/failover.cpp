#include "store/failover.h"

#include <algorithm>
#include <random>
#include <thread>

namespace lpbm::store {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

void pause_for(milliseconds pause, const std::function<bool()>& cancelled) {
  constexpr milliseconds slice{50};
  const auto end = Clock::now() + pause;
  while (!(cancelled && cancelled())) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (left <= milliseconds::zero()) return;
    std::this_thread::sleep_for(cancelled ? std::min(left, slice) : left);
  }
}

milliseconds pause_after(const Patience& patience, unsigned failures) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  milliseconds pause = patience.first_pause;
  for (unsigned i = 1; i < failures && pause < patience.longest_pause; ++i) pause *= 2;
  pause = std::min(pause, patience.longest_pause);
  return pause - milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, pause.count() / 2)(random));
}

Failover::Failover(std::vector<Address> addresses, Patience patience)
    : addresses_(std::move(addresses)), patience_(std::move(patience)) {}

bool Failover::try_all(const std::function<void(const Address&)>& attempt, std::optional<Error>& error) {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const std::size_t which = (preferred_ + i) % addresses_.size();
    try {
      attempt(addresses_[which]);
      preferred_ = which;
      return true;
    } catch (const Error& failed) {
      if (failed.kind() != ErrorKind::retryable) throw;
      // What a daemon says is worth more than that another one says nothing.
      if (!error || !failed.hint().empty()) error.emplace(failed);
    }
  }
  return false;
}

void Failover::run(const std::function<void(const Address&)>& attempt) {
  const auto start = Clock::now();
  for (unsigned failures = 1;; ++failures) {
    std::optional<Error> error;
    if (try_all(attempt, error)) return;
    if (Clock::now() - start >= patience_.limit || (patience_.cancelled && patience_.cancelled())) throw Error(*error);
    if (patience_.waiting) patience_.waiting(*error);
    pause_for(pause_after(patience_, failures), patience_.cancelled);
  }
}

}  // namespace lpbm::store
