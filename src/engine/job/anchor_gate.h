// The session that commits an anchor: the message in the WAL that says where a snapshot meets the stream.
#pragma once

#include <string>

#include "job/site.h"

namespace lpbm::job {

// Nonces are 32 hex digits. A new one for the anchor of a delta with refreshes (csvlog::is_cut).
std::string cut_nonce();
// For the next attempt of a full: the anchor of one that failed must not be taken for it.
std::string next_nonce(const std::string& nonce);

// The content of the logical message that asks for an anchor (docs/formats.md, Records).
std::string anchor_message(const std::string& cluster_key, const std::string& nonce);

// An open transaction, in which locks may keep others from committing between the snapshot and the anchor
// (job/refresh.h says how). Destroyed uncommitted, it leaves no anchor. Errors as those of postgres/connection.h; waits
// for locks are short, since whoever wants to write meanwhile queues behind us.
class AnchorGate {
 public:
  explicit AnchorGate(const Site& site);
  // `tables`: a list for LOCK TABLE; nothing where it is empty.
  void lock(const std::string& tables);
  // For half as long, and no autovacuum gives way.
  void lock_patiently(const std::string& tables);
  // Durable on return, and with it all that was visible before; no standby is waited for. Locks are gone.
  void commit(const std::string& nonce);
  [[nodiscard]] postgres::Connection& connection() { return connection_; }

 private:
  const Site& site_;
  postgres::Connection connection_;
};

// Time-outs of a transaction that must not keep others waiting, as SQL for its begin.
inline constexpr const char* short_waits = "SET LOCAL lock_timeout = 400; SET LOCAL deadlock_timeout = 100";

// SQL: whether updates and deletes of `c` (pg_class) can be named in the stream (design: Records, Row truth).
inline constexpr const char* has_identity =
    "(c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND "
    "i.indimmediate AND (CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)))";

}  // namespace lpbm::job
