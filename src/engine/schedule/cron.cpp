#include "schedule/cron.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <ctime>
#include <string>
#include <vector>

#include "base/error.h"

namespace lpbm::schedule {
namespace {

constexpr std::int64_t minute_seconds = 60, hour_seconds = 3600, day_seconds = 86400;
constexpr std::int64_t max_every = 10000 * day_seconds;
// Weekdays and leap years come round after 400 years: what matches no day of them never does.
constexpr int max_months = 400 * 12;

[[noreturn]] void refuse(std::string_view expression, const std::string& cause) {
  throw Error(
      ErrorKind::usage, "reading the cron expression \"" + std::string(expression) + "\"", cause,
      "Use six fields (seconds first) or five, @every 24h, @hourly, @daily, @weekly, @monthly, @yearly or never.");
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (const char c : text) {
    if (!is_blank(c)) {
      if (!inside) out.emplace_back();
      out.back() += lower(c);
    }
    inside = !is_blank(c);
  }
  return out;
}

struct FieldKind {
  const char* name;
  int low, high;
  std::vector<std::string> names;  // of `low`, `low` + 1, ...
  bool question;
};

const std::array<FieldKind, 6>& field_kinds() {
  static const std::array<FieldKind, 6> kinds = {{
      {"second", 0, 59, {}, false},
      {"minute", 0, 59, {}, false},
      {"hour", 0, 23, {}, false},
      {"day of month", 1, 31, {}, true},
      {"month", 1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}, false},
      {"day of week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, true},
  }};
  return kinds;
}

// Reads one field into a bit set.
class Field {
 public:
  Field(std::string_view expression, const FieldKind& kind, std::string_view text)
      : expression_(expression), kind_(kind), text_(text) {}

