#include "base/encoding.h"

#include <array>
#include <cstdint>

#include "base/error.h"

namespace lpbm {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t invalid = 0xFF;

constexpr std::array<std::uint8_t, 256> reverse(std::string_view digits) {
  std::array<std::uint8_t, 256> table{};
  table.fill(invalid);
  for (std::size_t i = 0; i < digits.size(); ++i) table[static_cast<unsigned char>(digits[i])] = std::uint8_t(i);
  return table;
}

constexpr auto hex_values = reverse(hex_digits);
constexpr auto base64_values = reverse(base64_digits);

// The text may be a secret: it is not repeated in the error.
[[noreturn]] void refuse(const char* what, const char* cause) {
  throw Error(ErrorKind::permanent, what, cause);
}

std::uint32_t base64_value(char c) {
  const std::uint8_t value = base64_values[static_cast<unsigned char>(c)];
  if (value == invalid) refuse("decoding base64", "a character is not of its alphabet");
  return value;
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(hex_digits[byte >> 4]);
    out.push_back(hex_digits[byte & 15]);
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) refuse("decoding hex", "odd number of digits");
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::uint8_t high = hex_values[static_cast<unsigned char>(hex[i])];
    const std::uint8_t low = hex_values[static_cast<unsigned char>(hex[i + 1])];
    if (high == invalid || low == invalid) refuse("decoding hex", "a character is no lower-case hex digit");
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string to_base64(std::string_view bytes, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j <= count; ++j) out.push_back(base64_digits[group >> (18 - 6 * j) & 63]);
    if (padded) out.append(3 - count, '=');
  }
  return out;
}

std::string from_base64(std::string_view text, bool padded) {
  if (padded) {
    if (text.size() % 4 != 0) refuse("decoding base64", "its length is not a multiple of four");
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) refuse("decoding base64", "no encoding has this length");
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    group = group << 6 | base64_value(c);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(group >> bits & 0xFF));
  }
  if ((group & ((1u << bits) - 1)) != 0) refuse("decoding base64", "its last bits are not zero");
  return out;
}

}  // namespace lpbm
