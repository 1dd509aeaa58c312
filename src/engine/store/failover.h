// One request to whichever of several addresses answers, tried again after growing pauses.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
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

class Failover {
 public:
  Failover(std::vector<Address> addresses, Patience patience);
  // Calls `attempt` with one address after the other, beginning with the one that served last, until it returns. An
  // Error (retryable, or permanent for this address) is the next one's turn, so `attempt` must be idempotent. Thrown is
  // what all of them refuse, at once, as permanent; else one of the errors, as retryable, when the patience is over.
  // Any other kind of Error is thrown on.
  void run(const std::function<void(const Address&)>& attempt);
  // The next run() begins with another address.
  void prefer_next() { preferred_ = (preferred_ + 1) % addresses_.size(); }
  [[nodiscard]] const Address& preferred() const { return addresses_[preferred_]; }
  [[nodiscard]] const std::vector<Address>& addresses() const { return addresses_; }
  [[nodiscard]] const Patience& patience() const { return patience_; }

 private:
  bool try_all(const std::function<void(const Address&)>& attempt, std::optional<Error>& error);

  std::vector<Address> addresses_;
  Patience patience_;
  std::size_t preferred_ = 0;
};

}  // namespace lpbm::store
