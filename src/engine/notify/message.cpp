#include "notify/message.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::notify {
namespace {

constexpr std::size_t base64_line = 57;  // bytes that become 76 characters
constexpr std::size_t text_line_limit = 990;
constexpr std::string_view crlf = "\r\n";

// Full lines but for the last one.
std::string base64_lines(std::string_view bytes) {
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), base64_line)))
    out.append(to_base64(bytes.substr(0, base64_line))).append(crlf);
  return out;
}

std::uint64_t base64_lines_size(std::uint64_t size) {
  const std::uint64_t lines = (size + base64_line - 1) / base64_line;
  return (size + 2) / 3 * 4 + lines * crlf.size();
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r') continue;
    if (c == '\n') out += '\r';
    out += c;
  }
  if (!out.ends_with(crlf)) out += crlf;
  return out;
}

// Readable as it is on the wire where that can be.
bool is_plain(std::string_view text) {
  std::size_t length = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || (byte < ' ' && c != '\n' && c != '\t' && c != '\r')) return false;
    length = c == '\n' ? 0 : length + 1;
    if (length > text_line_limit) return false;
  }
  return true;
}

std::string text_part(const std::string& text) {
  const bool plain = is_plain(text);
  return std::string("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ") +
         (plain ? "7bit" : "base64") + "\r\n\r\n" + (plain ? with_crlf(text) : base64_lines(text));
}

// RFC 3834: no answering machine is to answer.
std::string header(const Message& message) {
  return address_field("From", {message.from}) + address_field("To", message.to) +
         text_field("Subject", message.subject) + date_field(message.date) + "Message-ID: <" + message.id +
         ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
}

}  // namespace

MessageSource::MessageSource(const Message& message) : ready_(header(message)) {
  if (!message.attachment) {
    ready_ += text_part(message.text);
    size_ = ready_.size();
    return;
  }
  const Attachment& file = *message.attachment;
  const std::string boundary = "lpbm-" + to_hex(codec::random_bytes(12));
  ready_ += "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n" +
            text_part(message.text) + "--" + boundary + "\r\nContent-Type: " + file.type + "; name=\"" + file.name +
            "\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + file.name +
            "\"\r\n\r\n";
  attachment_ = file.open();
  attachment_left_ = file.size;
  tail_ = "--" + boundary + "--\r\n";
  size_ = ready_.size() + base64_lines_size(file.size) + tail_.size();
}

// False at the end.
bool MessageSource::refill() {
  used_ = 0;
  ready_.clear();
  if (attachment_) {
    std::string bytes(std::min<std::uint64_t>(attachment_left_, base64_line * 512), '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
      const std::size_t more = attachment_->read(bytes.data() + got, bytes.size() - got);
      if (more == 0) throw Error(ErrorKind::retryable, "reading the attachment", "it has become shorter");
      got += more;
    }
    attachment_left_ -= got;
    ready_ = base64_lines(bytes);
    if (attachment_left_ == 0) attachment_.reset();
  }
  if (!attachment_) ready_ += std::exchange(tail_, {});
  return !ready_.empty();
}

std::size_t MessageSource::read(char* buffer, std::size_t size) {
  if (used_ == ready_.size() && !refill()) return 0;
  const std::size_t count = std::min(size, ready_.size() - used_);
  std::memcpy(buffer, ready_.data() + used_, count);
  used_ += count;
  return count;
}

}  // namespace lpbm::notify
