#include "base/clock.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>

#include "base/error.h"

namespace lpbm {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr Micros second = 1'000'000;
constexpr Micros minute = 60 * second;
constexpr Micros hour = 60 * minute;

// A cursor over the text; each step says whether it matched.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` digits, not above `limit`.
  bool number(std::size_t digits, int limit, int& out) {
    if (rest_.size() < digits) return false;
    out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      out = out * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return out <= limit;
  }
  // 1 to 9 digits after the point; what is finer than a microsecond is cut.
  bool fraction(Micros& out) {
    std::size_t count = 0;
    Micros unit = second;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      unit /= 10;
      out += unit * (rest_[count] - '0');
    }
    rest_.remove_prefix(count);
    return count >= 1 && count <= 9;
  }

 private:
  std::string_view rest_;
};

struct Fields {
  int year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0;
  Micros fraction = 0;
  std::optional<Micros> offset;  // east of UTC
};

bool scan_offset(Scanner& scan, Fields& f) {
  if (scan.skip('Z')) {
    f.offset = 0;
    return true;
  }
  const bool west = scan.skip('-');
  if (!west && !scan.skip('+')) return false;
  int hours = 0, minutes = 0, seconds = 0;
  if (!scan.number(2, 15, hours)) return false;
  if (!scan.at_end()) {
    scan.skip(':');
    if (!scan.number(2, 59, minutes)) return false;
    if (scan.skip(':') && !scan.number(2, 59, seconds)) return false;
  }
  const Micros offset = hours * hour + minutes * minute + seconds * second;
  f.offset = west ? -offset : offset;
  return true;
}

bool scan_time(Scanner& scan, Fields& f) {
  if (!scan.number(4, 9999, f.year) || !scan.skip('-') || !scan.number(2, 12, f.month) || !scan.skip('-') ||
      !scan.number(2, 31, f.day))
    return false;
  if (scan.at_end()) return true;
  if (!scan.skip('T') && !scan.skip(' ')) return false;
  if (!scan.number(2, 23, f.hours) || !scan.skip(':') || !scan.number(2, 59, f.minutes)) return false;
  if (scan.skip(':')) {
    if (!scan.number(2, 59, f.seconds)) return false;
    if ((scan.skip('.') || scan.skip(',')) && !scan.fraction(f.fraction)) return false;
  }
  if (scan.at_end()) return true;
  scan.skip(' ');
  return scan_offset(scan, f) && scan.at_end();
}

std::optional<Micros> local_time(const Fields& f) {
  std::tm tm{};
  tm.tm_year = f.year - 1900;
  tm.tm_mon = f.month - 1;
  tm.tm_mday = f.day;
  tm.tm_hour = f.hours;
  tm.tm_min = f.minutes;
  tm.tm_sec = f.seconds;
  tm.tm_isdst = -1;
  tm.tm_wday = -1;  // stays -1 only where mktime fails: -1 is also a valid time
  const std::time_t time = std::mktime(&tm);
  if (tm.tm_wday == -1) return std::nullopt;
  return static_cast<Micros>(time) * second + f.fraction;
}

}  // namespace

Micros now() {
  return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string to_iso(Micros time, bool millis) {
  const std::chrono::sys_time<microseconds> point{microseconds(time)};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const Micros of_day = (point - day).count();
  const Micros fraction = of_day % second;
  char buffer[64];
  const int size =
      std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%0*d", int(date.year()),
                    unsigned(date.month()), unsigned(date.day()), int(of_day / hour), int(of_day % hour / minute),
                    int(of_day % minute / second), millis ? 3 : 6, int(millis ? fraction / 1000 : fraction));
  return std::string(buffer, static_cast<std::size_t>(size)) + "Z";
}

Micros parse_time(std::string_view text) {
  Scanner scan(text);
  Fields f;
  std::optional<Micros> time;
  if (scan_time(scan, f)) {
    const year_month_day date{std::chrono::year(f.year), std::chrono::month(static_cast<unsigned>(f.month)),
                              std::chrono::day(static_cast<unsigned>(f.day))};
    if (date.ok() && f.offset)
      time = microseconds(sys_days(date).time_since_epoch()).count() + f.hours * hour + f.minutes * minute +
             f.seconds * second + f.fraction - *f.offset;
    else if (date.ok())
      time = local_time(f);
  }
  if (!time)
    throw Error(ErrorKind::usage, "reading a time", "\"" + std::string(text.substr(0, 64)) + "\" is not understood",
                "Write it like 2026-11-21 01:48:34.123+00.");
  return *time;
}

}  // namespace lpbm
