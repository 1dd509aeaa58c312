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
      spools_{PartSpool(options.directory, [this] { return cancelled_.load(); }),
              PartSpool(options.directory, [this] { return cancelled_.load(); })} {}

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
    const std::uint64_t filled = spools_[filling_].filled();
    const Bytes piece = data.substr(0, filled == part_size_ ? part_size_ : part_size_ - filled);
    hasher_.write(piece);
    // Only now the hasher knows that the part before has ended.
    if (filled == part_size_) end_part();
    spools_[filling_].append(piece);
    send_early();
    data.remove_prefix(piece.size());
  }
}

void IpfsPut::start_sending() {
  wait_for_part();
  sending_ =
      std::async(std::launch::async, [this, number = sent_, &spool = spools_[filling_]] { send(number, spool); });
}

// What will be large is sent while it is made, so that nobody waits for a whole part. Small objects go in one request.
void IpfsPut::send_early() {
  constexpr std::uint64_t large = 8u << 20;
  constexpr unsigned share = 4;
  if (early_ || spools_[filling_].filled() < std::min(large, part_size_ / share)) return;
  if (sending_.valid() && sending_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  start_sending();
  early_ = true;
}

// The part is whole: its sender may end it, or one begins. The other spool is free then.
void IpfsPut::end_part() {
  spools_[filling_].close(codec::cid_text(hasher_.parts()[sent_].cid));
  if (!early_) start_sending();
  early_ = false;
  ++sent_;
  filling_ = 1 - filling_;
  spools_[filling_].clear();
}

void IpfsPut::wait_for_part() {
  if (sending_.valid()) sending_.get();
}

// In a thread of its own. The first attempt may begin before the part is whole; when it fails, for whatever reason, the
// whole part is sent with all the care that add() takes.
void IpfsPut::send(std::size_t number, PartSpool& spool) {
  Pin early;
  early.name = name_ + '@' + std::to_string(number);
  early.allocations = allocations_;
  if (!spool.is_closed()) try {
      early = api_.add_once(early, spool);
    } catch (const Error&) {
      early.cid.clear();
    }
  const std::string cid = spool.wait_for_cid();
  if (early.cid == cid) {
    own_parts_.push_back(cid);
    if (allocations_.empty()) allocations_ = early.allocations;
    return;
  }
  if (!early.cid.empty()) api_.unpin(early.cid);
  add_part(number, cid, spool);
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
  const auto root = api_.find(hasher_.stored().cid);
  if (!root)
    throw Error(ErrorKind::retryable, "object " + hasher_.stored().cid, "the cluster does not know its pin any more",
                "It is tried again.");
  wait_until_pinned(api_, *root);
  for (const std::string& cid : own_parts_) api_.unpin(cid);
}

void IpfsPut::finish() {
  hasher_.finish();
  if (hasher_.stored().parts == 1) {
    PartSpool& spool = spools_[filling_];
    spool.close(hasher_.stored().cid);
    wait_for_part();  // sent early, it has the name of a part, and gets its own now
    add_object(hasher_.stored().cid, spool, false);
    return;
  }
  end_part();
  wait_for_part();
  join_parts();
}

}  // namespace lpbm::store
