#include "base/lsn.h"

#include <charconv>
#include <cstdio>

#include "base/error.h"

namespace lpbm {
namespace {

constexpr std::size_t max_digits = 8;

bool parse_half(std::string_view text, std::uint32_t& out) {
  if (text.empty() || text.size() > max_digits) return false;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc{} && at == text.data() + text.size();
}

}  // namespace

std::string Lsn::text() const {
  char buffer[2 * max_digits + 2];
  const int size = std::snprintf(buffer, sizeof buffer, "%X/%X", static_cast<unsigned>(value >> 32),
                                 static_cast<unsigned>(value & 0xFFFFFFFFu));
  return {buffer, static_cast<std::size_t>(size)};
}

Lsn Lsn::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  std::uint32_t high = 0, low = 0;
  if (slash == std::string_view::npos || !parse_half(text.substr(0, slash), high) ||
      !parse_half(text.substr(slash + 1), low))
    throw Error(ErrorKind::permanent, "reading an LSN", "\"" + std::string(text.substr(0, 64)) + "\" is none");
  return {std::uint64_t{high} << 32 | low};
}

}  // namespace lpbm
