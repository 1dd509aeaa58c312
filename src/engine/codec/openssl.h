// Ownership and errors of OpenSSL's objects, for this folder's sources only.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace lpbm::codec::openssl {

// Throws Error (permanent) with OpenSSL's own reason, and empties its error queue. Reasons never hold data.
[[noreturn]] void refuse(const char* step);
inline void check(bool fine, const char* step) {
  if (!fine) refuse(step);
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;

inline const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// Overwrites a secret when it goes out of scope.
class Secret {
 public:
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  [[nodiscard]] const std::string& value() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace lpbm::codec::openssl
