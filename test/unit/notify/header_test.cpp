#include "notify/header.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lpbm::notify {
namespace {

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  for (std::size_t at = 0, end; (end = text.find("\r\n", at)) != std::string::npos; at = end + 2)
    longest = std::max(longest, end - at);
  return longest;
}

TEST(Header, PlainTextStaysAsItIs) {
  EXPECT_EQ(text_field("Subject", "[lpbm] shop 2026-delta"), "Subject: [lpbm] shop 2026-delta\r\n");
}

TEST(Header, TextBeyondAsciiIsEncodedInWholeCharacters) {
  EXPECT_EQ(text_field("Subject", "für"), "Subject: =?UTF-8?B?ZsO8cg==?=\r\n");
  const std::string field = text_field("Subject", std::string(30, 'x') + "ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀ü€😀");
  EXPECT_LE(longest_line(field), 76U);
  // A word that began within a character would begin with a continuation byte: base64 of 10xxxxxx is g to v.
  for (std::size_t at = 0; (at = field.find("?B?", at)) != std::string::npos; at += 3)
    EXPECT_EQ(std::string("ghijklmnopqrstuv").find(field[at + 3]), std::string::npos) << field;
}

TEST(Header, LongTextAndWhatLooksEncodedIsEncoded) {
  EXPECT_LE(longest_line(text_field("Subject", std::string(2000, 'a'))), 76U);
  EXPECT_EQ(text_field("Subject", "=?UTF-8?B?eA==?=").find("=?UTF-8?B?eA==?="), std::string::npos);
}

TEST(Header, NothingBeginsAnotherField) {
  EXPECT_EQ(text_field("Subject", "a\r\nBcc: b@c\n\nbody"), "Subject: a  Bcc: b@c  body\r\n");
  EXPECT_EQ(address_field("From", {{"a\r\nBcc: x", "b@c"}}), "From: \"a  Bcc: x\"\r\n <b@c>\r\n");
}

TEST(Header, AddressesHaveNamesOrNone) {
  const auto found = parse_addresses(" a@b.c, \"Last, First \\\"F\\\"\" <d@e>,Jörg <f@g> , root ,");
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].mailbox, "a@b.c");
  EXPECT_EQ(found[1].name, "Last, First \"F\"");
  EXPECT_EQ(found[1].mailbox, "d@e");
  EXPECT_EQ(found[2].name, "Jörg");
  EXPECT_EQ(found[3].mailbox, "root");
  EXPECT_EQ(address_field("To", found),
            "To: a@b.c,\r\n \"Last, First \\\"F\\\"\"\r\n <d@e>,\r\n =?UTF-8?B?SsO2cmc=?=\r\n <f@g>,\r\n root\r\n");
  EXPECT_TRUE(parse_addresses(" , ").empty());
}

TEST(Header, WhatIsNoAddressIsRefused) {
  for (const char* text : {"@b", "a@", "a@b@c", "a b@c", "<>", "Name <>", "a@b>", "<a@b", "jörg@b", "a@b\r\nX: y",
                           "a@b>\r\nRCPT TO:<c@d", "a@b;c@d", "N <a@b> x"})
    EXPECT_THROW(parse_addresses(text), Error) << text;
}

TEST(Header, DatesAreEnglishAndUtc) {
  EXPECT_EQ(date_field(1'795'262'400'000'000), "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n");
}

}  // namespace
}  // namespace lpbm::notify
