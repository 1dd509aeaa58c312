// What a site needs before anything can be stored: its directory, its keys, and a journal whose header says to whom
// objects are encrypted.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "job/site.h"

namespace lpbm::job {

// Makes lpbm.directory (0700), cluster.key and site.key (0600) where they are missing. A missing site.key beside an
// existing journal is never made anew: Error (permanent).
void make_keys(const Site& site);

// Makes the journal where it is missing: to the setting's recipients, or with a passphrase to an identity made here,
// which is wrapped by the passphrase into the header and forgotten. An existing journal is read and must be this
// site's. Throws Error; cause "no encryption secret" when neither recipients nor a passphrase are given.
journal::Header make_journal(const Site& site);

// With lpbm.encryption = 'aes-256-cbc' the key of the passphrase, read anew, by which objects are encrypted; null for
// age. All objects of a site have the salt of `aes.check`, so that a restore derives one key, not thousands. Throws
// Error (permanent) unless it is the passphrase that opens the identity in `header`: one journal, one passphrase. The
// file `aes.check` is written at the first call and lets later ones see that in 50 ms.
std::shared_ptr<const codec::AesCbcKey> aes_key(const Site& site, const journal::Header& header);

// The passphrase of lpbm.passphrase_file or lpbm.passphrase_command; Error (permanent) without either, or when empty.
std::string read_passphrase(const Settings& settings);

// The words of a command line as a shell would split them (quotes and backslashes), nothing expanded. Throws Error
// (usage) for an unfinished quote.
std::vector<std::string> split_command(std::string_view text);

}  // namespace lpbm::job
