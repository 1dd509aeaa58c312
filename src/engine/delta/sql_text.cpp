#include "delta/sql_text.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace lpbm::delta {
namespace {

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20) || c == 0x7f;
}

bool is_plain(std::string_view bytes) {
  for (char c : bytes)
    if (is_control(c) || c == '\\') return false;
  return true;
}

void append_doubled(std::string_view bytes, char quote, std::string& out) {
  while (true) {
    const std::size_t end = bytes.find(quote);
    if (end == std::string_view::npos) break;
    out.append(bytes.substr(0, end + 1));
    out += quote;
    bytes.remove_prefix(end + 1);
  }
  out.append(bytes);
}

void append_octal(char c, std::string& out) {
  const auto byte = static_cast<unsigned char>(c);
  out += '\\';
  out += static_cast<char>('0' + (byte >> 6));
  out += static_cast<char>('0' + (byte >> 3 & 7));
  out += static_cast<char>('0' + (byte & 7));
}

// Inside of E'': what COPY escapes, but for \v, which E'' does not know.
void append_escaped(char c, std::string& out) {
  constexpr std::string_view plain = "\b\f\n\r\t\\";
  constexpr std::string_view letters = "bfnrt\\";
  const std::size_t at = plain.find(c);
  if (c == '\'') {
    out += "''";
  } else if (at != std::string_view::npos) {
    out += '\\';
    out += letters[at];
  } else if (is_control(c)) {
    append_octal(c, out);
  } else {
    out += c;
  }
}

int octal(std::string_view digits) {
  if (digits.size() < 3) return -1;
  int out = 0;
  for (char c : digits.substr(0, 3)) {
    if (c < '0' || c > '7') return -1;
    out = out * 8 + (c - '0');
  }
  return out < 256 ? out : -1;
}

// One escape of E'' behind its backslash.
bool take_escape(std::string_view& text, std::string& out) {
  constexpr std::string_view plain = "\b\f\n\r\t\\";
  constexpr std::string_view letters = "bfnrt\\";
  if (text.empty()) return false;
  const std::size_t at = letters.find(text.front());
  if (at != std::string_view::npos) {
    out += plain[at];
    text.remove_prefix(1);
    return true;
  }
  const int byte = octal(text);
  if (byte < 0) return false;
  out += static_cast<char>(byte);
  text.remove_prefix(3);
  return true;
}

bool take_unicode_escape(std::string_view& text, std::string& out) {
  if (text.starts_with('\\')) {
    out += '\\';
    text.remove_prefix(1);
    return true;
  }
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (text.size() < 4 || !text.starts_with("00")) return false;
  const std::size_t high = digits.find(text[2]), low = digits.find(text[3]);
  if (high > 7 || low > 15) return false;
  out += static_cast<char>(high * 16 + low);
  text.remove_prefix(4);
  return true;
}

// What is quoted by `quote`, with `escape` called behind each backslash (if it is given).
bool take_quoted(std::string_view& text, char quote, bool (*escape)(std::string_view&, std::string&),
                 std::string& out) {
  const char stops[3] = {quote, escape ? '\\' : quote, '\0'};
  if (!text.starts_with(quote)) return false;
  text.remove_prefix(1);
  while (true) {
    const std::size_t end = escape ? text.find_first_of(stops) : text.find(quote);
    if (end == std::string_view::npos) return false;
    out.append(text.substr(0, end));
    const char stop = text[end];
    text.remove_prefix(end + 1);
    if (stop != quote) {
      if (!escape(text, out)) return false;
    } else if (text.starts_with(quote)) {
      out += quote;
      text.remove_prefix(1);
    } else {
      return true;
    }
  }
}

}  // namespace

void append_literal(std::string_view bytes, std::string& out) {
  if (is_plain(bytes)) {
    out += '\'';
    append_doubled(bytes, '\'', out);
  } else {
    out += "E'";
    for (char c : bytes) append_escaped(c, out);
  }
  out += '\'';
}

std::string literal(std::string_view bytes) {
  std::string out;
  append_literal(bytes, out);
  return out;
}

void append_literal_of_field(std::string_view field, std::string& out) {
  constexpr std::string_view same = "bfnrt\\";
  if (field.find('\\') == std::string_view::npos) {
    out += '\'';
    append_doubled(field, '\'', out);
    out += '\'';
    return;
  }
  out += "E'";
  while (true) {
    const std::size_t slash = field.find('\\');
    append_doubled(field.substr(0, slash), '\'', out);
    if (slash == std::string_view::npos) break;
    const char letter = slash + 1 < field.size() ? field[slash + 1] : '\0';
    if (letter == 'v')
      out += "\\013";
    else if (letter != '\0' && same.find(letter) != std::string_view::npos)
      out.append({'\\', letter});
    else
      throw Error(ErrorKind::permanent, "writing a delta", "a value has an escape that PostgreSQL does not write");
    field.remove_prefix(slash + 2);
  }
  out += '\'';
}

char* put_literal_of_field(std::string_view field, char* out) {
  constexpr std::size_t short_field = 16;
  bool plain = true;
  if (field.size() <= short_field)
    for (char c : field) plain = plain && c != '\'' && c != '\\';
  else
    plain = field.find('\'') == std::string_view::npos && field.find('\\') == std::string_view::npos;
  if (!plain) {
    std::string text;
    append_literal_of_field(field, text);
    return std::copy(text.begin(), text.end(), out);
  }
  *out++ = '\'';
  out = std::copy(field.begin(), field.end(), out);
  *out++ = '\'';
  return out;
}

void append_number(std::uint64_t number, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

std::string identifier(std::string_view name) {
  if (name.empty()) throw Error(ErrorKind::permanent, "writing a delta", "a name is empty");
  bool control = false;
  for (char c : name) control = control || is_control(c);
  std::string out;
  if (!control) {
    out = "\"";
    append_doubled(name, '"', out);
    return out + '"';
  }
  constexpr std::string_view digits = "0123456789ABCDEF";
  out = "U&\"";
  for (char c : name) {
    if (is_control(c)) {
      out += "\\00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      if (c == '"' || c == '\\') out += c;
      out += c;
    }
  }
  return out + '"';
}

std::string qualified(std::string_view schema, std::string_view name) {
  return identifier(schema) + '.' + identifier(name);
}

std::string regclass_text(std::string_view schema, std::string_view name) {
  std::string out = "\"";
  append_doubled(schema, '"', out);
  out += "\".\"";
  append_doubled(name, '"', out);
  return out + '"';
}

std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return out;
}

bool take_literal(std::string_view& text, std::string& out) {
  out.clear();
  if (!text.starts_with('E')) return take_quoted(text, '\'', nullptr, out);
  text.remove_prefix(1);
  return take_quoted(text, '\'', take_escape, out);
}

bool take_identifier(std::string_view& text, std::string& out) {
  out.clear();
  if (!text.starts_with("U&")) return take_quoted(text, '"', nullptr, out);
  text.remove_prefix(2);
  return take_quoted(text, '"', take_unicode_escape, out);
}

}  // namespace lpbm::delta
