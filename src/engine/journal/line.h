// Lines of a journal: the text of a header and of an entry, and back (docs/formats.md, Journal). What these functions
// refuse they refuse with Error (permanent) whose step is "reading the journal" and whose cause says what is wrong in
// the line; the caller adds which line it is.
#pragma once

#include <string>
#include <string_view>

#include "codec/crypto.h"
#include "journal/journal.h"

namespace lpbm::journal {

struct HeaderLine {
  Header header;
  std::string prev;  // hash of the line before the first entry
};

struct EntryLine {
  Entry entry;
  std::string prev;
};

// SHA-256 (hex) of a line, as the next one's `prev`.
std::string line_hash(std::string_view line);
// `prev` of the very first entry.
const std::string& no_line();

// Signed lines without newline.
std::string format_header(const Header& header, const std::string& prev, const codec::SigningKey& key);
std::string format_entry(const Entry& entry, const std::string& prev, const codec::SigningKey& key);

// Form and values only: the signature has its form but is not checked.
HeaderLine parse_header(const std::string& line);
EntryLine parse_entry(const std::string& line);

// Whether the line's signature is right under this key (base64, as in the header). False for a line of any other form.
bool signature_is_right(std::string_view line, const std::string& key);

}  // namespace lpbm::journal
