#include "notify/message.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::notify {
namespace {

class StringSource final : public Source {
 public:
  explicit StringSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t count = std::min({size, text_.size() - at_, std::size_t{1000}});
    std::memcpy(buffer, text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

std::string all_of(const Message& message, std::size_t step = 4096) {
  MessageSource source(message);
  std::string out, buffer(step, '\0');
  while (const std::size_t got = source.read(buffer.data(), step)) out.append(buffer, 0, got);
  EXPECT_EQ(out.size(), source.size());
  return out;
}

Message sample() {
  Message out;
  out.from = {"", "lpbm@db"};
  out.to = {{"", "dba@ops"}};
  out.subject = "shop";
  out.text = "one\ntwo\n";
  out.id = "1@db";
  return out;
}

Message with_attachment(const std::string& bytes) {
  Message out = sample();
  out.attachment = {"shop.journal", "application/octet-stream", bytes.size(),
                    [bytes] { return std::make_unique<StringSource>(bytes); }};
  return out;
}

// The attachment of a message, decoded.
std::string attached(const std::string& message) {
  const std::size_t begin = message.find("\r\n\r\n", message.find("Content-Disposition: attachment")) + 4;
  std::string text = message.substr(begin, message.find("--lpbm-", begin) - begin);
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  return from_base64(text);
}

TEST(Message, TextAloneIsOnePart) {
  EXPECT_EQ(all_of(sample()),
            "From: lpbm@db\r\nTo: dba@ops\r\nSubject: shop\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
            "Message-ID: <1@db>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\n");
}

TEST(Message, TextBeyondAsciiOrWithLongLinesIsEncoded) {
  Message message = sample();
  for (const std::string& text : {std::string("für\n"), std::string(2000, 'x'), std::string("a\x01z")}) {
    message.text = text;
    const std::string out = all_of(message);
    EXPECT_NE(out.find("Content-Transfer-Encoding: base64\r\n"), std::string::npos);
    for (const char c : out) EXPECT_TRUE(c == '\r' || c == '\n' || (c >= ' ' && c < 0x7f));
  }
}

TEST(Message, AttachmentOfAnyLengthComesWhole) {
  for (const std::size_t size : {0U, 1U, 56U, 57U, 58U, 57U * 512U, 57U * 512U + 1U, 200'000U}) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 7 + i / 256);
    const Message message = with_attachment(bytes);
    EXPECT_EQ(attached(all_of(message)), bytes) << size;
    EXPECT_EQ(attached(all_of(message, 17)), bytes) << size;
  }
}

TEST(Message, LinesAreShort) {
  const std::string out = all_of(with_attachment(std::string(1000, 'x')));
  for (std::size_t at = 0, end; (end = out.find('\n', at)) != std::string::npos; at = end + 1) {
    EXPECT_LE(end - at, 78U);
    EXPECT_EQ(out[end - 1], '\r');
  }
  EXPECT_TRUE(out.ends_with("--\r\n"));
}

TEST(Message, AttachmentThatBecomesShorterIsAnError) {
  Message message = with_attachment("abc");
  message.attachment->size = 4;
  MessageSource source(message);
  std::string buffer(4096, '\0');
  EXPECT_THROW(while (source.read(buffer.data(), buffer.size()) > 0);, Error);
}

}  // namespace
}  // namespace lpbm::notify
