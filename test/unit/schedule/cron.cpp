#include "schedule/cron.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "schedule/cron_c.h"

namespace lpbm::schedule {
namespace {

std::int64_t utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  const std::chrono::sys_days days = std::chrono::year(year) / month / day;
  return days.time_since_epoch().count() * 86400 + hour * 3600 + minute * 60 + second;
}

std::string text(const LocalTime& t) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour, t.minute,
                t.second);
  return buffer;
}

LocalTime shifted(std::int64_t time, std::int64_t offset) {
  const std::int64_t local = time + offset;
  std::int64_t day = local / 86400;
  if (local % 86400 < 0) --day;
  const auto second = static_cast<int>(local - day * 86400);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days(day)}};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          second / 3600,
          second / 60 % 60,
          second % 60};
}

LocalTime in_utc(std::int64_t time) {
  return shifted(time, 0);
}

// 2026 in Berlin: forward on 29 March 02:00 -> 03:00, back on 25 October 03:00 -> 02:00, both at 01:00 UTC.
LocalTime in_berlin(std::int64_t time) {
  const bool summer = time >= utc(2026, 3, 29, 1) && time < utc(2026, 10, 25, 1);
  return shifted(time, summer ? 7200 : 3600);
}

// The next `count` due times after `after`, as local time.
std::vector<std::string> due(const char* expression, std::int64_t after, int count, const ToLocal& zone = in_utc) {
  const Cron cron = Cron::parse(expression);
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) {
    const auto next = cron.next(after, zone);
    if (!next) return out;
    EXPECT_GT(*next, after);
    out.push_back(text(zone(*next)));
    after = *next;
  }
  return out;
}

using Times = std::vector<std::string>;

std::string refusal(const char* expression) {
  try {
    Cron::parse(expression);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    EXPECT_FALSE(e.hint().empty());
    return e.cause();
  }
  return "accepted";
}

TEST(Cron, seconds_come_first_in_six_fields) {
  EXPECT_EQ(due("*/10 * * * * *", utc(2026, 11, 21, 2, 45, 49), 3),
            (Times{"2026-11-21 02:45:50", "2026-11-21 02:46:00", "2026-11-21 02:46:10"}));
  EXPECT_EQ(due("59 58 0 * * *", utc(2026, 11, 21, 0, 58, 59), 2),
            (Times{"2026-11-22 00:58:59", "2026-11-23 00:58:59"}));
}

TEST(Cron, five_fields_are_due_at_second_zero) {
  EXPECT_EQ(due("30 4 * * *", utc(2026, 11, 21), 1), Times{"2026-11-21 04:30:00"});
}

TEST(Cron, a_due_second_is_not_due_after_itself) {
  EXPECT_EQ(due("0 0 12 * * *", utc(2026, 1, 1, 12), 1), Times{"2026-01-02 12:00:00"});
  EXPECT_EQ(due("0 0 12 * * *", utc(2026, 1, 1, 11, 59, 59), 1), Times{"2026-01-01 12:00:00"});
}

TEST(Cron, lists_ranges_and_steps_combine) {
  EXPECT_EQ(due("5,50-52,30/20 0 8-18/5 * * *", utc(2026, 1, 1, 9), 7),
            (Times{"2026-01-01 13:00:05", "2026-01-01 13:00:30", "2026-01-01 13:00:50", "2026-01-01 13:00:51",
                   "2026-01-01 13:00:52", "2026-01-01 18:00:05", "2026-01-01 18:00:30"}));
}

TEST(Cron, names_of_months_and_weekdays_are_read_in_any_case) {
  EXPECT_EQ(due("0 0 0 1 JAN,jul *", utc(2026, 1, 2), 2), (Times{"2026-07-01 00:00:00", "2027-01-01 00:00:00"}));
  EXPECT_EQ(due("0 0 0 * * Mon-WED", utc(2026, 11, 21), 3),
            (Times{"2026-11-23 00:00:00", "2026-11-24 00:00:00", "2026-11-25 00:00:00"}));
}

