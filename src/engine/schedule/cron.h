// When jobs are due: cron expressions.
//
// - Six fields (second minute hour day-of-month month day-of-week) or five (second = 0), apart by blanks. A field is
//   `*`, a number, a range `a-b`, each with an optional step (`*/10`, `8-18/2`, `5/10` = from 5 on), or a list of
//   these. Months and weekdays also by name (JAN, MON; any case); 0 and 7 are Sunday; `?` is `*` in the two day fields.
// - Where neither of the day fields begins with `*`, a day needs to match one of them only (crontab(5)); otherwise
// both.
// - `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`; `@every 24h` (also `1h30m`, `90s`,
//   `2d`); `never`.
// - Where local time is set forward, what was due in the hours left out is due once, at the first second after them;
//   where it is set back, what is due at certain hours is due once, the first time. An hour field that matches every
//   hour or begins with `*` goes by the clock alone, so `*/10 * * * * *` never pauses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace lpbm::schedule {

struct LocalTime {
  int year = 0, month = 0, day = 0;  // as written: 2026, 1 to 12, 1 to 31
  int hour = 0, minute = 0, second = 0;
};

// Seconds since 1970-01-01 UTC to local time, for any time that it is asked for. Whoever asks decides the time zone.
using ToLocal = std::function<LocalTime(std::int64_t)>;
// That of the process (TZ).
LocalTime system_local_time(std::int64_t time);

class Cron {
 public:
  // Throws Error (usage) that names the field and what is wrong, also for a day that never comes (30 February).
  static Cron parse(std::string_view expression);
  // The first due second after `after`; nothing for `never`. `anchor`: for @every, a time that is a due one.
  [[nodiscard]] std::optional<std::int64_t> next(std::int64_t after, const ToLocal& to_local,
                                                 std::int64_t anchor = 0) const;

 private:
  enum class Form { fields, every, never };
  void parse_fields(std::string_view expression);
  [[nodiscard]] bool day_matches(std::int64_t day) const;
  [[nodiscard]] std::optional<std::int64_t> next_day(std::int64_t day) const;
  [[nodiscard]] std::int64_t next_local(std::int64_t local) const;
  [[nodiscard]] std::int64_t next_by_fields(std::int64_t after, const ToLocal& to_local) const;

  Form form_ = Form::never;
  std::int64_t period_ = 0;  // seconds, of @every
  // Bit n: the value n matches.
  std::uint64_t seconds_ = 0, minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;
  bool either_day_ = false;  // day of month or day of week
  bool every_hour_ = false;
};

}  // namespace lpbm::schedule
