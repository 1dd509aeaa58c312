#include "store/object_hasher.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::store {

ObjectHasher::ObjectHasher(std::uint64_t part_size, bool with_sha256)
    : part_size_(part_size), with_sha256_(with_sha256), part_(std::make_unique<codec::CidHasher>()) {
  if (part_size == 0) throw Error(ErrorKind::usage, "opening the store", "the size of a part cannot be 0");
}

void ObjectHasher::write(Bytes data) {
  if (with_sha256_) sha256_.update(data);
  stored_.size += data.size();
  while (!data.empty()) {
    // Only when more bytes come: an object that fills its last part has no empty part behind it.
    if (in_part_ == part_size_) {
      end_part();
      part_ = std::make_unique<codec::CidHasher>();
      in_part_ = 0;
    }
    const std::size_t take = std::min<std::uint64_t>(data.size(), part_size_ - in_part_);
    part_->write(data.substr(0, take));
    in_part_ += take;
    data.remove_prefix(take);
  }
}

void ObjectHasher::end_part() {
  part_->finish();
  parts_.push_back(part_->root());
}

void ObjectHasher::finish() {
  end_part();
  stored_.parts = static_cast<std::uint32_t>(parts_.size());
  stored_.cid = codec::cid_text(codec::join_parts(parts_).cid);
  if (with_sha256_) stored_.sha256 = to_hex(sha256_.digest());
}

}  // namespace lpbm::store
