// A checksum of a multiset of byte strings: their number, and the sum of their SHA-256 as numbers of 256 bits, modulo
// 2^256 (AdHash: Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997). Their order does not
// matter. It finds errors; whoever may choose many elements at will can make two multisets
// meet, so it proves nothing against him.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/crypto.h"

namespace lpbm::codec {

class MultisetHash {
 public:
  void add(std::string_view element);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::string text() const;  // the sum, 64 hex digits, the most significant first

 private:
  std::array<std::uint64_t, 4> sum_{};  // the least significant first
  std::uint64_t count_ = 0;
  Sha256 hash_;
};

}  // namespace lpbm::codec
