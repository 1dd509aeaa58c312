#include "codec/age_armor.h"

#include "base/encoding.h"
#include "base/error.h"
#include "codec/age_format.h"

namespace lpbm::codec::age {
namespace {

constexpr std::string_view header = "-----BEGIN AGE ENCRYPTED FILE-----";
constexpr std::string_view footer = "-----END AGE ENCRYPTED FILE-----";
constexpr std::size_t columns = 64;
constexpr std::size_t blank_limit = 1024;

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

}  // namespace

std::string armor(Bytes data) {
  const std::string text = to_base64(data);
  std::string out(header);
  out.push_back('\n');
  for (std::size_t at = 0; at < text.size(); at += columns) out.append(text, at, columns).push_back('\n');
  return out.append(footer).append("\n");
}

void ArmorReader::write(Bytes data) {
  while (!data.empty()) {
    if (state_ == State::after) return blank(is_blank(data) ? data.size() : blank_limit + 1);
    const std::size_t newline = data.find('\n');
    const bool whole = newline != Bytes::npos;
    pending_.append(data.substr(0, newline));
    data.remove_prefix(whole ? newline + 1 : data.size());
    if (pending_.size() > blank_limit) refuse(reading_armor, "a line is too long");
    if (!whole) return;
    line(pending_);
    pending_.clear();
  }
}

void ArmorReader::finish() {
  if (!pending_.empty()) line(pending_);
  if (state_ != State::after) refuse(reading_armor, "it ends early");
  below_.finish();
}

void ArmorReader::line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (state_ == State::after) return blank(is_blank(line) ? line.size() : blank_limit + 1);
  if (state_ == State::before) {
    if (is_blank(line)) return blank(line.size() + 1);
    if (line != header) refuse(reading_armor, "its first line is wrong");
    state_ = State::lines;
    blanks_ = 0;
  } else if (line == footer) {
    state_ = State::after;
  } else {
    if (state_ == State::last_line) refuse(reading_armor, "a short line is not the last one");
    if (line.empty() || line.size() > columns) refuse(reading_armor, "a line is empty or too long");
    std::string bytes;
    try {
      bytes = from_base64(line);
    } catch (const Error&) {
      refuse(reading_armor, "a line is not base64 in its canonical form");
    }
    if (bytes.size() < columns / 4 * 3) state_ = State::last_line;
    below_.write(bytes);
  }
}

void ArmorReader::blank(std::size_t count) {
  blanks_ += count;
  if (blanks_ > blank_limit) refuse(reading_armor, "something else stands before or after it");
}

}  // namespace lpbm::codec::age
