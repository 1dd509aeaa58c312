// The payload of an age file: a nonce, then STREAM of ChaCha20-Poly1305 in chunks of 64 KiB. Each chunk's nonce holds
// its number and whether it is the last one, so chunks cannot be moved, dropped or added.
#pragma once

#include <string>

#include "base/stream.h"
#include "codec/age_keys.h"

namespace lpbm::codec::age {

inline constexpr std::size_t chunk_size = 65536;
inline constexpr std::size_t payload_nonce_size = 16;

// The nonce of one chunk: 11 bytes of number, big-endian, and 1 when it is the last chunk.
class ChunkNonce {
 public:
  void next();
  void set_last(bool last) { bytes_[nonce_size - 1] = last ? 1 : 0; }
  [[nodiscard]] bool is_first() const { return first_; }
  [[nodiscard]] const unsigned char (&bytes() const)[nonce_size] { return bytes_; }

 private:
  unsigned char bytes_[nonce_size] = {};
  bool first_ = true;
};

class PayloadWriter final : public Sink {
 public:
  // Writes the nonce at once.
  PayloadWriter(const std::string& file_key, Sink& below);
  void write(Bytes data) override;
  void finish() override;

 private:
  PayloadWriter(const std::string& file_key, const std::string& nonce, Sink& below);
  void put(Bytes chunk, bool last);
  Aead aead_;
  ChunkNonce nonce_;
  Sink& below_;
  std::string plain_;   // what is held back: the chunk that may be the last
  std::string sealed_;  // where a chunk is encrypted
};

// Takes what follows the nonce. A chunk is handed on once it is authenticated.
class PayloadReader final : public Sink {
 public:
  PayloadReader(const std::string& file_key, const std::string& nonce, Sink& below);
  void write(Bytes data) override;
  void finish() override;

 private:
  void take(Bytes chunk, bool at_end);
  Aead aead_;
  ChunkNonce nonce_;
  Sink& below_;
  std::string sealed_;  // a chunk that is not complete yet
  std::string plain_;   // where a chunk is decrypted
  bool ended_ = false;  // the last chunk was seen
};

}  // namespace lpbm::codec::age
