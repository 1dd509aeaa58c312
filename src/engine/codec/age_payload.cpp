#include "codec/age_payload.h"

#include <algorithm>

#include "codec/crypto.h"

namespace lpbm::codec::age {
namespace {

constexpr std::size_t sealed_size = chunk_size + tag_size;

Aead make_aead(const std::string& file_key, const std::string& nonce, Aead::Direction direction) {
  const openssl::Secret key(hkdf_sha256(file_key, nonce, "payload", key_size));
  return Aead(key.value(), direction);
}

}  // namespace

void ChunkNonce::next() {
  first_ = false;
  for (std::size_t i = nonce_size - 1; i-- > 0;)
    if (++bytes_[i] != 0) return;
  refuse(decrypting, "it has more chunks than can be");
}

PayloadWriter::PayloadWriter(const std::string& file_key, Sink& below)
    : PayloadWriter(file_key, random_bytes(payload_nonce_size), below) {}

PayloadWriter::PayloadWriter(const std::string& file_key, const std::string& nonce, Sink& below)
    : aead_(make_aead(file_key, nonce, Aead::Direction::seal)), below_(below), sealed_(sealed_size, '\0') {
  below_.write(nonce);
}

void PayloadWriter::write(Bytes data) {
  // A chunk is written only when a byte follows it: whether it is the last one stands in its nonce.
  while (!data.empty()) {
    if (plain_.size() == chunk_size) {
      put(plain_, false);
      plain_.clear();
    }
    if (plain_.empty() && data.size() > chunk_size) {
      put(data.substr(0, chunk_size), false);
      data.remove_prefix(chunk_size);
      continue;
    }
    const std::size_t count = std::min(data.size(), chunk_size - plain_.size());
    plain_.append(data.substr(0, count));
    data.remove_prefix(count);
  }
}

void PayloadWriter::finish() {
  put(plain_, true);
  below_.finish();
}

void PayloadWriter::put(Bytes chunk, bool last) {
  nonce_.set_last(last);
  aead_.seal(nonce_.bytes(), chunk, sealed_.data());
  nonce_.next();
  below_.write(Bytes(sealed_).substr(0, chunk.size() + tag_size));
}

PayloadReader::PayloadReader(const std::string& file_key, const std::string& nonce, Sink& below)
    : aead_(make_aead(file_key, nonce, Aead::Direction::open)), below_(below), plain_(chunk_size, '\0') {}

void PayloadReader::write(Bytes data) {
  while (!data.empty()) {
    if (ended_) refuse(decrypting, "something follows its end");
    if (sealed_.empty() && data.size() >= sealed_size) {
      take(data.substr(0, sealed_size), false);
      data.remove_prefix(sealed_size);
      continue;
    }
    const std::size_t count = std::min(data.size(), sealed_size - sealed_.size());
    sealed_.append(data.substr(0, count));
    data.remove_prefix(count);
    if (sealed_.size() == sealed_size) {
      take(sealed_, false);
      sealed_.clear();
    }
  }
}

void PayloadReader::finish() {
  if (!ended_) {
    if (sealed_.empty()) refuse(decrypting, "it ends early");
    take(sealed_, true);
  }
  below_.finish();
}

void PayloadReader::take(Bytes chunk, bool at_end) {
  if (chunk.size() < tag_size) refuse(decrypting, "it ends early");
  if (chunk.size() == tag_size && !nonce_.is_first()) refuse(decrypting, "its last chunk is empty");
  nonce_.set_last(at_end);
  bool authentic = aead_.open(nonce_.bytes(), chunk, plain_.data());
  ended_ = at_end;
  if (!authentic && !at_end) {
    // A full chunk may be the last one, too.
    nonce_.set_last(true);
    authentic = aead_.open(nonce_.bytes(), chunk, plain_.data());
    ended_ = true;
  }
  if (!authentic) refuse(decrypting, "a chunk is damaged, missing, moved or cut");
  nonce_.set_last(false);
  nonce_.next();
  below_.write(Bytes(plain_).substr(0, chunk.size() - tag_size));
}

}  // namespace lpbm::codec::age
