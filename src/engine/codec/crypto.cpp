#include "codec/crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <utility>

#include "base/error.h"
#include "codec/openssl.h"

namespace lpbm::codec {

namespace openssl {

void refuse(const char* step) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  throw Error(ErrorKind::permanent, step, reason ? reason : "OpenSSL refused");
}

}  // namespace openssl

namespace {

constexpr std::size_t hash_size = 32;
constexpr std::size_t signature_size = 64;

// Fetched once: fetching takes longer than hashing a short text.
const EVP_MD* sha256_method() {
  static const EVP_MD* method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  openssl::check(method != nullptr, "looking for SHA-256");
  return method;
}

EVP_MAC* hmac_method() {
  static EVP_MAC* method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  openssl::check(method != nullptr, "looking for HMAC");
  return method;
}

EVP_MD_CTX* context_of(void* context) {
  return static_cast<EVP_MD_CTX*>(context);
}

std::string public_part(const EVP_PKEY* key) {
  std::string out(hash_size, '\0');
  std::size_t size = out.size();
  openssl::check(EVP_PKEY_get_raw_public_key(key, openssl::bytes(out), &size) == 1 && size == out.size(),
                 "reading a public key");
  return out;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string out(hash_size, '\0');
  openssl::check(EVP_Digest(bytes.data(), bytes.size(), openssl::bytes(out), nullptr, sha256_method(), nullptr) == 1,
                 "hashing");
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  using Context = std::unique_ptr<EVP_MAC_CTX, openssl::Deleter<EVP_MAC_CTX_free>>;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): OpenSSL's parameters are not const, but are only read
  char* digest = const_cast<char*>("SHA256");
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  const Context context(EVP_MAC_CTX_new(hmac_method()));
  // A null pointer would mean "the key of before".
  const unsigned char* key_bytes = openssl::bytes(key.empty() ? std::string_view("") : key);
  std::string out(hash_size, '\0');
  std::size_t size = 0;
  openssl::check(context && EVP_MAC_init(context.get(), key_bytes, key.size(), params) == 1 &&
                     EVP_MAC_update(context.get(), openssl::bytes(bytes), bytes.size()) == 1 &&
                     EVP_MAC_final(context.get(), openssl::bytes(out), &size, out.size()) == 1 && size == out.size(),
                 "computing an HMAC");
  return out;
}

std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info, std::size_t size) {
  // RFC 5869; an empty salt and one of 32 zeros are the same HMAC key.
  if (size > 255 * hash_size) throw Error(ErrorKind::permanent, "deriving a key", "too many bytes asked for");
  const openssl::Secret pseudorandom(hmac_sha256(salt, secret));
  std::string out, block;
  for (unsigned char counter = 1; out.size() < size; ++counter) {
    block.append(info);
    block.push_back(static_cast<char>(counter));
    block = hmac_sha256(pseudorandom.value(), block);
    out.append(block);
  }
  out.resize(size);
  return out;
}

std::string random_bytes(std::size_t size) {
  std::string out(size, '\0');
  openssl::check(RAND_bytes(openssl::bytes(out), static_cast<int>(size)) == 1, "making random bytes");
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex2(context_of(context_), sha256_method(), nullptr) != 1) {
    EVP_MD_CTX_free(context_of(context_));
    openssl::refuse("hashing");
  }
}

Sha256::~Sha256() {
  EVP_MD_CTX_free(context_of(context_));
}

void Sha256::update(std::string_view bytes) {
  openssl::check(EVP_DigestUpdate(context_of(context_), bytes.data(), bytes.size()) == 1, "hashing");
}

std::string Sha256::digest() {
  std::string out(hash_size, '\0');
  openssl::check(EVP_DigestFinal_ex(context_of(context_), openssl::bytes(out), nullptr) == 1, "hashing");
  return out;
}

void Sha256::restart() {
  openssl::check(EVP_DigestInit_ex2(context_of(context_), nullptr, nullptr) == 1, "hashing");
}

SigningKey generate_signing_key() {
  return signing_key(random_bytes(hash_size));
}

SigningKey signing_key(std::string_view seed) {
  const openssl::Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, openssl::bytes(seed), seed.size()));
  openssl::check(key != nullptr, "reading a signing key");
  return {std::string(seed), public_part(key.get())};
}

std::string sign(const SigningKey& key, std::string_view message) {
  const openssl::Key own(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, openssl::bytes(key.seed), key.seed.size()));
  const openssl::DigestContext context(EVP_MD_CTX_new());
  std::string out(signature_size, '\0');
  std::size_t size = out.size();
  openssl::check(
      own && context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, own.get()) == 1 &&
          EVP_DigestSign(context.get(), openssl::bytes(out), &size, openssl::bytes(message), message.size()) == 1 &&
          size == out.size(),
      "signing");
  return out;
}

bool verify(std::string_view public_key, std::string_view message, std::string_view signature) {
  if (public_key.size() != hash_size || signature.size() != signature_size) return false;
  const openssl::Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, openssl::bytes(public_key), public_key.size()));
  const openssl::DigestContext context(EVP_MD_CTX_new());
  openssl::check(key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1,
                 "reading a public key");
  const int result = EVP_DigestVerify(context.get(), openssl::bytes(signature), signature.size(),
                                      openssl::bytes(message), message.size());
  ERR_clear_error();  // a wrong signature leaves one, which a later failure would report as its own
  return result == 1;
}

}  // namespace lpbm::codec
