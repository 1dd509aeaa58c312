// The file format aes-256-cbc, the first LPBM's: 16 bytes salt, 16 bytes IV, then AES-256-CBC with PKCS#7 of the
// content; key = scrypt(passphrase, salt, N = 16384, r = 8, p = 1, 32 bytes). What `openssl enc -aes-256-cbc -md sha512
// -pbkdf2 -iter 100000` writes (its files begin with "Salted__") is read, too: the first LPBM's oldest fulls are that.
//
// The format has no authentication. A reader finds a wrong passphrase or damage of the end only by the padding, in 255
// of 256 cases, cannot tell the two apart, and does not find damage elsewhere: whoever reads compares with a hash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/stream.h"

namespace lpbm::codec {

constexpr std::size_t aes_cbc_head_size = 32;  // salt and IV
constexpr std::size_t aes_cbc_tail_size = 32;  // the last block and the one before it, or the IV
constexpr std::size_t aes_cbc_salt_size = 16;

// A key and the salt that it was derived with. Overwritten when it goes. Immutable, so safe to share between threads.
class AesCbcKey {
 public:
  // Takes about 50 ms and 16 MiB. Throws Error (permanent) unless the salt has its 16 bytes.
  AesCbcKey(const std::string& passphrase, std::string salt);
  AesCbcKey(const AesCbcKey&) = delete;
  AesCbcKey& operator=(const AesCbcKey&) = delete;
  ~AesCbcKey();
  [[nodiscard]] const std::string& salt() const { return salt_; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string salt_, bytes_;
};

// Encrypts with an IV of its own. Writes salt and IV at once. `below` must outlive the sink.
std::unique_ptr<Sink> aes_cbc_encrypt(const AesCbcKey& key, Sink& below);

// Decrypts into `below`. The last block is handed on only when the padding was found right. Throws Error
// (permanent) for a length that cannot be and for damaged padding. The key of the last salt is kept: files of one salt
// cost one derivation.
std::unique_ptr<Sink> aes_cbc_decrypt(std::string passphrase, Sink& below);

// The same checks as of the end of decrypting, without reading what lies between: `head` are the first bytes of a file
// (at least aes_cbc_head_size of them, or all), `tail` its last aes_cbc_tail_size, `size` its length.
void aes_cbc_check_end(const std::string& passphrase, Bytes head, Bytes tail, std::uint64_t size);
// The same of a regular file, whose position stays.
void aes_cbc_check_end(const std::string& passphrase, const File& file);

// Whether a file that begins with `head` (128 bytes will do) is of the age format, armored or not. No aes-256-cbc file
// is taken for one: its first 16 bytes are random.
bool looks_like_age(Bytes head);

}  // namespace lpbm::codec
