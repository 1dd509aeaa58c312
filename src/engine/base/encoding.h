// Hex and base64 (RFC 4648) of bytes. Decoders throw Error (permanent) on any character, length or padding that the
// encoder would not have written.
#pragma once

#include <string>
#include <string_view>

namespace lpbm {

std::string to_hex(std::string_view bytes);
std::string from_hex(std::string_view hex);
std::string to_base64(std::string_view bytes, bool padded = true);
std::string from_base64(std::string_view text, bool padded = true);

}  // namespace lpbm
