// Log sequence numbers in PostgreSQL's text form (pg_lsn: "%X/%X" of the high and low 32 bits).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace lpbm {

struct Lsn {
  std::uint64_t value = 0;
  auto operator<=>(const Lsn&) const = default;
  [[nodiscard]] std::string text() const;
  // Throws Error (permanent) unless `text` is exactly an LSN.
  static Lsn parse(std::string_view text);
};

}  // namespace lpbm
