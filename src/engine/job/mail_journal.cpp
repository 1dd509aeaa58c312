#include "job/mail_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"
#include "codec/zstd.h"
#include "journal/line.h"

namespace lpbm::job {
namespace {

constexpr std::uint64_t plain_limit = 32u << 10;  // bytes; larger journals are compressed
constexpr std::size_t newest_count = 10;
constexpr std::size_t chunk = 256u << 10;
constexpr int level = 6;

// The first `size` bytes of a file, whatever its position.
class PartOfFile final : public Source {
 public:
  PartOfFile(const File& file, std::uint64_t size) : file_(file), left_(size) {}
  std::size_t read(char* buffer, std::size_t size) override {
    ssize_t got;
    do got = ::pread(file_.fd(), buffer, std::min<std::uint64_t>(size, left_), static_cast<off_t>(at_));
    while (got < 0 && errno == EINTR);
    if (got < 0) throw_errno("reading " + file_.path(), errno);
    at_ += static_cast<std::uint64_t>(got);
    left_ -= static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  const File& file_;
  std::uint64_t at_ = 0, left_;
};

class FileSink final : public Sink {
 public:
  explicit FileSink(File& file) : file_(file) {}
  void write(Bytes data) override {
    file_.write_all(data);
    size += data.size();
  }
  void finish() override {}
  std::uint64_t size = 0;

 private:
  File& file_;
};

void pump(Source& source, Sink& sink) {
  std::string buffer(chunk, '\0');
  while (const std::size_t got = source.read(buffer.data(), buffer.size())) sink.write({buffer.data(), got});
  sink.finish();
}

// Keeps the last lines of what passes, hashes the whole ones, and counts their bytes.
class Lines final : public Sink {
 public:
  void write(Bytes data) override {
    for (std::size_t at = 0; at < data.size();) {
      const std::size_t newline = data.find('\n', at);
      const std::size_t end = newline == Bytes::npos ? data.size() : newline;
      unfinished_.append(data.substr(at, end - at));
      at = end + 1;
      if (newline != Bytes::npos) take();
    }
  }
  void finish() override {}
  codec::Sha256 hash;
  std::uint64_t size = 0;
  std::vector<std::string> last;

 private:
  void take() {
    unfinished_ += '\n';
    hash.update(unfinished_);
    size += unfinished_.size();
    unfinished_.pop_back();
    if (count_++ > 0) last.push_back(unfinished_);
    if (last.size() > newest_count) last.erase(last.begin());
    unfinished_.clear();
  }
  std::string unfinished_;
  std::uint64_t count_ = 0;
};

}  // namespace

std::optional<MailJournal> MailJournal::read(const std::filesystem::path& path) {
  const journal::JournalFile journal(path);
  if (!journal.exists()) return std::nullopt;
  MailJournal out;
  out.header_ = journal.ends().header;  // a damaged file is refused here
  out.file_ = File::open(path, O_RDONLY);
  out.scan();
  return out;
}

void MailJournal::scan() {
  Lines lines;
  PartOfFile source(file_, UINT64_MAX);
  pump(source, lines);
  size_ = lines.size;
  identity_ = to_hex(lines.hash.digest());
  for (const std::string& line : lines.last) newest_.push_back(journal::parse_entry(line).entry);
}

File MailJournal::compressed(const std::filesystem::path& directory) {
  const std::string step = "compressing the journal in " + directory.string();
  std::string name = (directory / "mail.tmp-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw_errno(step, errno);
  ::unlink(name.c_str());
  File file(fd, name);
  FileSink out(file);
  const auto filter = codec::zstd_compress(level, out);
  PartOfFile source(file_, size_);
  pump(source, *filter);
  compressed_size_ = out.size;
  return file;
}

notify::Attachment MailJournal::attachment(const std::string& site, const std::filesystem::path& directory) {
  const bool plain = size_ <= plain_limit;
  if (!plain && !compressed_) compressed_ = compressed(directory);
  notify::Attachment out;
  out.name = site + (plain ? ".journal" : ".journal.zst");
  // Not text/plain: the bytes count, and nobody on the way is to improve them.
  out.type = plain ? "application/octet-stream" : "application/zstd";
  out.size = plain ? size_ : compressed_size_;
  const File* file = plain ? &file_ : &*compressed_;
  out.open = [file, size = out.size] { return std::make_unique<PartOfFile>(*file, size); };
  return out;
}

}  // namespace lpbm::job
