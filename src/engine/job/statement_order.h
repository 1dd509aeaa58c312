// Transactions in the order in which they committed, as far as a log of statements shows it: each stands where its last
// statement stands, if it is known by the end that it has not failed. Nothing comes out before the end, so that a log
// which turns out to be of another kind has given nothing. What waits is bounded in memory: it waits in the temporary
// file.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "base/stream.h"
#include "job/logged_transaction.h"
#include "job/spilled_text.h"

namespace lpbm::job {

class StatementOrder {
 public:
  // All outlive this.
  StatementOrder(SpillFile& file, TransactionWriter& writer) : file_(file), writer_(writer) {}

  // The transaction ends here, unless it is placed again.
  void place(const std::shared_ptr<LoggedTransaction>& transaction);
  // To be called when transactions were decided: what they hold may leave the memory.
  void settle() {
    if (items_.size() > most_items_ || bytes_ > most_bytes_) shrink();
  }
  // At the end: writes all; whatever is open by now is dropped.
  void finish(Sink& out);

 private:
  struct Item {
    std::shared_ptr<LoggedTransaction> transaction;
    std::uint64_t token = 0;
    std::unique_ptr<SpilledText> written;  // in place of a transaction: several, as they come out
  };
  [[nodiscard]] static bool is_gone(const Item& item);
  void shrink();

  SpillFile& file_;
  TransactionWriter& writer_;
  std::deque<Item> items_;
  std::uint64_t tokens_ = 0;
  std::size_t bytes_ = 0;
  // Until something must be done about it; so few that they stay in the processor's cache.
  static constexpr std::size_t few_items = 256, few_bytes = 1u << 20;
  std::size_t most_items_ = few_items, most_bytes_ = few_bytes;
};

}  // namespace lpbm::job
