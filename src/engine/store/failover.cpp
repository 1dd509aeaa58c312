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

bool Contacts::is_awake(const Address& address) const {
  const std::lock_guard lock(mutex_);
  return awake_.contains(address.url);
}

void Contacts::set_awake(const Address& address, bool awake) {
  const std::lock_guard lock(mutex_);
  if (awake)
    awake_.insert(address.url);
  else
    awake_.erase(address.url);
}

Failover::Failover(std::vector<Address> addresses, Patience patience, std::shared_ptr<Contacts> contacts)
    : addresses_(std::move(addresses)), patience_(std::move(patience)), contacts_(std::move(contacts)) {}

namespace {

// One error for what several addresses did.
Error both(const std::optional<Error>& before, const Error& now) {
  if (!before) return now;
  // Where one may serve later, all is not lost; but what another one refuses is to be known, too.
  if (before->kind() != now.kind()) {
    const Error& refusal = before->kind() == ErrorKind::permanent ? *before : now;
    const Error& other = before->kind() == ErrorKind::permanent ? now : *before;
    return {ErrorKind::retryable, refusal.step(), refusal.cause() + "; and " + other.what(), refusal.hint()};
  }
  // What a daemon says is worth more than that another one says nothing.
  return now.hint().empty() ? *before : now;
}

}  // namespace

bool Failover::try_all(const std::function<void(const Address&)>& attempt, std::optional<Error>& error) {
  const std::size_t first = contacts_->preferred();
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const std::size_t which = (first + i) % addresses_.size();
    try {
      attempt(addresses_[which]);
      contacts_->prefer(which);
      return true;
    } catch (const Error& failed) {
      if (failed.kind() != ErrorKind::retryable && failed.kind() != ErrorKind::permanent) throw;
      error.emplace(both(error, failed));
    }
  }
  return false;
}

void Failover::run(const std::function<void(const Address&)>& attempt) {
  const auto start = Clock::now();
  for (unsigned failures = 1;; ++failures) {
    std::optional<Error> error;
    if (try_all(attempt, error)) return;
    if (error->kind() == ErrorKind::permanent) throw Error(*error);  // none of them will ever serve
    if (Clock::now() - start >= patience_.limit || (patience_.cancelled && patience_.cancelled())) throw Error(*error);
    if (patience_.waiting) patience_.waiting(*error);
    pause_for(pause_after(patience_, failures), patience_.cancelled);
  }
}

}  // namespace lpbm::store
