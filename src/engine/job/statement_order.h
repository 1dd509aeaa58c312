// Transactions in the order in which they committed, as far as a log of statements shows it: each stands where its last
// statement stands, and comes out when it is known that it has not failed. What must wait for others meanwhile is
// bounded in memory: it waits in the temporary file.
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
  StatementOrder(SpillFile& file, TransactionWriter& writer, Sink& out) : file_(file), writer_(writer), out_(out) {}

  // The transaction ends here, unless it is placed again.
  void place(const std::shared_ptr<LoggedTransaction>& transaction);
  // Writes what can be written. To be called when transactions were decided.
  void flush();
  // At the end; whatever is open by now is dropped.
  void finish();

 private:
  struct Item {
    std::shared_ptr<LoggedTransaction> transaction;
    std::uint64_t token = 0;
    std::unique_ptr<SpilledText> written;  // in place of a transaction: several, as they come out
  };
  [[nodiscard]] static bool is_gone(const Item& item);
  void drop(const Item& item);
  void shrink();

  SpillFile& file_;
  TransactionWriter& writer_;
  Sink& out_;
  std::deque<Item> items_;
  std::uint64_t tokens_ = 0;
  std::size_t bytes_ = 0;
  std::size_t most_items_ = 4096, most_bytes_ = 8u << 20;  // until something must be done about it
};

}  // namespace lpbm::job
