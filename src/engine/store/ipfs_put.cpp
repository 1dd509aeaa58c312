#include "store/ipfs_put.h"

#include <algorithm>

#include "base/error.h"

namespace lpbm::store {

IpfsPut::IpfsPut(const IpfsOptions& options, std::string prefix, std::string name)
    : part_size_(options.part_size),
      prefix_(std::move(prefix)),
      name_(std::move(name)),
      hasher_(options.part_size),
      api_(with_cancel(options.cluster)),
      spools_{PartSpool(options.directory), PartSpool(options.directory)} {}

IpfsPut::~IpfsPut() {
  cancelled_ = true;
  if (sending_.valid()) sending_.wait();
}

ClusterOptions IpfsPut::with_cancel(ClusterOptions options) const {
  options.http.cancelled = options.patience.cancelled = [this] { return cancelled_.load(); };
  return options;
}

void IpfsPut::write(Bytes data) {
  while (!data.empty()) {
    PartSpool& spool = spools_[filling_];
    const std::uint64_t left = spool.size() == part_size_ ? part_size_ : part_size_ - spool.size();
    const Bytes piece = data.substr(0, left);
    hasher_.write(piece);
    // Only now the hasher knows that the part before has ended.
    if (spool.size() == part_size_) send_part();
    spools_[filling_].append(piece);
    data.remove_prefix(piece.size());
  }
}

// Hands the spool that is filled to the sending thread, when that is done with the one before.
void IpfsPut::send_part() {
  wait_for_part();
  PartSpool& spool = spools_[filling_];
  const std::string cid = codec::cid_text(hasher_.parts()[sent_].cid);
  sending_ = std::async(std::launch::async, [this, number = sent_, cid, &spool] { add_part(number, cid, spool); });
  ++sent_;
  filling_ = 1 - filling_;
  spools_[filling_].clear();
}

void IpfsPut::wait_for_part() {
  if (sending_.valid()) sending_.get();
}

void IpfsPut::add_part(std::size_t number, const std::string& cid, PartSpool& spool) {
  Pin pin;
  pin.cid = cid;
  pin.name = name_ + '@' + std::to_string(number);
  pin.allocations = allocations_;
  const ClusterApi::Added added = api_.add(pin, spool, false);
  // The same bytes may be an object of their own.
  if (added.pin.name == pin.name) own_parts_.push_back(pin.cid);
  if (allocations_.empty()) allocations_ = added.pin.allocations;
}

void IpfsPut::add_object(const std::string& cid, Rereadable& content, bool car) {
  Pin pin;
  pin.cid = cid;
  pin.name = name_;
  pin.metadata["size"] = std::to_string(hasher_.stored().size);
  pin.allocations = allocations_;
  const ClusterApi::Added added = api_.add(pin, content, car);
  if (!added.was_there || added.pin.name == name_) return;
  // The same bytes under another name: this site has one name for them, other sites keep theirs.
  std::vector<std::string> names = names_of(added.pin);
  std::erase_if(names, [&](const std::string& name) { return name.starts_with(prefix_) || name.empty(); });
  names.insert(names.begin(), name_);
  set_names(pin, names);
  pin.allocations.clear();
  api_.pin(pin);
}

// One root over the parts, in a CAR that holds only what lies above them. The pins of the parts hold them until enough
// peers hold the root.
void IpfsPut::join_parts() {
  std::vector<codec::DagBlock> blocks;
  codec::join_parts(hasher_.parts(), &blocks);
  TextContent car(make_car(blocks));
  add_object(hasher_.stored().cid, car, true);
  Pin root;
  root.cid = hasher_.stored().cid;
  wait_until_pinned(api_, *api_.find(root.cid));
  for (const std::string& cid : own_parts_) api_.unpin(cid);
}

void IpfsPut::finish() {
  hasher_.finish();
  if (hasher_.stored().parts == 1) {
    add_object(hasher_.stored().cid, spools_[filling_], false);
    return;
  }
  send_part();
  wait_for_part();
  join_parts();
}

}  // namespace lpbm::store
