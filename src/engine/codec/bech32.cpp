#include "codec/bech32.h"

#include <openssl/crypto.h>

#include <cstdint>

namespace lpbm::codec {
namespace {

constexpr std::string_view digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t checksum_size = 6;

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The checksum's remainder after `values` (5 bits each), from the remainder before.
std::uint32_t polymod(std::uint32_t remainder, std::string_view values) {
  constexpr std::uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  for (const char value : values) {
    const std::uint32_t top = remainder >> 25;
    remainder = (remainder & 0x1ffffff) << 5 ^ static_cast<unsigned char>(value);
    for (unsigned i = 0; i < 5; ++i)
      if (top >> i & 1) remainder ^= generator[i];
  }
  return remainder;
}

std::uint32_t prefix_remainder(std::string_view prefix) {
  std::string expanded;
  for (const char c : prefix) expanded.push_back(static_cast<char>(to_lower(c) >> 5));
  expanded.push_back(0);
  for (const char c : prefix) expanded.push_back(static_cast<char>(to_lower(c) & 31));
  return polymod(1, expanded);
}

}  // namespace

std::string bech32_encode(std::string_view prefix, std::string_view bytes) {
  std::string values;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    group = group << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) values.push_back(static_cast<char>(group >> (bits - 5) & 31));
  }
  if (bits > 0) values.push_back(static_cast<char>(group << (5 - bits) & 31));
  const std::uint32_t sum =
      polymod(polymod(prefix_remainder(prefix), values), std::string_view("\0\0\0\0\0\0", checksum_size)) ^ 1;
  std::string out(prefix);
  out.push_back('1');
  for (const char value : values) out.push_back(digits[static_cast<unsigned char>(value)]);
  for (unsigned i = 0; i < checksum_size; ++i) out.push_back(digits[sum >> (5 * (5 - i)) & 31]);
  OPENSSL_cleanse(values.data(), values.size());
  return out;
}

bool bech32_decode(std::string_view prefix, std::string_view text, std::string& bytes) {
  bytes.clear();
  if (!text.starts_with(prefix) || text.size() < prefix.size() + 1 + checksum_size || text[prefix.size()] != '1')
    return false;
  const bool upper = prefix.front() >= 'A' && prefix.front() <= 'Z';
  std::string values;
  bool fine = true;
  for (const char c : text.substr(prefix.size() + 1)) {
    const bool wrong_case = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
    const std::size_t digit = digits.find(to_lower(c));
    fine = fine && !wrong_case && digit != std::string_view::npos;
    values.push_back(static_cast<char>(digit & 31));
  }
  fine = fine && polymod(prefix_remainder(prefix), values) == 1;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char value : std::string_view(values).substr(0, values.size() - checksum_size)) {
    group = group << 5 | static_cast<unsigned char>(value);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(group >> bits & 0xFF));
  }
  fine = fine && bits < 5 && (group & ((1u << bits) - 1)) == 0;
  OPENSSL_cleanse(values.data(), values.size());
  if (!fine) {
    OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.clear();
  }
  return fine;
}

}  // namespace lpbm::codec
