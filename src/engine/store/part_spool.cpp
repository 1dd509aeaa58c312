#include "store/part_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace lpbm::store {
namespace {

constexpr std::size_t max_in_memory = 1 << 20;

std::size_t copy_from(const std::string& text, std::uint64_t offset, char* buffer, std::size_t size) {
  if (offset >= text.size()) return 0;
  const std::size_t count = std::min<std::uint64_t>(size, text.size() - offset);
  std::memcpy(buffer, text.data() + offset, count);
  return count;
}

}  // namespace

void PartSpool::append(Bytes data) {
  if (in_file_ == 0 && size_ + data.size() <= max_in_memory) {
    memory_.append(data);
    size_ += data.size();
    return;
  }
  if (!file_.is_open()) file_ = open_unnamed(directory_);
  if (!memory_.empty()) {
    file_.write_all(memory_);
    in_file_ = memory_.size();
    memory_.clear();
  }
  file_.write_all(data);
  in_file_ += data.size();
  size_ = in_file_;
}

void PartSpool::clear() {
  memory_.clear();
  size_ = in_file_ = 0;
  if (file_.is_open() && (::ftruncate(file_.fd(), 0) != 0 || ::lseek(file_.fd(), 0, SEEK_SET) != 0))
    throw_errno("emptying " + file_.path(), errno);
}

std::size_t PartSpool::read(std::uint64_t offset, char* buffer, std::size_t size) {
  if (in_file_ == 0) return copy_from(memory_, offset, buffer, size);
  ssize_t got;
  do got = ::pread(file_.fd(), buffer, size, static_cast<off_t>(offset));
  while (got < 0 && errno == EINTR);
  if (got < 0) throw_errno("reading " + file_.path(), errno);
  return static_cast<std::size_t>(got);
}

std::size_t TextContent::read(std::uint64_t offset, char* buffer, std::size_t size) {
  return copy_from(text_, offset, buffer, size);
}

}  // namespace lpbm::store
