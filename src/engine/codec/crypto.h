// Hashes, MACs and signatures on OpenSSL. All throw Error (permanent) when OpenSSL refuses.
#pragma once

#include <string>
#include <string_view>

namespace lpbm::codec {

std::string sha256(std::string_view bytes);                             // 32 bytes
std::string hmac_sha256(std::string_view key, std::string_view bytes);  // 32 bytes
std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info, std::size_t size);
std::string random_bytes(std::size_t size);
bool equal_constant_time(std::string_view a, std::string_view b);

// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  std::string digest();  // once, then restart()
  void restart();        // begins a new hash

 private:
  void* context_;
};

// Ed25519 (RFC 8032). Keys are raw: 32 bytes seed, 32 bytes public key.
struct SigningKey {
  std::string seed;
  std::string public_key;
};
SigningKey generate_signing_key();
SigningKey signing_key(std::string_view seed);
std::string sign(const SigningKey& key, std::string_view message);  // 64 bytes
bool verify(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace lpbm::codec
