#include "base/clock.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "base/error.h"

namespace lpbm::test {
namespace {

// Another time zone while it lives.
class Zone {
 public:
  explicit Zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;
  ~Zone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

TEST(Clock, writes_iso_8601) {
  EXPECT_EQ(to_iso(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_iso(1795225714123456), "2026-11-21T01:48:34.123456Z");
  EXPECT_EQ(to_iso(1795225714123956, true), "2026-11-21T01:48:34.123Z");
  EXPECT_EQ(to_iso(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(Clock, reads_what_it_and_postgresql_write) {
  constexpr Micros time = 1795225714123456;
  for (const char* text :
       {"2026-11-21T01:48:34.123456Z", "2026-11-21 01:48:34.123456+00", "2026-11-21 02:48:34.123456+01",
        "2026-11-20 19:18:34.123456-06:30", "2026-11-21T07:33:34.123456+0545", "2026-11-21 01:48:34,123456789 +00:00"})
    EXPECT_EQ(parse_time(text), time) << text;
  EXPECT_EQ(parse_time("2026-11-21 01:48:34.1Z"), time / 1000000 * 1000000 + 100000);
  EXPECT_EQ(parse_time("2026-11-21 01:48Z"), time / 60000000 * 60000000);
  EXPECT_EQ(parse_time("2024-02-29 00:00:00Z"), 1709164800000000);
  EXPECT_EQ(parse_time("1883-11-18 12:00:00-04:56:02"), parse_time("1883-11-18 16:56:02Z"));
  EXPECT_EQ(parse_time(to_iso(time)), time);
}

TEST(Clock, takes_the_local_time_zone_where_none_is_written) {
  const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(parse_time("2026-11-21 02:48:34.5"), parse_time("2026-11-21 01:48:34.5Z"));
  EXPECT_EQ(parse_time("2026-07-01 12:00:00"), parse_time("2026-07-01 10:00:00Z"));
  EXPECT_EQ(parse_time("2026-07-01"), parse_time("2026-06-30 22:00:00Z"));
  EXPECT_EQ(parse_time("1970-01-01 00:59:59"), -1000000);
}

TEST(Clock, refuses_what_is_no_time) {
  for (const char* text :
       {"", "now", "2026", "2026-13-01", "2026-02-29 00:00Z", "2026-00-10", "2026-11-21T", "2026-11-21 24:00Z",
        "2026-11-21 01:60Z", "2026-11-21 01:48:34.Z", "2026-11-21 01:48:34+", "2026-11-21 01:48:34 CET",
        "2026-11-21 01:48:34Zx", "2026-11-21 01:48:34.1234567890Z", " 2026-11-21", "2026-11-21 01:48:34+1"}) {
    try {
      parse_time(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
    }
  }
}

TEST(Clock, goes) {
  EXPECT_GT(now(), 1700000000000000);
}

}  // namespace
}  // namespace lpbm::test
