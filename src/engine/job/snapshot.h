// The snapshot of a full: taken under ACCESS SHARE locks on all tables, exported, and kept until the dump is done; the
// anchor is committed right after it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "job/site.h"

namespace lpbm::job {

// pg_snapshot's text "xmin:xmax:xip,xip,...", and which transactions it sees.
class Visibility {
 public:
  // Throws Error (permanent) unless `text` is a pg_snapshot.
  explicit Visibility(const std::string& text);
  // Whether the snapshot sees what this transaction (full xid, top level) committed, provided that it did commit.
  [[nodiscard]] bool sees(std::uint64_t xid) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::uint64_t xmin_ = 0, xmax_ = 0;
  std::vector<std::uint64_t> running_;  // ascending
};

// An open transaction that holds locks and snapshot until this is destroyed. No table of the snapshot can be truncated,
// rewritten or dropped meanwhile.
class LockedSnapshot {
 public:
  struct Limits {
    int attempts = 1;
    std::chrono::milliseconds lock_timeout;
    // Whoever writes to large objects or to tables whose changes cannot be named waits from the snapshot to the anchor.
    bool hold_writers = false;
  };
  // Tries until it succeeds or all attempts have failed (then the last Error, retryable). A lock that is not got in
  // time ends an attempt and frees everything, so that nobody queues behind us for longer. `nonce`: of the first
  // attempt's anchor; each one has its own (next_nonce), since an attempt may fail with its anchor in the WAL.
  LockedSnapshot(const Site& site, const Limits& limits, std::string nonce, const std::function<void(int)>& on_attempt);

  [[nodiscard]] const std::string& nonce() const { return nonce_; }        // of the anchor, which is in the WAL
  [[nodiscard]] const std::string& exported() const { return exported_; }  // for pg_dump --snapshot
  [[nodiscard]] const Visibility& visibility() const { return *visibility_; }
  [[nodiscard]] postgres::Connection& connection() { return *connection_; }     // inside the transaction
  [[nodiscard]] std::uint64_t database_size() const { return database_size_; }  // bytes on disk
  [[nodiscard]] Micros time() const { return time_; }                           // the server's, at the snapshot

 private:
  void attempt(const Site& site, const Limits& limits);

  std::string nonce_;
  std::unique_ptr<postgres::Connection> connection_;
  std::string exported_;
  std::unique_ptr<Visibility> visibility_;
  std::uint64_t database_size_ = 0;
  Micros time_ = 0;
};

}  // namespace lpbm::job
