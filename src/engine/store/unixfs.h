// Blocks of the trees that codec/cid.h makes, read back: the links of a node; and the CARv1 that carries nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"
#include "codec/cid.h"

namespace lpbm::store {

struct DagChild {
  std::string cid;         // binary
  std::uint64_t size = 0;  // bytes of the file below it
};

// Binary CIDs are CIDv1 of 36 bytes, or CIDv0 of 34, whose leaves are nodes.

// Whether the CID (binary) is that of a raw leaf.
bool is_raw(const std::string& cid);
// Whether `block` is what the CID (binary) names.
bool is_block_of(const std::string& cid, Bytes block);
// The children of a UnixFS file node without bytes of its own. Throws Error (permanent) for anything else.
std::vector<DagChild> parse_node(Bytes block);
// The bytes that a UnixFS file node without children holds, a view into `block`; nothing for one with children. Throws
// Error (permanent) for what is no node of a file.
std::optional<Bytes> leaf_bytes(Bytes block);
// A CARv1 whose root is the last of the blocks.
std::string make_car(const std::vector<codec::DagBlock>& blocks);

}  // namespace lpbm::store
