#include "base/lsn.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lpbm::test {
namespace {

TEST(Lsn, is_written_as_postgresql_writes_it) {
  EXPECT_EQ(Lsn{0}.text(), "0/0");
  EXPECT_EQ(Lsn{0x16B3748}.text(), "0/16B3748");
  EXPECT_EQ(Lsn{UINT64_MAX}.text(), "FFFFFFFF/FFFFFFFF");
  EXPECT_EQ(Lsn{0x100000000}.text(), "1/0");
}

TEST(Lsn, is_read_back) {
  for (const char* text : {"0/0", "0/16B3748", "FFFFFFFF/FFFFFFFF", "1A/B"}) EXPECT_EQ(Lsn::parse(text).text(), text);
  EXPECT_EQ(Lsn::parse("a/00000001").value, 0xA00000001u);
  EXPECT_LT(Lsn::parse("0/FFFFFFFF"), Lsn::parse("1/0"));
}

TEST(Lsn, is_refused_unless_it_is_exactly_one) {
  for (const char* text : {"", "/", "0", "0/", "/0", "0/0 ", " 0/0", "0/0/0", "0/G", "+1/0", "-1/0", "0x1/0",
                           "123456789/0", "0/123456789"})
    EXPECT_THROW(Lsn::parse(text), Error) << text;
}

}  // namespace
}  // namespace lpbm::test
