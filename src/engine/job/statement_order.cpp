#include "job/statement_order.h"

#include <algorithm>

namespace lpbm::job {
namespace {

constexpr std::size_t large_piece = 256u << 10, small_text = 4096;

class TextSink final : public Sink {
 public:
  explicit TextSink(SpilledText& text) : text_(text) {}
  void write(Bytes data) override {
    text_.append(data);
    if (text_.in_memory() > large_piece) text_.spill();
  }
  void finish() override {}

 private:
  SpilledText& text_;
};

}  // namespace

bool StatementOrder::is_gone(const Item& item) {
  if (item.written) return false;
  return item.transaction->token != item.token || item.transaction->fate == LoggedTransaction::Fate::drop;
}

void StatementOrder::place(const std::shared_ptr<LoggedTransaction>& transaction) {
  bytes_ += transaction->text.in_memory();
  bytes_ -= std::min(bytes_, transaction->counted);
  transaction->counted = transaction->text.in_memory();
  if (!items_.empty() && items_.back().transaction == transaction && items_.back().token == transaction->token) return;
  transaction->token = ++tokens_;
  items_.push_back({transaction, tokens_, nullptr});
}

// What is decided is written to the file in the order in which it comes out; what is not decided goes there as far as
// it is long.
void StatementOrder::shrink() {
  std::deque<Item> rest;
  TransactionWriter writer = writer_;
  bytes_ = 0;
  for (Item& item : items_) {
    if (is_gone(item)) continue;
    const bool open = item.transaction && item.transaction->fate == LoggedTransaction::Fate::open;
    if (open) {
      if (item.transaction->text.in_memory() > small_text) item.transaction->text.spill();
      item.transaction->counted = item.transaction->text.in_memory();
      bytes_ += item.transaction->counted;
    }
    if (open || item.written) {
      rest.push_back(std::move(item));
      // The settings where the next piece begins are not known yet: it makes its own.
      writer.forget();
      continue;
    }
    if (rest.empty() || !rest.back().written) {
      rest.push_back({nullptr, 0, std::make_unique<SpilledText>(file_)});
      writer.forget();
    }
    TextSink sink(*rest.back().written);
    writer.write(*item.transaction, sink);
  }
  for (Item& item : rest)
    if (item.written) item.written->spill();
  items_ = std::move(rest);
  most_items_ = std::max(few_items, 2 * items_.size());
  most_bytes_ = std::max(few_bytes, 2 * bytes_);
}

void StatementOrder::finish(Sink& out) {
  for (; !items_.empty(); items_.pop_front()) {
    const Item& item = items_.front();
    if (item.written) {
      item.written->write_to(out);
      writer_.forget();
    } else if (!is_gone(item) && item.transaction->fate == LoggedTransaction::Fate::keep) {
      writer_.write(*item.transaction, out);
    }
  }
}

}  // namespace lpbm::job
