#include "store/failover.h"

#include <gtest/gtest.h>

namespace lpbm::store {
namespace {

using std::chrono::milliseconds;

Failover two(Patience patience = {}) {
  patience.first_pause = milliseconds(1);
  return Failover({parse_address("http://a", 1), parse_address("http://b", 1)}, std::move(patience));
}

Error failure(ErrorKind kind = ErrorKind::retryable) {
  return Error(kind, "trying", "it failed");
}

TEST(Failover, goes_to_the_next_address_and_stays_there) {
  Failover failover = two();
  std::string asked;
  const auto attempt = [&](const Address& address) {
    asked += address.host;
    if (address.host == "a") throw failure();
  };
  failover.run(attempt);
  failover.run(attempt);
  EXPECT_EQ(asked, "abb");
  failover.prefer_next();
  failover.run(attempt);
  EXPECT_EQ(asked, "abbab");
}

TEST(Failover, tries_all_again_until_its_patience_is_over) {
  Patience patience;
  patience.limit = milliseconds(30);
  int waits = 0, tries = 0;
  patience.waiting = [&](const Error&) { ++waits; };
  Failover failover = two(patience);
  EXPECT_THROW(failover.run([&](const Address&) {
    ++tries;
    throw failure();
  }),
               Error);
  EXPECT_GE(waits, 1);
  EXPECT_EQ(tries, 2 * (waits + 1));
}

TEST(Failover, asks_everyone_but_once_what_all_of_them_refuse) {
  Failover failover = two();
  int tries = 0;
  try {
    failover.run([&](const Address&) {
      ++tries;
      throw failure(ErrorKind::permanent);
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
  }
  EXPECT_EQ(tries, 2);
}

TEST(Failover, what_one_refuses_another_one_serves) {
  for (const char* refusing : {"a", "b"}) {
    Failover failover = two();
    std::string served;
    failover.run([&](const Address& address) {
      if (address.host == refusing) throw failure(ErrorKind::permanent);
      served = address.host;
    });
    EXPECT_NE(served, refusing);
    EXPECT_NE(served, "");
  }
}

TEST(Failover, waits_for_the_others_where_one_refuses_and_tells_of_both) {
  Patience patience;
  patience.limit = milliseconds(10);
  Failover failover = two(patience);
  int tries = 0;
  try {
    failover.run([&](const Address& address) {
      ++tries;
      if (address.host == "a") throw Error(ErrorKind::permanent, "asking a", "wrong password", "Mend it.");
      throw Error(ErrorKind::retryable, "asking b", "nobody is there");
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::retryable);
    EXPECT_EQ(std::string(error.what()), "asking a: wrong password; and asking b: nobody is there");
    EXPECT_EQ(error.hint(), "Mend it.");
  }
  EXPECT_GT(tries, 2);
}

TEST(Failover, other_kinds_of_errors_are_the_callers) {
  Failover failover = two();
  int tries = 0;
  EXPECT_THROW(failover.run([&](const Address&) {
    ++tries;
    throw failure(ErrorKind::usage);
  }),
               Error);
  EXPECT_EQ(tries, 1);
}

TEST(Failover, pauses_grow_to_a_limit_and_differ) {
  Patience patience;
  for (unsigned failures = 1; failures < 40; ++failures) {
    const milliseconds pause = pause_after(patience, failures);
    EXPECT_LE(pause, patience.longest_pause);
    EXPECT_GE(pause, std::min(patience.longest_pause, patience.first_pause * (1 << std::min(failures - 1, 10u))) / 2);
  }
}

}  // namespace
}  // namespace lpbm::store