  std::uint64_t parse() {
    std::uint64_t bits = 0;
    std::string_view rest = text_;
    for (;;) {
      const auto comma = rest.find(',');
      bits |= item(rest.substr(0, comma));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    return bits;
  }

 private:
  [[noreturn]] void wrong(const std::string& cause) const {
    refuse(expression_, std::string(kind_.name) + ": " + cause);
  }

  int number(std::string_view text) const {
    int value = 0;
    if (text.empty()) wrong("a number is missing in \"" + std::string(text_) + "\"");
    for (const char c : text) {
      if (c < '0' || c > '9') wrong("\"" + std::string(text) + "\" is not a number or name");
      value = value * 10 + (c - '0');
      if (value > 9999) wrong("\"" + std::string(text) + "\" is too large");
    }
    return value;
  }

  int value(std::string_view text) const {
    for (std::size_t i = 0; i < kind_.names.size(); ++i)
      if (text == kind_.names[i]) return kind_.low + static_cast<int>(i);
    const int v = number(text);
    if (v < kind_.low || v > kind_.high)
      wrong(std::to_string(v) + " is not between " + std::to_string(kind_.low) + " and " + std::to_string(kind_.high));
    return v;
  }

  std::uint64_t item(std::string_view text) const {
    int step = 1;
    const auto slash = text.find('/');
    if (slash != std::string_view::npos) {
      step = number(text.substr(slash + 1));
      if (step == 0) wrong("a step cannot be 0");
      text = text.substr(0, slash);
    }
    int first = kind_.low, last = kind_.high;
    const auto dash = text.find('-');
    const bool week = kind_.high == 7;
    if (text == "*" || (text == "?" && kind_.question)) {
      if (week) last = 6;  // 7 is 0 again, and steps must not count it twice
    } else if (dash != std::string_view::npos) {
      first = value(text.substr(0, dash));
      last = value(text.substr(dash + 1));
      if (week && last == 0 && first > 0) last = 7;
      if (first > last) wrong("\"" + std::string(text) + "\" ends before it begins");
    } else {
      first = value(text);
      if (slash == std::string_view::npos)
        last = first;
      else if (week)
        last = first == 7 ? 7 : 6;
    }
    std::uint64_t bits = 0;
    for (int v = first; v <= last; v += step) bits |= std::uint64_t{1} << (week ? v % 7 : v);
    return bits;
  }

  std::string_view expression_;
  const FieldKind& kind_;
  std::string_view text_;
};

bool begins_with_star(const std::string& field) {
  return field.starts_with('*') || field.starts_with('?');
}

std::int64_t unit_seconds(char unit) {
  switch (unit) {
    case 'd':
      return day_seconds;
    case 'h':
      return hour_seconds;
    case 'm':
      return minute_seconds;
    case 's':
      return 1;
    default:
      return 0;
  }
}

std::int64_t parse_duration(std::string_view expression, const std::string& text) {
  std::int64_t total = 0, value = 0;
  bool digits = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = value * 10 + (c - '0');
      digits = true;
      if (value > max_every) refuse(expression, "the interval is longer than 10000 days");
      continue;
    }
    const std::int64_t unit = unit_seconds(c);
    if (!digits || unit == 0) refuse(expression, "\"" + text + "\" is not an interval such as 24h, 1h30m or 90s");
    total += value * unit;
    if (total > max_every) refuse(expression, "the interval is longer than 10000 days");
    value = 0;
    digits = false;
  }
  if (digits || text.empty()) refuse(expression, "\"" + text + "\" is not an interval such as 24h, 1h30m or 90s");
  if (total == 0) refuse(expression, "the interval is 0");
  return total;
}

const char* macro(const std::string& name) {
  if (name == "@yearly" || name == "@annually") return "0 0 0 1 1 *";
  if (name == "@monthly") return "0 0 0 1 * *";
  if (name == "@weekly") return "0 0 0 * * 0";
  if (name == "@daily" || name == "@midnight") return "0 0 0 * * *";
  if (name == "@hourly") return "0 0 * * * *";
  return nullptr;
}

bool has(std::uint64_t bits, std::int64_t value) {
  return (bits >> value & 1) != 0;
}

// The lowest set bit at or above `from`, or -1.
int next_bit(std::uint64_t bits, int from) {
  if (from > 63) return -1;
  const std::uint64_t rest = bits >> from << from;
  return rest == 0 ? -1 : std::countr_zero(rest);
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::int64_t local_seconds(const LocalTime& t) {
  const std::chrono::sys_days day = std::chrono::year(t.year) / std::chrono::month(static_cast<unsigned>(t.month)) /
                                    std::chrono::day(static_cast<unsigned>(t.day));
  return day.time_since_epoch().count() * day_seconds + t.hour * hour_seconds + t.minute * minute_seconds + t.second;
}

// A time zone as stretches of constant offset, from a function that goes one way only.
class Zone {
 public:
  explicit Zone(const ToLocal& to_local) : to_local_(to_local) {}
  [[nodiscard]] std::int64_t offset(std::int64_t time) const { return local_seconds(to_local_(time)) - time; }
  // The first time in (from, to] whose offset is not that of `from`. Two changes within a day go unnoticed.
  [[nodiscard]] std::optional<std::int64_t> change(std::int64_t from, std::int64_t to) const {
    const std::int64_t before = offset(from);
    std::int64_t same = from;
    while (same < to) {
      std::int64_t other = std::min(same + day_seconds, to);
      if (offset(other) == before) {
        same = other;
        continue;
      }
      while (other - same > 1) {
        const std::int64_t middle = same + (other - same) / 2;
        (offset(middle) == before ? same : other) = middle;
      }
      return other;
    }
    return std::nullopt;
  }

 private:
  const ToLocal& to_local_;
};

}  // namespace

LocalTime system_local_time(std::int64_t time) {
  const std::time_t t = time;
  std::tm tm = {};
  ::localtime_r(&t, &tm);
  return {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
}

Cron Cron::parse(std::string_view expression) {
  Cron cron;
  const std::vector<std::string> parts = words(expression);
  if (parts.empty()) refuse(expression, "it is empty");
  if (parts.size() == 1 && parts[0] == "never") return cron;
  if (parts[0] == "@every") {
    std::string interval;
    for (std::size_t i = 1; i < parts.size(); ++i) interval += parts[i];
    cron.period_ = parse_duration(expression, interval);
    cron.form_ = Form::every;
    return cron;
  }
  if (parts[0].starts_with('@')) {
    const char* fields = parts.size() == 1 ? macro(parts[0]) : nullptr;
    if (fields == nullptr) refuse(expression, "\"" + parts[0] + "\" is not known here");
    cron.parse_fields(fields);
    return cron;
  }
  cron.parse_fields(expression);
  return cron;
}

void Cron::parse_fields(std::string_view expression) {
  std::vector<std::string> fields = words(expression);
  if (fields.size() == 5) fields.insert(fields.begin(), "0");
  if (fields.size() != 6) refuse(expression, "five or six fields are expected, not " + std::to_string(fields.size()));
  std::array<std::uint64_t*, 6> targets = {&seconds_, &minutes_, &hours_, &days_, &months_, &weekdays_};
  for (std::size_t i = 0; i < targets.size(); ++i) *targets[i] = Field(expression, field_kinds()[i], fields[i]).parse();
  form_ = Form::fields;
  either_day_ = !begins_with_star(fields[3]) && !begins_with_star(fields[5]);
  every_hour_ = begins_with_star(fields[2]) || hours_ == (std::uint64_t{1} << 24) - 1;
  if (!next_day(0)) refuse(expression, "no month has such a day");
}

bool Cron::day_matches(std::int64_t day) const {
  const std::chrono::sys_days days{std::chrono::days(day)};
  const std::chrono::year_month_day date(days);
  const bool by_date = has(days_, static_cast<unsigned>(date.day()));
  const bool by_week = has(weekdays_, std::chrono::weekday(days).c_encoding());
  return either_day_ ? by_date || by_week : by_date && by_week;
}

// The first matching day from `day` on (days since 1970-01-01).
std::optional<std::int64_t> Cron::next_day(std::int64_t day) const {
  using namespace std::chrono;
  year_month_day date{sys_days{days(day)}};
  for (int i = 0; i <= max_months; ++i) {
    const sys_days end = sys_days{(date.year() / date.month() + months(1)) / 1};
    if (has(months_, static_cast<unsigned>(date.month())))
      for (sys_days d{date}; d < end; d += days(1))
        if (day_matches(d.time_since_epoch().count())) return d.time_since_epoch().count();
    date = end;
  }
  return std::nullopt;
}

// The first matching local time after `local`, both in seconds as if local time were UTC.
std::int64_t Cron::next_local(std::int64_t local) const {
  const std::int64_t from = local + 1;
  std::int64_t day = floor_div(from, day_seconds);
  const std::int64_t second_of_day = from - day * day_seconds;
  int hour = static_cast<int>(second_of_day / hour_seconds);
  int minute = static_cast<int>(second_of_day % hour_seconds / minute_seconds);
  int second = static_cast<int>(second_of_day % minute_seconds);
  if (day_matches(day) &&
      has(months_,
          static_cast<unsigned>(std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day))).month()))) {
    for (int h = next_bit(hours_, hour); h >= 0; h = next_bit(hours_, h + 1)) {
      if (h > hour) minute = second = 0;
      for (int m = next_bit(minutes_, minute); m >= 0; m = next_bit(minutes_, m + 1)) {
        if (m > minute) second = 0;
        const int s = next_bit(seconds_, second);
        if (s >= 0) return day * day_seconds + h * hour_seconds + m * minute_seconds + s;
        second = 0;
      }
      minute = second = 0;
      hour = h;
    }
  }
  day = next_day(day + 1).value();  // parse() made sure that there is one
  return day * day_seconds + next_bit(hours_, 0) * hour_seconds + next_bit(minutes_, 0) * minute_seconds +
         next_bit(seconds_, 0);
}

