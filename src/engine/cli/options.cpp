#include "cli/options.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "cli/terminal.h"
#include "job/settings.h"
#include "job/stored_journal.h"
#include "journal/packed.h"

namespace lpbm::cli {

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& line, const std::string& more) {
  CLI::App* command = app.add_subcommand(name, line);
  command->footer(more);
  return command;
}

void add_store_options(CLI::App& command, Options& options) {
  command.add_option("--store", options.store, "where the objects are: file:PATH or ipfs+http://HOST:PORT")
      ->required()
      ->type_name("URL");
  command.add_option("--store-auth-file", options.store_auth_file, "file with user:password or a token for the store")
      ->type_name("FILE");
  command.add_option("--store-ca-file", options.store_ca_file, "certificates (PEM) that the store's must lead to")
      ->type_name("FILE");
  command.add_option("--ipfs-api", options.ipfs_api, "addresses to read objects from, comma-separated")
      ->type_name("URL[,URL]");
  command.add_option("--site", options.site, "name of the backed-up server in the store")->type_name("NAME");
}

void add_secret_options(CLI::App& command, Options& options) {
  auto* passphrase = command
                         .add_option("--passphrase-file", options.passphrase_file,
                                     "file with the passphrase; without this and --identity it is asked for")
                         ->type_name("FILE");
  command.add_option("--identity", options.identity, "file with age identities (AGE-SECRET-KEY-1...)")
      ->type_name("FILE")
      ->excludes(passphrase);
}

void add_journal_options(CLI::App& command, Options& options, bool in_store) {
  command
      .add_option(
          "--journal", options.journal,
          in_store ? "the journal's file; without it the one that an ipfs+http store holds" : "the journal's file")
      ->required(!in_store)
      ->type_name("FILE");
  command
      .add_option("--signer", options.signer,
                  "public key that must have signed the journal (shown in lpbm_status and in mails)")
      ->type_name("KEY");
}

void add_json_option(CLI::App& command, Options& options) {
  command.add_flag("--json", options.json, "print JSON, for programs");
}

void add_output_option(CLI::App& command, Options& options) {
  command.add_option("-o,--output", options.output, "write to this file instead of stdout")->type_name("FILE");
}

store::Options store_options(const Options& options) {
  store::Options out;
  out.url = options.store;
  out.site = options.site;
  out.ipfs_api = job::split_list(options.ipfs_api);
  out.auth_file = options.store_auth_file;
  out.ca_file = options.store_ca_file;
  return out;
}

std::unique_ptr<store::Store> open_store(const Options& options) {
  return store::open(store_options(options));
}

namespace {

journal::Trust prove(const journal::Journal& journal, const Options& options, const codec::AgeKeys& keys) {
  const journal::Header& header = journal.header();
  std::string secret;
  // Only the secret that the journal's own header wraps can prove it.
  for (const std::string& identity : keys.identities) {
    const auto& known = header.recipients;
    const bool own = std::find(known.begin(), known.end(), codec::parse_identity(identity).recipient) != known.end();
    if (own && !header.mac.empty()) secret = identity;
  }
  return journal.authenticate(options.signer, secret);
}

journal::Journal stored_journal(const Options& options, Secrets* secrets) {
  std::vector<std::string> notes;
  const auto proof = [&](const journal::Journal& journal) {
    if (!options.signer.empty()) (void)journal.authenticate(options.signer, "");
    return prove(journal, options, secrets ? secrets->keys(&journal.header()) : codec::AgeKeys{});
  };
  journal::Journal out = job::fetch_journal(*open_store(options), options.site, proof, notes);
  for (const std::string& text : notes) note(text);
  return out;
}

}  // namespace

journal::Journal load_journal(const Options& options, Secrets* secrets) {
  journal::Journal journal =
      options.journal.empty()
          ? stored_journal(options, secrets)
          : journal::Journal::parse(journal::unpack(read_file(options.journal, std::size_t{1} << 30)));
  if (journal.torn()) note("the journal's last line is not complete and is left out");
  return journal;
}

bool Secrets::are_given() const {
  return !options_.identity.empty() || !options_.passphrase_file.empty();
}

codec::AgeKeys Secrets::keys(const journal::Header* header) {
  codec::AgeKeys keys;
  if (!options_.identity.empty()) {
    keys.identities = codec::read_identities(read_secret(options_.identity));
    return keys;
  }
  const bool wrapped = header && !header->identity.empty();
  if (header && !wrapped && options_.passphrase_file.empty())
    throw Error(ErrorKind::usage, "opening the backup", "it is encrypted to recipients, not with a passphrase",
                "Give the file with the identity by --identity.");
  if (asked_.empty() && options_.passphrase_file.empty()) asked_ = ask_passphrase("Passphrase: ");
  const std::string passphrase = asked_.empty() ? read_secret(options_.passphrase_file) : asked_;
  if (wrapped) keys.identities = codec::read_identities(codec::age_unwrap(header->identity, passphrase));
  keys.passphrase = passphrase;  // of objects in aes-256-cbc, too
  return keys;
}

void authenticate(const journal::Journal& journal, const Options& options, const codec::AgeKeys& keys) {
  if (prove(journal, options, keys).verified_by.empty())
    note("nothing proves who wrote this journal; give the site's public key by --signer");
}

}  // namespace lpbm::cli
