#include "codec/age_format.h"

#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::codec::age {
namespace {

constexpr std::size_t header_limit = 1u << 20;
constexpr std::size_t columns = 64;
constexpr std::size_t mac_size = 32;
constexpr std::string_view version_line = "age-encryption.org/v1";
constexpr std::string_view stanza_mark = "-> ";
constexpr std::string_view end_mark = "---";

bool is_argument(std::string_view text) {
  for (const char c : text)
    if (c < '!' || c > '~') return false;
  return !text.empty();
}

void append_stanza(std::string& out, const Stanza& stanza) {
  out.append("-> ").append(stanza.type);
  for (const std::string& argument : stanza.arguments) out.append(" ").append(argument);
  out.push_back('\n');
  const std::string body = to_base64(stanza.body, false);
  // A full last line is followed by an empty one, which ends the stanza.
  for (std::size_t at = 0; at <= body.size(); at += columns) out.append(body, at, columns).push_back('\n');
}

}  // namespace

void refuse(const char* step, const char* cause, const char* hint) {
  throw Error(ErrorKind::permanent, step, cause, hint);
}

std::string decode_base64(std::string_view text) {
  try {
    return from_base64(text, false);
  } catch (const Error&) {
    refuse(reading_header, "a value is not base64 in its canonical form");
  }
}

std::string encode_header(const std::vector<Stanza>& stanzas) {
  std::string out(version_line);
  out.push_back('\n');
  for (const Stanza& stanza : stanzas) append_stanza(out, stanza);
  return out.append(end_mark);
}

bool HeaderReader::feed(Bytes& data) {
  while (state_ != State::complete && !data.empty()) {
    const std::size_t newline = data.find('\n');
    const std::size_t count = newline == Bytes::npos ? data.size() : newline + 1;
    if (text_.size() + count > header_limit) refuse(reading_header, "it is too long");
    text_.append(data.substr(0, count));
    data.remove_prefix(count);
    // Refused before a newline ever comes: most input that is no age file.
    if (state_ == State::version && text_.compare(0, version_line.size(), version_line, 0, text_.size()) != 0)
      refuse(reading_header, "it does not begin as an age file of version 1");
    if (newline == Bytes::npos) break;
    const std::size_t begin = line_begin_;
    line_begin_ = text_.size();
    line(std::string_view(text_).substr(begin, text_.size() - begin - 1), begin);
  }
  return state_ == State::complete;
}

void HeaderReader::line(std::string_view line, std::size_t begin) {
  if (state_ == State::version) {
    if (line != version_line) refuse(reading_header, "it does not begin as an age file of version 1");
    state_ = State::stanza_or_end;
  } else if (state_ == State::body) {
    body_line(line);
  } else if (line.starts_with(stanza_mark)) {
    begin_stanza(line.substr(stanza_mark.size()));
  } else {
    if (!line.starts_with("--- ")) refuse(reading_header, "a line is neither a stanza nor the end");
    if (stanzas_.empty()) refuse(reading_header, "it has no stanza");
    mac_ = decode_base64(line.substr(end_mark.size() + 1));
    if (mac_.size() != mac_size) refuse(reading_header, "its MAC has the wrong size");
    authenticated_ = begin + end_mark.size();
    state_ = State::complete;
  }
}

void HeaderReader::begin_stanza(std::string_view line) {
  Stanza stanza;
  bool first = true;
  for (bool more = true; more;) {
    const std::size_t blank = line.find(' ');
    const std::string_view argument = line.substr(0, blank);
    if (!is_argument(argument)) refuse(reading_header, "a stanza has a malformed argument");
    if (first)
      stanza.type = argument;
    else
      stanza.arguments.emplace_back(argument);
    first = false;
    more = blank != std::string_view::npos;
    if (more) line.remove_prefix(blank + 1);
  }
  stanzas_.push_back(std::move(stanza));
  state_ = State::body;
}

void HeaderReader::body_line(std::string_view line) {
  if (line.size() > columns) refuse(reading_header, "a line is too long");
  stanzas_.back().body.append(decode_base64(line));
  if (line.size() < columns) state_ = State::stanza_or_end;
}

}  // namespace lpbm::codec::age
