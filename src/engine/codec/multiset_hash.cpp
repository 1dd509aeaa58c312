#include "codec/multiset_hash.h"

#include "base/encoding.h"

namespace lpbm::codec {
namespace {

constexpr std::size_t word = sizeof(std::uint64_t);

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char byte : bytes) out = out << 8 | static_cast<unsigned char>(byte);
  return out;
}

}  // namespace

void MultisetHash::add(std::string_view element) {
  hash_.update(element);
  const std::string digest = hash_.digest();
  hash_.restart();
  ++count_;
  bool carry = false;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const std::uint64_t part = read_big_endian(std::string_view(digest).substr((sum_.size() - 1 - i) * word, word));
    const std::uint64_t with_carry = part + (carry ? 1 : 0);
    sum_[i] += with_carry;
    carry = (carry && with_carry == 0) || sum_[i] < with_carry;
  }
}

std::string MultisetHash::text() const {
  std::string bytes;
  for (std::size_t i = sum_.size(); i-- > 0;)
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(sum_[i] >> shift & 0xff);
  return to_hex(bytes);
}

}  // namespace lpbm::codec
