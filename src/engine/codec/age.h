// The age file encryption format, version 1 (age-encryption.org/v1, C2SP age.md), on OpenSSL's primitives.
// Anything truncated, extended, reordered or changed is refused (Error, permanent); no plaintext of a chunk is released
// before the chunk is authenticated.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"

namespace lpbm::codec {

struct AgeIdentity {
  std::string secret;     // "AGE-SECRET-KEY-1..."
  std::string recipient;  // "age1..."
};

AgeIdentity generate_identity();
// Throws Error (usage) unless `secret` is a valid X25519 identity.
AgeIdentity parse_identity(const std::string& secret);
// Throws Error (usage) with a hint unless each is an X25519 recipient.
void check_recipients(const std::vector<std::string>& recipients);

// Encrypts to X25519 recipients (at least one). Writes the header at once. `below` must outlive the sink.
std::unique_ptr<Sink> age_encrypt(std::vector<std::string> recipients, Sink& below);

// What can open a file: identities, and/or a passphrase (for scrypt stanzas; work factor at most 2^22).
struct AgeKeys {
  std::vector<std::string> identities;  // AGE-SECRET-KEY-1...
  std::optional<std::string> passphrase;
};
// Decrypts (armored input too) into `below`. Wrong keys: Error (permanent), cause "no identity matched" or "wrong
// passphrase".
std::unique_ptr<Sink> age_decrypt(AgeKeys keys, Sink& below);

// Small contents in memory; the passphrase forms are age scrypt files in PEM armor, work factor 2^log_n.
std::string age_wrap(const std::string& content, const std::string& passphrase, int log_n = 18);
std::string age_unwrap(const std::string& armored, const std::string& passphrase);

// Identities of a file as age-keygen writes it (comments and blank lines allowed).
std::vector<std::string> read_identities(const std::string& text);

}  // namespace lpbm::codec
