// The textual header of an age file (C2SP age.md): parsing as strict as the reference implementation, and writing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"

namespace lpbm::codec::age {

// Steps of errors; tests tell the kinds of failure apart by them.
inline constexpr const char* reading_armor = "reading the armor of an age file";
inline constexpr const char* reading_header = "reading the header of an age file";
inline constexpr const char* opening = "opening an age file";
inline constexpr const char* checking_header = "checking the header of an age file";
inline constexpr const char* decrypting = "decrypting an age file";

[[noreturn]] void refuse(const char* step, const char* cause, const char* hint = "");

struct Stanza {
  std::string type;
  std::vector<std::string> arguments;
  std::string body;
};

// Decodes canonical base64 without padding; anything else is a header failure.
std::string decode_base64(std::string_view text);

// The header up to and with "---", over which its MAC goes.
std::string encode_header(const std::vector<Stanza>& stanzas);

// Collects and parses a header. At most 1 MiB of it.
class HeaderReader {
 public:
  // Takes what belongs to the header from the front of `data`; true once it is complete. Throws Error (permanent).
  bool feed(Bytes& data);
  [[nodiscard]] const std::vector<Stanza>& stanzas() const { return stanzas_; }
  [[nodiscard]] std::string_view authenticated() const { return std::string_view(text_).substr(0, authenticated_); }
  [[nodiscard]] const std::string& mac() const { return mac_; }

 private:
  enum class State { version, stanza_or_end, body, complete };
  void line(std::string_view line, std::size_t begin);
  void begin_stanza(std::string_view line);
  void body_line(std::string_view line);

  State state_ = State::version;
  std::string text_;  // all lines so far
  std::size_t line_begin_ = 0, authenticated_ = 0;
  std::vector<Stanza> stanzas_;
  std::string mac_;
};

}  // namespace lpbm::codec::age
