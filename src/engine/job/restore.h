// A database out of store, journal and secret.
//
// Order: read and authenticate the journal, plan; look at the target and refuse before anything is changed; globals,
// database (marked as unfinished), full, bridge, deltas, materialized views, the database's own properties; the mark is
// taken away last. Whatever stops it, a database that is not complete carries the mark: the comment "lpbm: restore
// unfinished ..." and connection limit 0, so that only superusers get in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "codec/age.h"
#include "journal/journal.h"
#include "postgres/scratch_server.h"
#include "store/store.h"

namespace lpbm::job {

struct RestoreOptions {
  store::Options store;
  std::string journal;           // its text
  codec::AgeKeys keys;           // identities, or the passphrase of the journal's own
  std::string signer;            // base64 of the site's public key; empty: not checked
  std::string target;            // conninfo of a superuser; dbname: the database to restore into
  std::filesystem::path bindir;  // of pg_restore; empty: looked for
  std::optional<Micros> until;
  std::optional<std::uint64_t> entry;
  std::string database;                      // which of the journal's; empty: the only one, or that of `entry`
  std::vector<std::string> map_roles;        // OLD=NEW: the role NEW of the target takes OLD's place
  std::vector<std::string> map_tablespaces;  // OLD=/DIRECTORY: where the tablespace OLD is made
  bool no_owner = false;      // the user of the target takes the place of all roles that are not in map_roles
  bool trust_source = false;  // the source's code runs with the rights of the target's user (job/code_guard.h)
  bool scratch = false;  // the server is removed afterwards: missing tablespaces are made inside its data directory
  // Called for what people should know before anything is changed; without it that is among the notes.
  std::function<void(const std::string&)> tell;
  // Called from the thread that restores: phase, done, total (if known), unit ("bytes", "transactions", ...).
  std::function<void(const std::string&, std::uint64_t, std::optional<std::uint64_t>, const std::string&)> progress;
};

struct RestoreResult {
  std::uint64_t applied = 0;       // entries, the full among them
  std::uint64_t transactions = 0;  // replayed
  Lsn last;                        // of the last transaction applied; the anchor where there was none
  Micros last_commit = 0;          // 0: none after the full
  std::vector<std::string> notes;  // what people should know, in order
};

// Throws Error: permanent for a journal, secret, store, target or stream that does not fit, retryable where the outside
// world may heal. Runs threads of its own while it works, none afterwards.
RestoreResult restore(const RestoreOptions& options);

struct NamedResult {
  std::string database;
  RestoreResult result;
};
// Each database of the journal that has a full, into the one of its name on the server of `target`, whose dbname does
// not count; in the journal's order. What can be refused of any of them is refused before anything is changed. Throws
// Error as restore does, at the first that fails: those before it are complete then.
std::vector<NamedResult> restore_all(const RestoreOptions& options);

// Restores into a scratch server of its own (postgres/scratch_server.h) at `place`, of the programs in `bindir`, and
// removes it. `target` is not used.
RestoreResult check_restore(RestoreOptions options, const postgres::ScratchPlace& place = {});
// The same with each database of the journal that has a full, one after another.
std::vector<NamedResult> check_restore_all(const RestoreOptions& options, const postgres::ScratchPlace& place = {});
// Those databases. None where the journal has no full.
std::vector<std::string> restorable_databases(const std::string& journal);

// The journal of `text`, proved by what the user has: the signer's key, or the passphrase or identity that the header
// was sealed with. Identities come into `keys` out of the header where the passphrase opens it. Without proof, a note.
journal::Journal open_journal(const std::string& text, const std::string& signer, codec::AgeKeys& keys,
                              std::vector<std::string>& notes);

}  // namespace lpbm::job
