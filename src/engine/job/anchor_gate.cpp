#include "job/anchor_gate.h"

#include "base/encoding.h"
#include "codec/crypto.h"
#include "csvlog/record.h"
#include "delta/fixed_session.h"

namespace lpbm::job {

std::string cut_nonce() {
  return std::string(csvlog::cut_nonce_prefix) + to_hex(codec::random_bytes(8));
}

std::string next_nonce(const std::string& nonce) {
  return to_hex(codec::sha256(nonce)).substr(0, 32);
}

std::string anchor_message(const std::string& cluster_key, const std::string& nonce) {
  const std::string mac = to_hex(codec::hmac_sha256(cluster_key, "lpbm anchor\n" + nonce));
  return "anchor " + nonce + ' ' + mac.substr(0, 32);
}

AnchorGate::AnchorGate(const Site& site) : site_(site), connection_(site.connect()) {
  connection_.exec(delta::fixed_session(site.settings().encoding));
  connection_.exec("BEGIN");
  connection_.exec(short_waits);
  // An autovacuum in the way gives up after the deadlock_timeout.
  connection_.exec("SET LOCAL synchronous_commit = local");
}

void AnchorGate::lock(const std::string& tables) {
  if (tables.empty()) return;
  // lock_timeout counts for each table anew, and those that are locked already wait with us.
  connection_.exec("SET LOCAL statement_timeout = 1000");
  connection_.exec("LOCK TABLE " + tables + " IN SHARE MODE");
  connection_.exec("SET LOCAL statement_timeout = 0");
}

void AnchorGate::lock_patiently(const std::string& tables) {
  if (tables.empty()) return;
  connection_.exec(
      "SET LOCAL deadlock_timeout = '10s'; SET LOCAL lock_timeout = 200; SET LOCAL statement_timeout = 500");
  connection_.exec("LOCK TABLE " + tables + " IN SHARE MODE");
  connection_.exec("SET LOCAL statement_timeout = 0");
}

void AnchorGate::commit(const std::string& nonce) {
  connection_.exec("SELECT pg_logical_emit_message(true, 'lpbm', $1)", {anchor_message(site_.cluster_key(), nonce)});
  connection_.exec("COMMIT");
}

}  // namespace lpbm::job
