#include "codec/age_keys.h"

#include <openssl/err.h>

#include <cstdint>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::codec::age {
namespace {

constexpr std::size_t salt_size = 16;
constexpr std::size_t wrapped_size = file_key_size + tag_size;
constexpr int max_log_n = 22;
constexpr std::string_view x25519_info = "age-encryption.org/v1/X25519";
constexpr std::string_view scrypt_label = "age-encryption.org/v1/scrypt";
constexpr unsigned char zero_nonce[nonce_size] = {};

int length(std::size_t size) {
  return static_cast<int>(size);
}

std::string wrap(const std::string& wrap_key, const std::string& file_key) {
  std::string out(wrapped_size, '\0');
  Aead(wrap_key, Aead::Direction::seal).seal(zero_nonce, file_key, out.data());
  return out;
}

std::optional<std::string> unwrap(const std::string& wrap_key, const std::string& body) {
  std::string out(file_key_size, '\0');
  if (Aead(wrap_key, Aead::Direction::open).open(zero_nonce, body, out.data())) return out;
  return std::nullopt;
}

// Empty when OpenSSL refuses: the other side is a point of low order, and the secret would be all zeros.
std::string shared_secret(EVP_PKEY* own, const std::string& public_key) {
  const openssl::Key peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, openssl::bytes(public_key), public_key.size()));
  const openssl::KeyContext context(EVP_PKEY_CTX_new(own, nullptr));
  openssl::check(peer && context && EVP_PKEY_derive_init(context.get()) == 1, "agreeing on a key");
  std::string out(key_size, '\0');
  std::size_t size = out.size();
  const bool fine = EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                    EVP_PKEY_derive(context.get(), openssl::bytes(out), &size) == 1 && size == key_size &&
                    !equal_constant_time(out, std::string(key_size, '\0'));
  ERR_clear_error();
  return fine ? out : std::string();
}

std::string x25519_wrap_key(const openssl::Secret& shared, const std::string& ephemeral, const std::string& recipient) {
  return hkdf_sha256(shared.value(), ephemeral + recipient, x25519_info, key_size);
}

std::string scrypt_wrap_key(const std::string& passphrase, const std::string& salt, int log_n) {
  constexpr std::uint64_t r = 8, p = 1, slack = 1u << 20;
  const std::uint64_t n = std::uint64_t{1} << log_n;
  const std::uint64_t memory = 128 * r * (n + p) + slack;
  const std::string label = std::string(scrypt_label) + salt;
  std::string out(key_size, '\0');
  if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(), openssl::bytes(label), label.size(), n, r, p, memory,
                     openssl::bytes(out), out.size()) != 1) {
    ERR_clear_error();
    throw Error(ErrorKind::retryable, "deriving a key from the passphrase", "not enough memory",
                "The file's work factor needs " + std::to_string(memory >> 20) + " MiB.");
  }
  return out;
}

int parse_work_factor(const std::string& text) {
  if (text.empty() || text[0] < '1' || text[0] > '9' || text.find_first_not_of("0123456789") != std::string::npos)
    refuse(reading_header, "the work factor of a scrypt stanza is malformed");
  if (text.size() > 2 || std::stoi(text) > max_log_n)
    refuse(reading_header, "the work factor of a scrypt stanza is too large");
  return std::stoi(text);
}

}  // namespace

Aead::Aead(std::string_view key, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
  openssl::check(context_ && EVP_CipherInit_ex2(context_.get(), EVP_chacha20_poly1305(), openssl::bytes(key), nullptr,
                                                direction == Direction::seal, nullptr) == 1,
                 "setting up ChaCha20-Poly1305");
}

void Aead::seal(const unsigned char (&nonce)[nonce_size], std::string_view in, char* out) {
  auto* to = reinterpret_cast<unsigned char*>(out);
  int written = 0, rest = 0;
  openssl::check(EVP_EncryptInit_ex2(context_.get(), nullptr, nullptr, nonce, nullptr) == 1 &&
                     EVP_EncryptUpdate(context_.get(), to, &written, openssl::bytes(in), length(in.size())) == 1 &&
                     EVP_EncryptFinal_ex(context_.get(), to + written, &rest) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, length(tag_size), to + in.size()) == 1,
                 "encrypting");
}

