// Times as microseconds since 1970-01-01 UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lpbm {

using Micros = std::int64_t;

Micros now();
// "2026-11-21T01:48:34.123456Z" (microseconds); `millis` cuts to milliseconds.
std::string to_iso(Micros time, bool millis = false);
// Accepts ISO 8601 / PostgreSQL's timestamptz output with Z or a numeric offset; without one, the local time zone.
// Throws Error (usage) otherwise.
Micros parse_time(std::string_view text);

}  // namespace lpbm
