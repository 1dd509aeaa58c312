#include "delta/record_text.h"

#include <unistd.h>

#include <cerrno>

namespace lpbm::delta {
namespace {

constexpr std::size_t block = 256u << 10;

}  // namespace

void RecordText::flush() {
  if (record_ == 0) return;
  out_.write(Bytes(text_).substr(0, record_));
  text_.erase(0, record_);
  record_ = 0;
}

void RecordText::spool() {
  flush();
  if (!file_.is_open()) file_ = open_unnamed(directory_);
  file_.write_all(text_);
  spooled_ += text_.size();
  text_.clear();
}

void RecordText::unspool() {
  std::string buffer(block, '\0');
  for (std::uint64_t done = 0; done < spooled_;) {
    const ssize_t got = ::pread(file_.fd(), buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_errno("reading a temporary file in " + file_.path(), got < 0 ? errno : EIO);
    out_.write({buffer.data(), static_cast<std::size_t>(got)});
    done += static_cast<std::uint64_t>(got);
  }
  file_.close();
  spooled_ = 0;
}

void RecordText::complete() {
  if (spooled_ > 0) unspool();
  record_ = text_.size();
  if (record_ >= block) flush();
}

void RecordText::abandon() {
  file_.close();
  spooled_ = 0;
  text_.resize(record_);
}

}  // namespace lpbm::delta
