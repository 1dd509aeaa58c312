// CIDs of UnixFS files as Kubo makes them (size-262144, sha2-256, balanced, 174 links): CIDv1 with raw leaves, as lpbm
// itself stores, and CIDv0 with leaves that are UnixFS nodes, the default of `ipfs add` and `ipfs-cluster-ctl add`.
// Source: UnixFS and DAG-PB specifications; vectors in the tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/stream.h"

namespace lpbm::codec {

// A node of the tree: its CID in binary (36 bytes; v0: 34), cumulative DAG size (Tsize) and file size.
struct DagNode {
  std::string cid;
  std::uint64_t tsize = 0;
  std::uint64_t file_size = 0;
};

std::string cid_text(const std::string& binary);  // "b" + base32; a CIDv0 (34 bytes) in base58
// Error (permanent) unless CIDv1 in base32, raw or dag-pb, sha2-256, or CIDv0.
std::string cid_binary(const std::string& text);
bool is_cid(const std::string& text);  // CIDv1 as above, or CIDv0 "Qm..."

enum class CidVersion { v0, v1 };

// Computes the root of the bytes written to it. Memory: 174 links a level, and for v0 one chunk. finish() is
// idempotent; root() after it.
class CidHasher final : public Sink {
 public:
  explicit CidHasher(CidVersion version = CidVersion::v1);
  ~CidHasher() override;
  void write(Bytes data) override;
  void finish() override;
  [[nodiscard]] DagNode root() const;

 private:
  struct State;
  struct State* state_;
};

// The root over the parts of an object: one part is its own root; else a balanced tree of nodes with at most 174 links.
// `blocks`, if given, receives the encoded blocks made, children first, the root last.
struct DagBlock {
  std::string cid;  // binary
  std::string bytes;
};
DagNode join_parts(const std::vector<DagNode>& parts, std::vector<DagBlock>* blocks = nullptr);

}  // namespace lpbm::codec
