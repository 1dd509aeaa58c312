#include "codec/aes_cbc.h"

#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.h"
#include "codec/crypto.h"
#include "codec/openssl.h"
#include "codec/passphrase.h"

namespace lpbm::codec {
namespace {

constexpr std::size_t block_size = 16;
constexpr std::size_t key_size = 32;
constexpr std::size_t slice = 1u << 16;  // what is encrypted or decrypted at once
constexpr std::uint64_t scrypt_n = 16384, scrypt_r = 8, scrypt_p = 1;
constexpr std::string_view openssl_magic = "Salted__";
constexpr int openssl_iterations = 100000;
constexpr const char* decrypting = "decrypting aes-256-cbc";

[[noreturn]] void refuse_padding(const std::string& passphrase) {
  const std::string hint = passphrase_hint(passphrase);
  throw Error(ErrorKind::permanent, decrypting, "the passphrase is wrong, or the file is damaged or cut",
              "The format cannot tell which: try another passphrase, or another copy of the file." +
                  (hint.empty() ? hint : ' ' + hint));
}

[[noreturn]] void refuse_length(std::uint64_t size, std::size_t head) {
  throw Error(ErrorKind::permanent, decrypting, "a file of " + std::to_string(size) + " bytes cannot be whole",
              "Such a file has " + std::to_string(head) + " bytes and then one or more blocks of 16.");
}

std::string scrypt_key(const std::string& passphrase, const std::string& salt) {
  constexpr std::uint64_t memory = 128 * scrypt_r * (scrypt_n + scrypt_p) + (1u << 20);
  std::string out(key_size, '\0');
  if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(), openssl::bytes(salt), salt.size(), scrypt_n, scrypt_r,
                     scrypt_p, memory, openssl::bytes(out), out.size()) != 1) {
    ERR_clear_error();
    throw Error(ErrorKind::retryable, "deriving a key from the passphrase", "not enough memory");
  }
  return out;
}

// Key and IV of `openssl enc -pbkdf2 -md sha512`.
std::string openssl_key_and_iv(const std::string& passphrase, const std::string& salt) {
  std::string out(key_size + block_size, '\0');
  openssl::check(PKCS5_PBKDF2_HMAC(passphrase.data(), static_cast<int>(passphrase.size()), openssl::bytes(salt),
                                   static_cast<int>(salt.size()), openssl_iterations, EVP_sha512(),
                                   static_cast<int>(out.size()), openssl::bytes(out)) == 1,
                 "deriving a key from the passphrase");
  return out;
}

// The key of a salt for a reader. One is kept, since the files of a site share a salt and a restore reads thousands.
std::shared_ptr<const AesCbcKey> reader_key(const std::string& passphrase, const std::string& salt) {
  static std::mutex mutex;
  static std::string known;  // which passphrase and salt, hashed
  static std::shared_ptr<const AesCbcKey> kept;
  const std::string wanted = sha256(sha256(passphrase) + salt);
  const std::lock_guard lock(mutex);
  if (!kept || known != wanted) {
    kept = std::make_shared<const AesCbcKey>(passphrase, salt);
    known = wanted;
  }
  return kept;
}

// One direction of AES-256-CBC over whole blocks; the padding is done here, since OpenSSL would not say how it was
// wrong, nor let the last block be held back.
class Blocks {
 public:
  enum class Direction { encrypt, decrypt };
  Blocks(std::string_view key, std::string_view iv, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
    openssl::check(context_ &&
                       EVP_CipherInit_ex2(context_.get(), EVP_aes_256_cbc(), openssl::bytes(key), openssl::bytes(iv),
                                          direction == Direction::encrypt, nullptr) == 1 &&
                       EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1,
                   "setting up AES-256-CBC");
  }
  // `in` has whole blocks, at most `slice` bytes. The result is valid until the next call.
  Bytes run(Bytes in) {
    int written = 0;
    openssl::check(EVP_CipherUpdate(context_.get(), openssl::bytes(out_), &written, openssl::bytes(in),
                                    static_cast<int>(in.size())) == 1 &&
                       written == static_cast<int>(in.size()),
                   "running AES-256-CBC");
    return {out_.data(), in.size()};
  }

 private:
  openssl::CipherContext context_;
  std::string out_ = std::string(slice + block_size, '\0');
};

// Hands on what comes in pieces of whole blocks of at most `slice` bytes, as long as at least `hold` bytes follow.
template <typename Take>
void cut_blocks(std::string& held, Bytes data, std::size_t hold, Take take) {
  while (!data.empty()) {
    const std::size_t count = std::min(data.size(), slice + hold - held.size());
    held.append(data.substr(0, count));
    data.remove_prefix(count);
    if (held.size() < hold + block_size) continue;
    const std::size_t whole = (held.size() - hold) / block_size * block_size;
    take(Bytes(held).substr(0, whole));
    held.erase(0, whole);
  }
}

class Encryptor final : public Sink {
 public:
  Encryptor(const AesCbcKey& key, const std::string& iv, Sink& below)
      : blocks_(key.bytes(), iv, Blocks::Direction::encrypt), below_(below) {
    below_.write(key.salt() + iv);
  }
  void write(Bytes data) override {
    cut_blocks(held_, data, 0, [&](Bytes whole) { below_.write(blocks_.run(whole)); });
  }
  void finish() override {
    const std::size_t missing = block_size - held_.size();
    held_.append(missing, static_cast<char>(missing));
    below_.write(blocks_.run(held_));
    below_.finish();
  }

 private:
  Blocks blocks_;
  Sink& below_;
  std::string held_;  // less than a block
};