bool Aead::open(const unsigned char (&nonce)[nonce_size], std::string_view in, char* out) {
  if (in.size() < tag_size) return false;
  auto* to = reinterpret_cast<unsigned char*>(out);
  std::string tag(in.substr(in.size() - tag_size));
  in.remove_suffix(tag_size);
  int written = 0, rest = 0;
  openssl::check(EVP_DecryptInit_ex2(context_.get(), nullptr, nullptr, nonce, nullptr) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, length(tag_size), tag.data()) == 1 &&
                     EVP_DecryptUpdate(context_.get(), to, &written, openssl::bytes(in), length(in.size())) == 1,
                 "decrypting");
  const bool authentic = EVP_DecryptFinal_ex(context_.get(), to + written, &rest) == 1;
  ERR_clear_error();
  return authentic;
}

Identity make_identity(std::string_view secret_key) {
  Identity out;
  out.key.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, openssl::bytes(secret_key), secret_key.size()));
  out.public_key.resize(key_size);
  std::size_t size = key_size;
  openssl::check(out.key && EVP_PKEY_get_raw_public_key(out.key.get(), openssl::bytes(out.public_key), &size) == 1,
                 "reading an identity");
  return out;
}

Stanza wrap_x25519(const std::string& file_key, const std::string& public_key) {
  const openssl::Secret secret(random_bytes(key_size));
  const Identity ephemeral = make_identity(secret.value());
  const openssl::Secret shared(shared_secret(ephemeral.key.get(), public_key));
  if (shared.value().empty())
    throw Error(ErrorKind::usage, "encrypting to a recipient", "it is not a usable X25519 key",
                "Check lpbm.recipients; age-keygen makes good ones.");
  const openssl::Secret key(x25519_wrap_key(shared, ephemeral.public_key, public_key));
  return {"X25519", {to_base64(ephemeral.public_key, false)}, wrap(key.value(), file_key)};
}

Stanza wrap_scrypt(const std::string& file_key, const std::string& passphrase, int log_n) {
  if (log_n < 1 || log_n > max_log_n)
    throw Error(ErrorKind::usage, "encrypting with a passphrase", "the work factor is out of range");
  const std::string salt = random_bytes(salt_size);
  const openssl::Secret key(scrypt_wrap_key(passphrase, salt, log_n));
  return {"scrypt", {to_base64(salt, false), std::to_string(log_n)}, wrap(key.value(), file_key)};
}

std::optional<std::string> unwrap_x25519(const Stanza& stanza, const Identity& identity) {
  if (stanza.type != "X25519") return std::nullopt;
  if (stanza.arguments.size() != 1) refuse(reading_header, "an X25519 stanza has not exactly one argument");
  const std::string share = decode_base64(stanza.arguments[0]);
  if (share.size() != key_size) refuse(reading_header, "the share of an X25519 stanza has the wrong size");
  if (stanza.body.size() != wrapped_size) refuse(reading_header, "the body of an X25519 stanza has the wrong size");
  const openssl::Secret shared(shared_secret(identity.key.get(), share));
  if (shared.value().empty()) refuse(reading_header, "the share of an X25519 stanza is a point of low order");
  const openssl::Secret key(x25519_wrap_key(shared, share, identity.public_key));
  return unwrap(key.value(), stanza.body);
}

std::optional<std::string> unwrap_scrypt(const Stanza& stanza, const std::string& passphrase) {
  if (stanza.type != "scrypt") return std::nullopt;
  if (stanza.arguments.size() != 2) refuse(reading_header, "a scrypt stanza has not exactly two arguments");
  const std::string salt = decode_base64(stanza.arguments[0]);
  if (salt.size() != salt_size) refuse(reading_header, "the salt of a scrypt stanza has the wrong size");
  const int log_n = parse_work_factor(stanza.arguments[1]);
  if (stanza.body.size() != wrapped_size) refuse(reading_header, "the body of a scrypt stanza has the wrong size");
  const openssl::Secret key(scrypt_wrap_key(passphrase, salt, log_n));
  return unwrap(key.value(), stanza.body);
}

}  // namespace lpbm::codec::age