TEST(Cron, seven_and_zero_are_sunday) {
  EXPECT_EQ(due("0 0 0 * * 7", utc(2026, 11, 21), 1), Times{"2026-11-22 00:00:00"});
  EXPECT_EQ(due("0 0 0 * * 0", utc(2026, 11, 21), 1), Times{"2026-11-22 00:00:00"});
  EXPECT_EQ(due("0 0 0 ? * FRI-SUN", utc(2026, 11, 21), 2), (Times{"2026-11-22 00:00:00", "2026-11-27 00:00:00"}));
  EXPECT_EQ(due("0 0 0 ? * */6", utc(2026, 11, 21), 2), (Times{"2026-11-22 00:00:00", "2026-11-28 00:00:00"}));
}

TEST(Cron, two_day_fields_mean_either_of_them) {
  EXPECT_EQ(due("0 0 0 1,15 * 3", utc(2026, 11, 21), 3),
            (Times{"2026-11-25 00:00:00", "2026-12-01 00:00:00", "2026-12-02 00:00:00"}));
}

TEST(Cron, a_day_field_with_a_star_means_both_of_them) {
  EXPECT_EQ(due("0 0 0 13 * *", utc(2026, 11, 21), 1), Times{"2026-12-13 00:00:00"});
  EXPECT_EQ(due("0 0 0 */2 * 1", utc(2026, 11, 21), 2), (Times{"2026-11-23 00:00:00", "2026-12-07 00:00:00"}));
}

TEST(Cron, the_leap_day_is_found_over_years) {
  EXPECT_EQ(due("0 0 0 29 2 *", utc(2026, 11, 21), 2), (Times{"2028-02-29 00:00:00", "2032-02-29 00:00:00"}));
  EXPECT_EQ(due("0 0 0 29 2 *", utc(2096, 3, 1), 1), Times{"2104-02-29 00:00:00"});
  EXPECT_EQ(due("0 0 0 29 2 *", utc(2026, 11, 21), 1, in_berlin), Times{"2028-02-29 00:00:00"});
  EXPECT_EQ(due("0 0 0 29 2 */7", utc(2026, 11, 21), 1), Times{"2032-02-29 00:00:00"});
}

TEST(Cron, months_end_where_they_end) {
  EXPECT_EQ(due("0 0 0 31 * *", utc(2026, 1, 31), 3),
            (Times{"2026-03-31 00:00:00", "2026-05-31 00:00:00", "2026-07-31 00:00:00"}));
  EXPECT_EQ(due("59 59 23 * * *", utc(2026, 12, 31, 23, 59, 59), 1), Times{"2027-01-01 23:59:59"});
}

TEST(Cron, the_words_stand_for_their_fields) {
  const std::int64_t after = utc(2026, 11, 21, 2, 45, 1);
  EXPECT_EQ(due("@hourly", after, 1), Times{"2026-11-21 03:00:00"});
  EXPECT_EQ(due("@daily", after, 1), Times{"2026-11-22 00:00:00"});
  EXPECT_EQ(due("@midnight", after, 1), Times{"2026-11-22 00:00:00"});
  EXPECT_EQ(due(" @Weekly ", after, 1), Times{"2026-11-22 00:00:00"});
  EXPECT_EQ(due("@monthly", after, 1), Times{"2026-12-01 00:00:00"});
  EXPECT_EQ(due("@yearly", after, 1), Times{"2027-01-01 00:00:00"});
  EXPECT_EQ(due("@annually", after, 1), Times{"2027-01-01 00:00:00"});
}

TEST(Cron, never_is_never_due) {
  EXPECT_EQ(due("never", 0, 1), Times{});
}

TEST(Cron, every_counts_from_its_anchor) {
  const Cron cron = Cron::parse("@every 1h30m");
  EXPECT_EQ(cron.next(1000, in_utc, 1000), 1000 + 5400);
  EXPECT_EQ(cron.next(1000 + 5399, in_utc, 1000), 1000 + 5400);
  EXPECT_EQ(cron.next(1000 + 5400, in_utc, 1000), 1000 + 10800);
  EXPECT_EQ(cron.next(-1, in_utc, 0), 0);
  EXPECT_EQ(Cron::parse("@every 24h").next(5, in_utc), 86400);
  EXPECT_EQ(Cron::parse("@every 2d 1s").next(5, in_utc), 2 * 86400 + 1);
}

