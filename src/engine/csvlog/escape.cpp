#include "csvlog/escape.h"

namespace lpbm::csvlog {
namespace {

constexpr std::string_view plain = "\b\f\n\r\t\v\\";
constexpr std::string_view letters = "bfnrtv\\";

}  // namespace

bool unescape(std::string_view field, std::string& out) {
  while (true) {
    const std::size_t slash = field.find('\\');
    out.append(field.substr(0, slash));
    if (slash == std::string_view::npos) return true;
    if (slash + 1 == field.size()) return false;
    const std::size_t letter = letters.find(field[slash + 1]);
    if (letter == std::string_view::npos) return false;
    out += plain[letter];
    field.remove_prefix(slash + 2);
  }
}

void escape(std::string_view bytes, std::string& out) {
  while (true) {
    const std::size_t end = bytes.find_first_of(plain);
    out.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    out += '\\';
    out += letters[plain.find(bytes[end])];
    bytes.remove_prefix(end + 1);
  }
}

}  // namespace lpbm::csvlog
