// A backed-up database of a server as its jobs see it: lpbm.directory with its files, the store and the database,
// opened on demand.
//
// Files in lpbm.directory: `cluster.key`, `site.key`, `journal` (and its lock), `store/` (the default store),
// `aes.check` (with lpbm.encryption = 'aes-256-cbc'), `removals` (leftovers.h), `init.lock` and `retention.lock` (one
// database at a time). Where several databases are backed up, those of one alone may lie in a folder of its own below
// it: `delta.lock` and `full.lock` (one job of a kind at a time), `delta.hints` and `pending/`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "codec/crypto.h"
#include "job/object.h"
#include "job/settings.h"
#include "journal/journal.h"
#include "postgres/child.h"
#include "postgres/connection.h"
#include "store/store.h"

namespace lpbm::job {

class Site {
 public:
  explicit Site(Settings settings) : settings_(std::move(settings)) {
    if (settings_.state.empty()) settings_.state = settings_.directory;
  }

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] std::filesystem::path path(const char* name) const { return settings_.directory / name; }
  // Of this database alone.
  [[nodiscard]] std::filesystem::path own_path(const char* name) const { return settings_.state / name; }
  [[nodiscard]] journal::JournalFile journal() const { return journal::JournalFile(path("journal")); }
  // 32 bytes. Throws Error (permanent) unless the file is as it was made.
  [[nodiscard]] std::string cluster_key() const;
  [[nodiscard]] codec::SigningKey signing_key() const;
  // To whom objects are encrypted: the setting's recipients, else those of the journal's header.
  [[nodiscard]] std::vector<std::string> recipients(const journal::Header& header) const;
  // `patience` with a store that cannot be reached; `waiting` is told meanwhile (store::Options).
  [[nodiscard]] std::unique_ptr<store::Store> open_store(std::chrono::milliseconds patience = short_patience,
                                                         std::function<void(const std::string&)> waiting = {}) const;
  static constexpr std::chrono::milliseconds short_patience{20'000};
  // A session in the backed-up database whose time-outs are off.
  [[nodiscard]] postgres::Connection connect() const;
  // A program of the server's version, `options` being for its sessions ("-c name=value"); `connection_option` is added
  // with the connection string, whose password goes by the environment.
  [[nodiscard]] postgres::Command program(const char* name, std::vector<std::string> arguments, const std::string& what,
                                          const std::string& options = {}) const;

 private:
  Settings settings_;
};

// An exclusive lock on a file, held while this lives; the file stays. Freed by the kernel when the process dies.
class FileLock {
 public:
  // Waits for the lock.
  explicit FileLock(const std::filesystem::path& path);
  // Nothing when somebody else holds it.
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);

 private:
  explicit FileLock(File file) : file_(std::move(file)) {}
  File file_;
};

// A time as part of a name: distinct for each call in this process, and from those of processes with another `share`.
constexpr unsigned name_shares = 64;
std::string entry_name(journal::Kind kind, unsigned share = 0);
// "lpbm/<site>/<entry>/<object>" with the characters that a store allows.
std::string store_prefix(const std::string& site);

// What the objects of one entry have in common.
struct EntryObjects {
  store::Store& store;
  std::string prefix;  // "lpbm/<site>/<entry>/"
  std::vector<std::string> recipients;
  std::optional<int> zstd_level;
  std::shared_ptr<const codec::AesCbcKey> aes = nullptr;  // keys.h, aes_key

  [[nodiscard]] ObjectOptions options(const std::string& name, bool threaded = false) const {
    return {name, prefix + name, zstd_level, recipients, threaded, aes};
  }
};

}  // namespace lpbm::job
