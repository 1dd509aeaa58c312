#include "store/part_spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/error.h"

namespace lpbm::store {
namespace {

constexpr std::size_t max_in_memory = 1 << 20;

std::size_t copy_from(const std::string& text, std::uint64_t offset, char* buffer, std::size_t size) {
  if (offset >= text.size()) return 0;
  const std::size_t count = std::min<std::uint64_t>(size, text.size() - offset);
  std::copy_n(text.data() + offset, count, buffer);
  return count;
}

}  // namespace

void PartSpool::append(Bytes data) {
  const std::lock_guard lock(mutex_);
  if (!in_file_ && size_ + data.size() <= max_in_memory) {
    memory_.append(data);
  } else {
    if (!file_.is_open()) file_ = open_unnamed(directory_);
    if (!in_file_) file_.write_all(memory_);
    in_file_ = true;
    memory_.clear();
    file_.write_all(data);
  }
  size_ += data.size();
  changed_.notify_all();
}

void PartSpool::close(std::string cid) {
  const std::lock_guard lock(mutex_);
  cid_ = std::move(cid);
  closed_ = true;
  changed_.notify_all();
}

void PartSpool::clear() {
  const std::lock_guard lock(mutex_);
  memory_.clear();
  size_ = 0;
  in_file_ = closed_ = false;
  if (file_.is_open() && (::ftruncate(file_.fd(), 0) != 0 || ::lseek(file_.fd(), 0, SEEK_SET) != 0))
    throw_errno("emptying " + file_.path(), errno);
}

bool PartSpool::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::uint64_t PartSpool::size() const {
  const std::lock_guard lock(mutex_);
  return closed_ ? size_ : unknown_size;
}

template <typename Ready>
void PartSpool::wait(std::unique_lock<std::mutex>& lock, Ready ready) {
  constexpr std::chrono::milliseconds often{50};
  while (!changed_.wait_for(lock, often, ready))
    if (cancelled_ && cancelled_()) throw Error(ErrorKind::retryable, "storing a part", "it was given up");
}

std::string PartSpool::wait_for_cid() {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return closed_; });
  return cid_;
}

std::size_t PartSpool::read(std::uint64_t offset, char* buffer, std::size_t size) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return closed_ || size_ > offset; });
  if (!in_file_) return copy_from(memory_, offset, buffer, size);
  // What is there stays as it is.
  const std::size_t count = std::min<std::uint64_t>(size, size_ - std::min(size_, offset));
  lock.unlock();
  ssize_t got;
  do got = ::pread(file_.fd(), buffer, count, static_cast<off_t>(offset));
  while (got < 0 && errno == EINTR);
  if (got < 0) throw_errno("reading " + file_.path(), errno);
  return static_cast<std::size_t>(got);
}

std::size_t TextContent::read(std::uint64_t offset, char* buffer, std::size_t size) {
  return copy_from(text_, offset, buffer, size);
}

}  // namespace lpbm::store
