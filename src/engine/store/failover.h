// One request to whichever of several addresses answers, tried again after growing pauses.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/http.h"

namespace lpbm::store {

// How long a request is tried before its error is the caller's. Pauses double, and are shortened at random by up to a
// half, so that many servers do not come back at once.
struct Patience {
  std::chrono::milliseconds limit{20'000};
  std::chrono::milliseconds first_pause{250}, longest_pause{15'000};
  std::function<void(const Error&)> waiting;  // told before each pause; may be empty
  std::function<bool()> cancelled;            // ends a pause early; may be empty
};

// Sleeps, at most until `cancelled`.
void pause_for(std::chrono::milliseconds pause, const std::function<bool()>& cancelled);
// The pause after `failures` failures in a row (at least 1).
std::chrono::milliseconds pause_after(const Patience& patience, unsigned failures);

// What is known of the addresses of one service, shared by all in this process who ask it.
class Contacts {
 public:
  // Which of them served last.
  [[nodiscard]] std::size_t preferred() const { return preferred_; }
  void prefer(std::size_t which) { preferred_ = which; }
  // Whether somebody was seen to answer there since it last failed.
  [[nodiscard]] bool is_awake(const Address& address) const;
  void set_awake(const Address& address, bool awake);

 private:
  std::atomic<std::size_t> preferred_ = 0;
  mutable std::mutex mutex_;
  std::set<std::string> awake_;  // URLs
};

class Failover {
 public:
  Failover(std::vector<Address> addresses, Patience patience,
           std::shared_ptr<Contacts> contacts = std::make_shared<Contacts>());
  // Calls `attempt` with one address after the other, beginning with the one that served last, until it returns. An
  // Error (retryable, or permanent for this address) is the next one's turn, so `attempt` must be idempotent. Thrown is
  // what all of them refuse, at once, as permanent; else one of the errors, as retryable, when the patience is over.
  // Any other kind of Error is thrown on.
  void run(const std::function<void(const Address&)>& attempt);
  // The next run() begins with another address.
  void prefer_next() { contacts_->prefer((contacts_->preferred() + 1) % addresses_.size()); }
  [[nodiscard]] const Address& preferred() const { return addresses_[contacts_->preferred()]; }
  [[nodiscard]] const std::vector<Address>& addresses() const { return addresses_; }
  [[nodiscard]] const Patience& patience() const { return patience_; }

 private:
  bool try_all(const std::function<void(const Address&)>& attempt, std::optional<Error>& error);

  std::vector<Address> addresses_;
  Patience patience_;
  std::shared_ptr<Contacts> contacts_;
};

}  // namespace lpbm::store
