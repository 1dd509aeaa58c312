// Bech32 (BIP 173) without its length limit, as age writes keys: always one case, lower for recipients, upper for
// identities.
#pragma once

#include <string>
#include <string_view>

namespace lpbm::codec {

std::string bech32_encode(std::string_view prefix, std::string_view bytes);  // lower case
// The bytes of `text`. False, with `bytes` emptied, unless it is what the encoder writes for this prefix (all of it in
// the case of `prefix`).
bool bech32_decode(std::string_view prefix, std::string_view text, std::string& bytes);

}  // namespace lpbm::codec
