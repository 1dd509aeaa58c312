// A journal as it is mailed and kept: as text, or compressed by zstd.
#pragma once

#include <string>

namespace lpbm::journal {

// The text of a journal's file, whether compressed or not: known by its first bytes. Throws Error (permanent) where it
// cannot be decompressed or is larger than any journal (1 GiB).
std::string unpack(std::string bytes);

}  // namespace lpbm::journal