std::int64_t Cron::next_by_fields(std::int64_t after, const ToLocal& to_local) const {
  const Zone zone(to_local);
  std::int64_t time = after;
  std::int64_t offset = zone.offset(time);
  std::int64_t local = time + offset;
  if (!every_hour_) {
    const std::int64_t past = after - day_seconds;
    if (const auto back = zone.change(past, after)) local = std::max(local, *back + zone.offset(past) - 1);
  }
  for (;;) {
    const std::int64_t due = next_local(local);
    const auto change = zone.change(time, due - offset);
    if (!change) return due - offset;
    const std::int64_t after_change = zone.offset(*change);
    const std::int64_t left_out_end = *change + after_change;
    const std::int64_t before_end = *change + offset;
    if (!every_hour_ && due < left_out_end) return *change;
    local = (every_hour_ ? left_out_end : std::max(left_out_end, before_end)) - 1;
    time = *change;
    offset = after_change;
  }
}

std::optional<std::int64_t> Cron::next(std::int64_t after, const ToLocal& to_local, std::int64_t anchor) const {
  switch (form_) {
    case Form::never:
      return std::nullopt;
    case Form::every:
      return anchor + (floor_div(after - anchor, period_) + 1) * period_;
    case Form::fields:
      return next_by_fields(after, to_local);
  }
  return std::nullopt;
}

}  // namespace lpbm::schedule
