#include "codec/passphrase.h"

namespace lpbm::codec {

std::string passphrase_hint(std::string_view passphrase) {
  std::string what;
  if (passphrase.starts_with("\xef\xbb\xbf")) what = "begins with a byte order mark";
  if (passphrase.ends_with('\r'))
    what += std::string(what.empty() ? "" : " and ") + "ends with a carriage return (the CRLF of Windows)";
  if (what.empty()) return what;
  return "The passphrase as given " + what +
         "; of its file only the last newline is taken off. Write the file without.";
}

}  // namespace lpbm::codec
