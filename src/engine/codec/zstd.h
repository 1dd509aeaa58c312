// zstd as filters. The compressor writes one frame with a checksum; the decompressor accepts concatenated frames with a
// window of at most 128 MiB and refuses a truncated one.
#pragma once

#include <memory>

#include "base/stream.h"

namespace lpbm::codec {

std::unique_ptr<Sink> zstd_compress(int level, Sink& below);
std::unique_ptr<Sink> zstd_decompress(Sink& below);

}  // namespace lpbm::codec
