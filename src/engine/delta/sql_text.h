// SQL as text on one line: literals, identifiers, and what psql would otherwise read into it. Bytes are in any server
// encoding of PostgreSQL (none of them has ASCII bytes inside of a character).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lpbm::delta {

// Appends `'...'`, or `E'...'` where the bytes hold a backslash or a control character.
void append_literal(std::string_view bytes, std::string& out);
std::string literal(std::string_view bytes);
// The same of a field in COPY's text format. Throws Error (permanent) for an escape that PostgreSQL does not write.
void append_literal_of_field(std::string_view field, std::string& out);
// The same into memory at `out`, which has room for literal_room(field.size()) bytes; returns the end.
char* put_literal_of_field(std::string_view field, char* out);
constexpr std::size_t literal_room(std::size_t size) {
  return 2 * size + 4;
}
void append_number(std::uint64_t number, std::string& out);

// `"..."`, or `U&"..."` where it holds control characters. Throws Error (permanent) for an empty name.
std::string identifier(std::string_view name);
std::string qualified(std::string_view schema, std::string_view name);
// The same for the text that regclass reads, which knows no U&.
std::string regclass_text(std::string_view schema, std::string_view name);

// For a comment that begins with two hyphens, which either kind of newline ends: they become blanks.
std::string one_line(std::string_view text);

// Reads a literal or an identifier as written by the functions above off the front of `text`. False where there is
// none.
bool take_literal(std::string_view& text, std::string& out);
bool take_identifier(std::string_view& text, std::string& out);

}  // namespace lpbm::delta
