#include "csvlog/log_files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::csvlog {
namespace {

using nlohmann::json;

constexpr std::uint64_t sealed_bytes = 4096;
constexpr int poll_interval = 200;  // ms

// The hash of what lies before the hint's offset; empty where it is not there.
std::string hash_before(const LogHint& hint) {
  const std::uint64_t begin = hint.offset - std::min(hint.offset, sealed_bytes);
  const int fd = ::open(hint.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const File file(fd);
  std::string bytes(hint.offset - begin, '\0');
  struct stat status {};
  if (::fstat(fd, &status) != 0 || status.st_ino != hint.inode) return {};
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return to_hex(codec::sha256(bytes));
}

}  // namespace

std::vector<std::filesystem::path> csv_files(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  std::vector<std::filesystem::path> paths;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error))
    if (entries->path().extension() == ".csv") paths.push_back(entries->path());
  if (error) throw_errno("reading the log directory " + directory.string(), error.value());
  return paths;
}

std::vector<std::filesystem::path> LogFiles::list() const {
  return paths_.empty() ? csv_files(directory_) : paths_;
}

bool LogFiles::refresh() {
  const std::vector<std::filesystem::path> paths = list();
  // Sizes after names: when a file is listed, all that was written before it to others is in their sizes.
  bool grown = false;
  for (const std::filesystem::path& path : paths) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    FileState& file = files_[{status.st_dev, status.st_ino}];
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size < file.seen || (!file.path.empty() && file.path != path)) file = FileState{};
    grown = grown || size > file.size;
    file.path = path;
    file.size = size;
  }
  return grown;
}

File open_at(const std::filesystem::path& path, std::uint64_t offset) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.string());
  if (!file.is_open() && errno == ENOENT) return file;
  if (!file.is_open()) throw_errno("opening " + path.string(), errno);
  if (::lseek(file.fd(), static_cast<off_t>(offset), SEEK_SET) < 0) throw_errno("reading " + path.string(), errno);
  return file;
}

bool seal(LogHint& hint) {
  struct stat status {};
  if (::stat(hint.path.c_str(), &status) != 0) return false;
  hint.inode = status.st_ino;
  hint.before = hash_before(hint);
  return !hint.before.empty();
}

bool holds(const LogHint& hint) {
  return !hint.before.empty() && hash_before(hint) == hint.before;
}

DirectoryWatch::DirectoryWatch(const std::filesystem::path& directory) {
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return;
  File watch(fd);
  if (::inotify_add_watch(fd, directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0) watch_ = std::move(watch);
}

void DirectoryWatch::wait() {
  if (!watch_.is_open()) {
    ::poll(nullptr, 0, poll_interval);
    return;
  }
  pollfd poll_entry{watch_.fd(), POLLIN, 0};
  if (::poll(&poll_entry, 1, poll_interval) <= 0) return;
  char events[4096];
  while (::read(watch_.fd(), events, sizeof events) > 0) {
  }
}

std::string hints_to_json(const std::vector<LogHint>& hints) {
  json out = json::array();
  for (const LogHint& hint : hints)
    out.push_back({{"path", to_hex(hint.path.string())},
                   {"inode", hint.inode},
                   {"offset", hint.offset},
                   {"run", hint.last.run},
                   {"seq", hint.last.seq},
                   {"lsn", hint.lsn.text()},
                   {"before", hint.before},
                   {"stream", hint.stream}});
  return out.dump();
}

std::vector<LogHint> hints_of_json(const std::string& text) {
  std::vector<LogHint> out;
  try {
    for (const json& item : json::parse(text)) {
      LogHint hint;
      hint.path = from_hex(item.at("path").get<std::string>());
      hint.inode = item.at("inode").get<std::uint64_t>();
      hint.offset = item.at("offset").get<std::uint64_t>();
      hint.last = {item.at("run").get<std::uint64_t>(), item.at("seq").get<std::uint64_t>()};
      hint.lsn = Lsn::parse(item.at("lsn").get<std::string>());
      hint.before = item.at("before").get<std::string>();
      hint.stream = item.at("stream").get<std::string>();
      out.push_back(std::move(hint));
    }
  } catch (const std::exception&) {
    out.clear();  // hints are no more than hints
  }
  return out;
}

}  // namespace lpbm::csvlog
