// Wrapping of an age file's key: X25519 and scrypt stanzas, and the AEAD that they and the payload use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/age_format.h"
#include "codec/openssl.h"

namespace lpbm::codec::age {

inline constexpr std::size_t file_key_size = 16;
inline constexpr std::size_t key_size = 32;
inline constexpr std::size_t tag_size = 16;
inline constexpr std::size_t nonce_size = 12;

// ChaCha20-Poly1305 (RFC 8439) under one key, for many messages.
class Aead {
 public:
  enum class Direction { open, seal };
  Aead(std::string_view key, Direction direction);
  // Encrypts `in` into `out` (in.size() + tag_size bytes).
  void seal(const unsigned char (&nonce)[nonce_size], std::string_view in, char* out);
  // Decrypts `in` (tag at its end) into `out` (in.size() - tag_size bytes). False when it is not authentic: then what
  // stands in `out` must not be used.
  bool open(const unsigned char (&nonce)[nonce_size], std::string_view in, char* out);

 private:
  openssl::CipherContext context_;
};

// An X25519 identity, ready for use.
struct Identity {
  openssl::Key key;
  std::string public_key;
};
Identity make_identity(std::string_view secret_key);  // 32 bytes

Stanza wrap_x25519(const std::string& file_key, const std::string& public_key);
Stanza wrap_scrypt(const std::string& file_key, const std::string& passphrase, int log_n);
// The file key; none when the stanza is not for this identity or passphrase. Malformed: Error (permanent), a header
// failure.
std::optional<std::string> unwrap_x25519(const Stanza& stanza, const Identity& identity);
std::optional<std::string> unwrap_scrypt(const Stanza& stanza, const std::string& passphrase);

}  // namespace lpbm::codec::age
