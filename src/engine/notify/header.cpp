#include "notify/header.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::notify {
namespace {

constexpr std::size_t line_limit = 76;
constexpr std::size_t word_limit = 45;  // bytes in an encoded word: 60 characters of base64, 72 with its frame
constexpr std::size_t name_room = 8;    // for "From: " and the like before a phrase
constexpr std::string_view fold = "\r\n ";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string without_controls(std::string_view text) {
  std::string out(text);
  std::replace_if(out.begin(), out.end(), is_control, ' ');
  return out;
}

// Encoded words of whole characters, one a line; `used`: characters that stand on the first line already.
std::string encoded_words(std::string_view text, std::size_t used) {
  constexpr std::size_t frame = std::string_view("=?UTF-8?B?").size() + std::string_view("?=").size();
  std::string out;
  while (!text.empty()) {
    const std::size_t room = out.empty() ? (line_limit - used - frame) / 4 * 3 : word_limit;
    std::size_t size = std::min({text.size(), word_limit, room});
    while (size < text.size() && size > 1 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    if (!out.empty()) out += fold;
    out += "=?UTF-8?B?" + to_base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

// Words for people before an address. What looks like an encoded word is none unless it is encoded itself.
std::string phrase(const std::string& name) {
  const std::string plain = without_controls(name);
  if (!is_ascii(plain) || plain.find("=?") != std::string::npos || plain.size() > word_limit)
    return encoded_words(plain, name_room);
  std::string out = "\"";
  for (const char c : plain) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

[[noreturn]] void refuse(std::string_view text, const std::string& cause) {
  throw Error(ErrorKind::usage, "reading the mail address \"" + without_controls(text) + "\"", cause,
              "Write addresses as user@host or Name <user@host>, separated by commas.");
}

void check_mailbox(std::string_view mailbox, std::string_view text) {
  if (mailbox.empty()) refuse(text, "there is no address in it");
  if (!is_ascii(mailbox)) refuse(text, "the address itself must be ASCII (a host's name in its xn-- form)");
  if (std::any_of(mailbox.begin(), mailbox.end(), is_control) ||
      mailbox.find_first_of(" <>()[]\\,;:\"") != std::string_view::npos)
    refuse(text, "the address holds a character that it cannot hold");
  // Without a host it is a user of the mail server's own.
  const std::size_t at = mailbox.find('@');
  if (at != std::string_view::npos && (at == 0 || at + 1 == mailbox.size() || mailbox.rfind('@') != at))
    refuse(text, "it is not of the form user@host");
}

std::string unquoted(std::string_view name) {
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
  std::string out;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    if (name[i] == '\\' && i + 2 < name.size()) ++i;
    out += name[i];
  }
  return out;
}

Address parse_address(std::string_view text) {
  Address out;
  const std::size_t open = text.rfind('<');
  if (open != std::string_view::npos && text.back() == '>') {
    out.name = unquoted(trimmed(text.substr(0, open)));
    out.mailbox = trimmed(text.substr(open + 1, text.size() - open - 2));
  } else {
    out.mailbox = text;
  }
  if (std::any_of(text.begin(), text.end(), is_control)) refuse(text, "it holds a control character");
  check_mailbox(out.mailbox, text);
  return out;
}

}  // namespace

std::vector<Address> parse_addresses(std::string_view text) {
  std::vector<Address> out;
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && quoted && text[i] == '\\') {
      ++i;
      continue;
    }
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (text[i] != ',' || quoted)) continue;
    const std::string_view word = trimmed(text.substr(begin, i - begin));
    if (!word.empty()) out.push_back(parse_address(word));
    begin = i + 1;
  }
  return out;
}

std::string text_field(std::string_view name, std::string_view text) {
  const std::string plain = without_controls(text);
  std::string out = std::string(name) + ": ";
  const bool simple =
      is_ascii(plain) && plain.find("=?") == std::string::npos && out.size() + plain.size() <= line_limit;
  if (simple) return out + plain + "\r\n";
  return out + encoded_words(plain, out.size()) + "\r\n";
}

std::string address_field(std::string_view name, const std::vector<Address>& addresses) {
  std::string out = std::string(name) + ":";
  bool first = true;
  for (const Address& address : addresses) {
    out += first ? " " : ",\r\n ";
    if (address.name.empty())
      out += address.mailbox;
    else
      out += phrase(address.name) + std::string(fold) + '<' + address.mailbox + '>';
    first = false;
  }
  return out + "\r\n";
}

std::string date_field(Micros time) {
  // Not strftime's %a and %b: those follow the locale.
  static constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(time / 1'000'000);
  std::tm t{};
  ::gmtime_r(&seconds, &t);
  char text[64];
  std::snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days.at(t.tm_wday), t.tm_mday,
                months.at(t.tm_mon), t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  return text;
}

}  // namespace lpbm::notify
