#include "csvlog/log_line.h"

#include <algorithm>
#include <cstring>

namespace lpbm::csvlog {
namespace {

constexpr std::size_t fewest_columns = 23;
// So many bytes may be read a second time to find lines inside of what is no line: bounds the time that a file made to
// be unreadable can cost.
constexpr std::uint64_t reread_limit = 64u << 20;
// "2026-11-21 01:48:34": how a line begins.
constexpr std::string_view pattern = "0000-00-00 00:00:00";

bool looks_like_line(const char* text) {
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]) return false;
  return true;
}

const char* find(const char* begin, const char* end, char c) {
  const void* found = std::memchr(begin, c, static_cast<std::size_t>(end - begin));
  return found ? static_cast<const char*>(found) : end;
}

// Most quoted fields are short.
const char* find_quote(const char* begin, const char* end) {
  constexpr std::ptrdiff_t few = 12;
  const char* const near = end - begin > few ? begin + few : end;
  for (; begin != near; ++begin)
    if (*begin == '"') return begin;
  return find(begin, end, '"');
}

std::uint64_t newlines(const char* begin, const char* end) {
  std::uint64_t out = 0;
  for (begin = find(begin, end, '\n'); begin != end; begin = find(begin + 1, end, '\n')) ++out;
  return out;
}

}  // namespace

std::string_view LogLine::value(LogColumn column, std::string& scratch) const {
  const Field& field = fields_[static_cast<std::size_t>(column)];
  if (!field.doubled) return field.text;
  scratch.clear();
  for (std::string_view rest = field.text;;) {
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) {
      scratch.append(rest);
      return scratch;
    }
    scratch.append(rest.substr(0, quote + 1));
    rest.remove_prefix(std::min(quote + 2, rest.size()));
  }
}

char* LogLineReader::space(std::size_t size) {
  if (buffer_.size() < filled_ + size) buffer_.resize(filled_ + size);
  return buffer_.data() + filled_;
}

void LogLineReader::commit(std::size_t count) {
  filled_ += count;
  if (seeking_ || skipping_ || filled_ >= next_try_) parse();
}

bool LogLineReader::finish() {
  next_try_ = 0;
  parse();
  return filled_ == begin_ && !skipping_;
}

// Fills in line_ with the line that begins at begin_.
LogLineReader::Parsed LogLineReader::parse_line() {
  const char* at = buffer_.data() + begin_;
  const char* const end = buffer_.data() + filled_;
  if (static_cast<std::size_t>(end - at) < pattern.size()) return Parsed::unfinished;
  if (!looks_like_line(at)) return broken(at);
  line_.count_ = 0;
  line_.cut = false;
  while (line_.count_ < LogLine::most_columns) {
    LogLine::Field& field = line_.fields_[line_.count_];
    field = {std::string_view(at, at), false};
    if (at == end) return Parsed::unfinished;
    if (*at == '"') {
      const char* const begin = ++at;
      for (;;) {
        at = find_quote(at, end);
        if (end - at < 2) {
          field.text = {begin, static_cast<std::size_t>(end - begin)};
          return Parsed::unfinished;
        }
        if (at[1] != '"') break;
        field.doubled = true;
        at += 2;
      }
      field.text = {begin, static_cast<std::size_t>(at - begin)};
      ++at;
      // Lines of a server on Windows.
      if (*at == '\r') {
        if (end - at < 2) return Parsed::unfinished;
        if (at[1] == '\n') ++at;
      }
    } else {
      const char* const begin = at;
      while (at != end && *at != ',' && *at != '\n') {
        if (*at == '"') return broken(at);
        ++at;
      }
      field.text = {begin, static_cast<std::size_t>(at - begin)};
      if (at == end) return Parsed::unfinished;
    }
    ++line_.count_;
    if (*at == '\n') {
      line_end_ = static_cast<std::size_t>(at + 1 - buffer_.data());
      return line_.count_ >= fewest_columns ? Parsed::line : Parsed::broken;
    }
    if (*at != ',') return broken(at);
    ++at;
  }
  return broken(at);
}

LogLineReader::Parsed LogLineReader::broken(const char* at) {
  line_end_ = static_cast<std::size_t>(at - buffer_.data());
  return Parsed::broken;
}

void LogLineReader::hand_on(std::size_t end) {
  for (std::size_t i = line_.count_; i < LogLine::most_columns; ++i) line_.fields_[i] = {};
  line_.number = number_;
  ++totals_.lines;
  const char* const data = buffer_.data();
  const std::uint64_t next = number_ + newlines(data + begin_, data + end);
  handler_(line_);
  begin_ = end;
  number_ = next;
}

// The line at begin_ is longer than the limit.
void LogLineReader::cut_line() {
  quoted_ = line_.count_ > 0 && line_.fields_[line_.count_].text.data()[-1] == '"';
  ++line_.count_;
  line_.cut = true;
  // Whether a quote at the end closes the field is seen with what follows.
  hand_on(quoted_ && buffer_[filled_ - 1] == '"' ? filled_ - 1 : filled_);
  skipping_ = true;
}

void LogLineReader::skip_rest() {
  const char* const data = buffer_.data();
  std::size_t at = begin_;
  for (; at < filled_ && skipping_; ++at) {
    if (quoted_) {
      at = static_cast<std::size_t>(find(data + at, data + filled_, '"') - data);
      if (at == filled_) break;
      quoted_ = false;  // a doubled one opens it again
    } else if (data[at] == '"') {
      quoted_ = true;
    } else if (data[at] == '\n') {
      skipping_ = false;
    }
  }
  number_ += newlines(data + begin_, data + at);
  begin_ = at;
}

// What begins at begin_ is no line. One may have begun inside of it.
void LogLineReader::unreadable() {
  if (totals_.unreadable++ == 0) totals_.first_unreadable = number_;
  seeking_ = true;
  reread_ += line_end_ - begin_;
  if (reread_ <= reread_limit) return;
  number_ += newlines(buffer_.data() + begin_, buffer_.data() + line_end_);
  begin_ = line_end_;
}

void LogLineReader::seek_line() {
  const char* const data = buffer_.data();
  std::size_t at = begin_;
  while (at < filled_) {
    at = static_cast<std::size_t>(find(data + at, data + filled_, '\n') - data);
    if (at == filled_ || at + 1 + pattern.size() > filled_) break;  // decided when more has come
    ++at;
    if (!looks_like_line(data + at)) continue;
    seeking_ = false;
    break;
  }
  number_ += newlines(data + begin_, data + at);
  begin_ = at;
}

void LogLineReader::parse() {
  while (begin_ < filled_) {
    const std::size_t before = begin_;
    if (skipping_) {
      skip_rest();
      continue;
    }
    if (seeking_) {
      seek_line();
      if (seeking_ && begin_ == before) break;
      if (seeking_) continue;
    }
    if (buffer_[begin_] == '\n') {
      ++begin_, ++number_;
      continue;
    }
    const Parsed parsed = parse_line();
    if (parsed == Parsed::line) {
      hand_on(line_end_);
    } else if (parsed == Parsed::broken) {
      unreadable();
    } else if (filled_ - begin_ > limit_) {
      cut_line();
    } else {
      break;
    }
  }
  forget();
}

void LogLineReader::forget() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
    filled_ -= begin_;
    begin_ = 0;
  }
  // Long lines are looked at again when they have doubled, so that their cost stays in proportion.
  constexpr std::size_t small = 1u << 16;
  next_try_ = filled_ < small || seeking_ || skipping_ ? 0 : std::min(2 * filled_, limit_ + 1);
}

}  // namespace lpbm::csvlog
