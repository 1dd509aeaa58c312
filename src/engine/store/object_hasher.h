// Computes what a store says about an object while its bytes go by: its root CID over its parts, SHA-256 and size.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/stream.h"
#include "codec/cid.h"
#include "codec/crypto.h"
#include "store/store.h"

namespace lpbm::store {

class ObjectHasher final : public Sink {
 public:
  // Parts are `part_size` bytes, the last one shorter; an empty object is one empty part.
  // `with_sha256` false: stored().sha256 stays empty, for who compares CIDs alone.
  explicit ObjectHasher(std::uint64_t part_size, bool with_sha256 = true);
  void write(Bytes data) override;
  void finish() override;
  // After finish().
  [[nodiscard]] const Stored& stored() const { return stored_; }
  // Those that have ended: a part ends when a byte of the next one comes, or by finish().
  [[nodiscard]] const std::vector<codec::DagNode>& parts() const { return parts_; }

 private:
  void end_part();

  std::uint64_t part_size_;
  bool with_sha256_;
  std::uint64_t in_part_ = 0;
  std::unique_ptr<codec::CidHasher> part_;
  std::vector<codec::DagNode> parts_;
  codec::Sha256 sha256_;
  Stored stored_;
};

}  // namespace lpbm::store
