// What may be wrong with a passphrase that opens nothing.
#pragma once

#include <string>
#include <string_view>

namespace lpbm::codec {

// What in it is likely to be of its file alone (line ends of Windows, a byte order mark), and what to do about it;
// empty where there is nothing.
std::string passphrase_hint(std::string_view passphrase);

}  // namespace lpbm::codec