TEST(Cron, an_anchor_in_the_future_never_delays_by_more_than_the_interval) {
  EXPECT_EQ(Cron::parse("@every 10s").next(100, in_utc, 1'000'003), 103);
}

TEST(Cron, what_falls_into_the_hour_left_out_is_due_once_right_after_it) {
  EXPECT_EQ(due("0 30 2 * * *", utc(2026, 3, 28, 0), 3, in_berlin),
            (Times{"2026-03-28 02:30:00", "2026-03-29 03:00:00", "2026-03-30 02:30:00"}));
  EXPECT_EQ(due("0 */20 2 * * *", utc(2026, 3, 28, 23), 2, in_berlin),
            (Times{"2026-03-29 03:00:00", "2026-03-30 02:00:00"}));
}

TEST(Cron, what_falls_into_the_hour_that_comes_twice_is_due_once) {
  const Cron cron = Cron::parse("0 30 2 * * *");
  EXPECT_EQ(cron.next(utc(2026, 10, 24, 1), in_berlin), utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(cron.next(utc(2026, 10, 25, 0, 30), in_berlin), utc(2026, 10, 26, 1, 30));
  EXPECT_EQ(cron.next(utc(2026, 10, 25, 1, 10), in_berlin), utc(2026, 10, 26, 1, 30));
  EXPECT_EQ(Cron::parse("0 0 3 * * *").next(utc(2026, 10, 25, 0, 30), in_berlin), utc(2026, 10, 25, 2));
}

TEST(Cron, every_ten_seconds_never_pauses_where_the_clock_changes) {
  const Cron cron = Cron::parse("*/10 * * * * *");
  for (const std::int64_t change : {utc(2026, 3, 29, 1), utc(2026, 10, 25, 1)})
    for (std::int64_t t = change - 100; t < change + 7200; t += 10) ASSERT_EQ(cron.next(t, in_berlin), t + 10);
}

TEST(Cron, agrees_with_a_plain_search_by_the_second) {
  struct Case {
    const char* expression;
    bool (*matches)(const LocalTime&);
  };
  const Case cases[] = {
      {"7 3-50/13 */5 * * *",
       [](const LocalTime& t) {
         return t.second == 7 && t.minute >= 3 && t.minute <= 50 && (t.minute - 3) % 13 == 0 && t.hour % 5 == 0;
       }},
      {"0 0,59 0 ? * 1-5",
       [](const LocalTime& t) {
         return t.second == 0 && (t.minute == 0 || t.minute == 59) && t.hour == 0 && t.day != 21 && t.day != 22;
       }},
      {"30 * * 21-22 11 *", [](const LocalTime& t) { return t.second == 30 && (t.day == 21 || t.day == 22); }},
      {"*/7 59 23 * NOV SAT",
       [](const LocalTime& t) { return t.second % 7 == 0 && t.minute == 59 && t.hour == 23 && t.day == 21; }},
  };
  for (const Case& c : cases) {
    const Cron cron = Cron::parse(c.expression);
    std::int64_t previous = utc(2026, 11, 20);  // a Friday
    for (std::int64_t t = previous + 1; t < utc(2026, 11, 23); ++t) {
      if (!c.matches(in_berlin(t))) continue;
      ASSERT_EQ(cron.next(previous, in_berlin), t) << c.expression;
      previous = t;
    }
  }
}

TEST(Cron, the_zone_of_the_process_is_one_to_choose) {
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  EXPECT_EQ(text(system_local_time(utc(2026, 7, 1, 12))), "2026-07-01 14:00:00");
  EXPECT_EQ(Cron::parse("0 0 14 * * *").next(utc(2026, 7, 1), system_local_time), utc(2026, 7, 1, 12));
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Cron, says_which_field_is_wrong_and_how) {
  EXPECT_EQ(refusal(""), "it is empty");
  EXPECT_EQ(refusal("* * * *"), "five or six fields are expected, not 4");
  EXPECT_EQ(refusal("* * * * * * *"), "five or six fields are expected, not 7");
  EXPECT_EQ(refusal("60 * * * * *"), "second: 60 is not between 0 and 59");
  EXPECT_EQ(refusal("61 * * * *"), "minute: 61 is not between 0 and 59");
  EXPECT_EQ(refusal("0 0 24 * * *"), "hour: 24 is not between 0 and 23");
  EXPECT_EQ(refusal("0 0 0 0 * *"), "day of month: 0 is not between 1 and 31");
  EXPECT_EQ(refusal("0 0 0 * 13 *"), "month: 13 is not between 1 and 12");
  EXPECT_EQ(refusal("0 0 0 * * 8"), "day of week: 8 is not between 0 and 7");
  EXPECT_EQ(refusal("0 0 0 * FOO *"), "month: \"foo\" is not a number or name");
  EXPECT_EQ(refusal("*/0 * * * * *"), "second: a step cannot be 0");
  EXPECT_EQ(refusal("*/ * * * * *"), "second: a number is missing in \"*/\"");
  EXPECT_EQ(refusal("1,,2 * * * * *"), "second: a number is missing in \"1,,2\"");
  EXPECT_EQ(refusal("5-1 * * * * *"), "second: \"5-1\" ends before it begins");
  EXPECT_EQ(refusal("? * * * * *"), "second: \"?\" is not a number or name");
  EXPECT_EQ(refusal("-1 * * * * *"), "second: a number is missing in \"-1\"");
  EXPECT_EQ(refusal("99999 * * * * *"), "second: \"99999\" is too large");
  EXPECT_EQ(refusal("0 0 0 30 2 *"), "no month has such a day");
  EXPECT_EQ(refusal("0 0 0 31 4,6 *"), "no month has such a day");
  EXPECT_EQ(refusal("@reboot"), "\"@reboot\" is not known here");
  EXPECT_EQ(refusal("@every"), "\"\" is not an interval such as 24h, 1h30m or 90s");
  EXPECT_EQ(refusal("@every 24"), "\"24\" is not an interval such as 24h, 1h30m or 90s");
  EXPECT_EQ(refusal("@every h"), "\"h\" is not an interval such as 24h, 1h30m or 90s");
  EXPECT_EQ(refusal("@every 0s"), "the interval is 0");
  EXPECT_EQ(refusal("@every 99999999999999999999h"), "the interval is longer than 10000 days");
}

void local_in_berlin(std::int64_t time, lpbm_local_time* local, void* arg) {
  ++*static_cast<int*>(arg);
  const LocalTime t = in_berlin(time);
  *local = {t.year, t.month, t.day, t.hour, t.minute, t.second};
}

TEST(CronInC, checks_and_computes_without_throwing) {
  char error[64] = "";
  EXPECT_EQ(lpbm_cron_check("*/10 * * * * *", error, sizeof error), 0);
  EXPECT_EQ(lpbm_cron_check("0 0 24 * * *", error, sizeof error), -1);
  EXPECT_STREQ(error, "hour: 24 is not between 0 and 23");
  char small[6];
  EXPECT_EQ(lpbm_cron_check("0 0 24 * * *", small, sizeof small), -1);
  EXPECT_STREQ(small, "hour:");
  EXPECT_EQ(lpbm_cron_check(nullptr, nullptr, 0), -1);
  int calls = 0;
  EXPECT_EQ(lpbm_cron_next("0 0 12 * * *", utc(2026, 7, 1), 0, local_in_berlin, &calls), utc(2026, 7, 1, 10));
  EXPECT_GT(calls, 0);
  EXPECT_EQ(lpbm_cron_next("@every 10s", 101, 100, local_in_berlin, &calls), 110);
  EXPECT_EQ(lpbm_cron_next("never", 0, 0, local_in_berlin, &calls), -1);
  EXPECT_EQ(lpbm_cron_next("nonsense", 0, 0, local_in_berlin, &calls), -1);
}

TEST(CronInC, a_day_years_away_costs_few_calls) {
  int calls = 0;
  EXPECT_EQ(lpbm_cron_next("0 0 0 29 2 *", utc(2096, 3, 1), 0, local_in_berlin, &calls), utc(2104, 2, 28, 23));
  EXPECT_LT(calls, 4000);
}

}  // namespace
}  // namespace lpbm::schedule
