#include "job/spilled_text.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lpbm::job {

std::uint64_t SpillFile::append(std::string_view bytes) {
  if (!file_.is_open()) file_ = open_unnamed(directory_);
  const std::uint64_t begin = end_;
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file_.fd(), bytes.data(), bytes.size(), static_cast<off_t>(end_));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) throw_errno("writing a temporary file in " + file_.path(), done < 0 ? errno : EIO);
    end_ += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  used_ += end_ - begin;
  return begin;
}

void SpillFile::read(std::uint64_t offset, std::uint64_t size, Sink& out) const {
  constexpr std::uint64_t block = 256u << 10;
  std::string buffer(std::min(size, block), '\0');
  while (size > 0) {
    const ssize_t got =
        ::pread(file_.fd(), buffer.data(), std::min<std::uint64_t>(size, buffer.size()), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_errno("reading a temporary file in " + file_.path(), got < 0 ? errno : EIO);
    out.write({buffer.data(), static_cast<std::size_t>(got)});
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
}

void SpillFile::release(std::uint64_t bytes) {
  used_ -= bytes;
  if (used_ > 0 || end_ == 0) return;
  end_ = 0;
  // To give the space back; where that fails it is written over.
  [[maybe_unused]] const int ignored = ::ftruncate(file_.fd(), 0);
}

void SpilledText::truncate(std::uint64_t size) {
  while (size < spilled_) {
    Extent& last = extents_.back();
    const std::uint64_t cut = std::min(last.size, spilled_ - size);
    file_.release(cut);
    last.size -= cut;
    spilled_ -= cut;
    if (last.size == 0) extents_.pop_back();
    tail_.clear();
  }
  tail_.resize(std::min<std::uint64_t>(tail_.size(), size - spilled_));
}

void SpilledText::spill() {
  if (tail_.empty()) return;
  const std::uint64_t offset = file_.append(tail_);
  if (!extents_.empty() && extents_.back().offset + extents_.back().size == offset)
    extents_.back().size += tail_.size();
  else
    extents_.push_back({offset, tail_.size()});
  spilled_ += tail_.size();
  std::string().swap(tail_);
}

void SpilledText::write_to(Sink& out) const {
  for (const Extent& extent : extents_) file_.read(extent.offset, extent.size, out);
  if (!tail_.empty()) out.write(tail_);
}

}  // namespace lpbm::job
