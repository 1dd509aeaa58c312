// What the commands of `lpbm` take on their command lines, and the pieces that several share. See main.cpp for which
// command takes what.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/age.h"
#include "journal/journal.h"
#include "store/store.h"

namespace lpbm::cli {

struct Options {
  std::string target;  // --target: a connection string
  std::string store, store_auth_file, store_ca_file, ipfs_api, site;
  std::string journal, signer;
  std::string passphrase_file, identity;
  std::string bindir, output, until;
  std::optional<std::uint64_t> entry;
  std::string cid, format;
  std::string cluster_key, encoding = "UTF8", stream;   // extract
  std::string database;                                 // extract, restore
  bool statements = false, no_users = false;            // extract
  std::vector<std::string> map_roles, map_tablespaces;  // restore
  bool no_owner = false, trust_source = false;          // restore
  bool all = false;                                     // restore
  std::vector<std::string> files;
  bool json = false, check = false, raw = false, decrypt = false, no_wait = false, keep_going = false;
};

using Command = std::function<int()>;

// Each adds its subcommand to `app`; when it is chosen, `chosen` is set to what runs it. `options` outlives both.
void add_backup_commands(CLI::App& app, Options& options, Command& chosen);   // full, delta
void add_restore_command(CLI::App& app, Options& options, Command& chosen);   // restore
void add_journal_commands(CLI::App& app, Options& options, Command& chosen);  // list, verify
void add_object_commands(CLI::App& app, Options& options, Command& chosen);   // get, decrypt
void add_extract_command(CLI::App& app, Options& options, Command& chosen);   // extract
void add_keygen_command(CLI::App& app, Options& options, Command& chosen);    // keygen

// A subcommand with one line for the list of commands and all that is to be said for its own help.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& line, const std::string& more);
void add_store_options(CLI::App& command, Options& options);
void add_secret_options(CLI::App& command, Options& options);
// `in_store`: the command has a store, which may hold the journal.
void add_journal_options(CLI::App& command, Options& options, bool in_store = false);
void add_json_option(CLI::App& command, Options& options);
void add_output_option(CLI::App& command, Options& options);

store::Options store_options(const Options& options);
std::unique_ptr<store::Store> open_store(const Options& options);
// What opens backups, from --identity or a passphrase (--passphrase-file, else a prompt, once).
class Secrets {
 public:
  explicit Secrets(const Options& options) : options_(options) {}
  // With a journal whose header holds a wrapped identity the passphrase opens that; without one it is itself a key.
  // Throws Error (usage) where there is neither an option nor a terminal to ask at.
  codec::AgeKeys keys(const journal::Header* header);
  // Whether an option gives one.
  [[nodiscard]] bool are_given() const;

 private:
  const Options& options_;
  std::string asked_;
};

// Reads and checks the journal of --journal, or of the store; a torn last line is told on stderr. `secrets` are asked
// only where several journals of one site lie in the store, and may be null.
journal::Journal load_journal(const Options& options, Secrets* secrets = nullptr);

// Checks the journal against --signer and against the wrapped identity's secret, where `keys` holds it. What is not
// proven is said on stderr.
void authenticate(const journal::Journal& journal, const Options& options, const codec::AgeKeys& keys);

}  // namespace lpbm::cli