// Content bytes of a decrypted last block. Every byte of the padding is looked at, whatever is wrong.
std::size_t unpadded(Bytes block, const std::string& passphrase) {
  const auto padding = static_cast<unsigned char>(block.back());
  bool fine = padding >= 1 && padding <= block_size;
  for (std::size_t i = 0; i < block_size; ++i)
    if (i < padding && static_cast<unsigned char>(block[block_size - 1 - i]) != padding) fine = false;
  if (!fine) refuse_padding(passphrase);
  return block_size - padding;
}

struct Opened {
  Blocks blocks;
  std::size_t head;  // bytes before the first block
};

// What a file begins with is enough to decrypt the rest. `iv`: in place of the file's own.
Opened open_blocks(const std::string& passphrase, const std::string& head, std::optional<std::string_view> iv = {}) {
  using enum Blocks::Direction;
  if (head.starts_with(openssl_magic)) {
    const openssl::Secret both(openssl_key_and_iv(passphrase, head.substr(openssl_magic.size(), 8)));
    const std::string_view key = both.value();
    return {Blocks(key.substr(0, key_size), iv.value_or(key.substr(key_size)), decrypt), block_size};
  }
  const auto key = reader_key(passphrase, head.substr(0, aes_cbc_salt_size));
  const std::string_view own = std::string_view(head).substr(aes_cbc_salt_size, block_size);
  return {Blocks(key->bytes(), iv.value_or(own), decrypt), aes_cbc_head_size};
}

std::size_t head_size(Bytes begin) {
  return begin.starts_with(openssl_magic) ? block_size : aes_cbc_head_size;
}

class Decryptor final : public Sink {
 public:
  Decryptor(std::string passphrase, Sink& below) : passphrase_(std::move(passphrase)), below_(below) {}

  void write(Bytes data) override {
    size_ += data.size();
    if (!blocks_) read_head(data);
    if (!blocks_ || data.empty()) return;
    cut_blocks(held_, data, block_size, [&](Bytes whole) { below_.write(blocks_->blocks.run(whole)); });
  }

  void finish() override {
    const std::size_t head = blocks_ ? blocks_->head : head_size(head_);
    if (held_.empty() || held_.size() % block_size != 0) refuse_length(size_, head);
    const Bytes plain = blocks_->blocks.run(held_);
    const std::size_t content = unpadded(plain.substr(plain.size() - block_size), passphrase_.value());
    below_.write(plain.substr(0, plain.size() - block_size + content));
    below_.finish();
  }

 private:
  void read_head(Bytes& data) {
    while (!data.empty() && head_.size() < head_size(head_)) {
      head_.push_back(data.front());
      data.remove_prefix(1);
    }
    if (head_.size() < head_size(head_)) return;
    blocks_.emplace(open_blocks(passphrase_.value(), head_));
  }

  openssl::Secret passphrase_;
  Sink& below_;
  std::string head_;
  std::optional<Opened> blocks_;
  std::string held_;
  std::uint64_t size_ = 0;
};

}  // namespace

AesCbcKey::AesCbcKey(const std::string& passphrase, std::string salt) : salt_(std::move(salt)) {
  if (salt_.size() != aes_cbc_salt_size)
    throw Error(ErrorKind::permanent, "deriving a key from the passphrase", "the salt has not 16 bytes");
  bytes_ = scrypt_key(passphrase, salt_);
}

AesCbcKey::~AesCbcKey() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

std::unique_ptr<Sink> aes_cbc_encrypt(const AesCbcKey& key, Sink& below) {
  return std::make_unique<Encryptor>(key, random_bytes(block_size), below);
}

std::unique_ptr<Sink> aes_cbc_decrypt(std::string passphrase, Sink& below) {
  return std::make_unique<Decryptor>(std::move(passphrase), below);
}

void aes_cbc_check_end(const std::string& passphrase, Bytes head, Bytes tail, std::uint64_t size) {
  const std::size_t begin = head_size(head);
  if (size < begin + block_size || size % block_size != 0) refuse_length(size, begin);
  // A single block of an OpenSSL file has no block before it, but an IV out of the passphrase.
  const bool first = size == begin + block_size && begin == block_size;
  std::optional<std::string_view> iv;
  if (!first) iv = tail.substr(tail.size() - 2 * block_size, block_size);
  Opened opened = open_blocks(passphrase, std::string(head.substr(0, begin)), iv);
  unpadded(opened.blocks.run(tail.substr(tail.size() - block_size)), passphrase);
}

void aes_cbc_check_end(const std::string& passphrase, const File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) throw_errno("reading " + file.path(), errno);
  const auto read_at = [&](std::size_t size, off_t offset) {
    std::string out(size, '\0');
    const ssize_t got = ::pread(file.fd(), out.data(), out.size(), offset);
    if (got < 0) throw_errno("reading " + file.path(), errno);
    out.resize(static_cast<std::size_t>(got));
    return out;
  };
  const off_t tail = std::max<off_t>(0, status.st_size - static_cast<off_t>(aes_cbc_tail_size));
  aes_cbc_check_end(passphrase, read_at(aes_cbc_head_size, 0), read_at(aes_cbc_tail_size, tail),
                    static_cast<std::uint64_t>(status.st_size));
}

bool looks_like_age(Bytes head) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == Bytes::npos) return false;
  head.remove_prefix(first);
  return head.starts_with("age-encryption.org/") || head.starts_with("-----BEGIN AGE ENCRYPTED FILE-----");
}

}  // namespace lpbm::codec
