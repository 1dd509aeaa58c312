#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace lpbm {
namespace {

bool may_heal(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case ESTALE:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

const char* hint_for(int error) {
  if (error == ENOSPC) return "Free some space on this file system.";
  if (error == EDQUOT) return "Raise the quota or remove files.";
  return "";
}

// Removes the temporary file unless it became the real one.
struct Leftover {
  std::string path;
  Leftover(std::string temporary) : path(std::move(temporary)) {}
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;
  ~Leftover() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

std::filesystem::path directory_of(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

std::string read_rest(File& file, std::size_t limit) {
  constexpr std::size_t step = 65536;
  std::string out;
  while (true) {
    const std::size_t used = out.size();
    out.resize(used + step);
    const std::size_t got = file.read(out.data() + used, step);
    out.resize(used + got);
    if (got == 0) return out;
    if (out.size() > limit)
      throw Error(ErrorKind::permanent, "reading " + file.path(),
                  "it is larger than " + std::to_string(limit) + " bytes");
  }
}

}  // namespace

void throw_errno(const std::string& step, int error) {
  throw Error(may_heal(error) ? ErrorKind::retryable : ErrorKind::permanent, step, std::strerror(error),
              hint_for(error));
}

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  close();
}

File File::open(const std::filesystem::path& path, int flags, mode_t mode) {
  int fd;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_errno("opening " + path.string(), errno);
  return File(fd, path.string());
}

std::size_t File::read(char* buffer, std::size_t size) {
  ssize_t got;
  do got = ::read(fd_, buffer, size);
  while (got < 0 && errno == EINTR);
  if (got < 0) throw_errno("reading " + path_, errno);
  return static_cast<std::size_t>(got);
}

void File::write_all(Bytes data) {
  while (!data.empty()) {
    const ssize_t done = ::write(fd_, data.data(), data.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw_errno("writing " + path_, errno);
    data.remove_prefix(static_cast<std::size_t>(done));
  }
}

void File::sync() {
  // Not tried again after an error: the kernel may have dropped the pages, and a second fsync would succeed for
  // nothing.
  if (::fsync(fd_) != 0) throw_errno("syncing " + path_, errno);
}

void File::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string read_file(const std::filesystem::path& path, std::size_t limit) {
  File file = File::open(path, O_RDONLY);
  return read_rest(file, limit);
}

std::string read_secret(const std::filesystem::path& path) {
  constexpr std::size_t limit = 1u << 20;
  File file = File::open(path, O_RDONLY | O_NONBLOCK);  // a FIFO must not hang us before it is refused
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) throw_errno("reading " + path.string(), errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::permanent, "reading secret " + path.string(), "it is not a regular file");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    throw Error(ErrorKind::permanent, "reading secret " + path.string(), "it belongs to another user",
                "Give it to the user that runs this program, or to root.");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw Error(ErrorKind::permanent, "reading secret " + path.string(), "group or others have permissions on it",
                "Run chmod 0600 on it.");
  std::string secret = read_rest(file, limit);
  if (secret.ends_with('\n')) secret.pop_back();
  return secret;
}

void replace_file(const std::filesystem::path& path, Bytes content, mode_t mode) {
  std::string name = path.string() + ".tmp-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw_errno("creating " + name, errno);
  File file(fd, name);
  Leftover leftover(name);
  file.write_all(content);
  if (::fchmod(fd, mode) != 0) throw_errno("setting the mode of " + name, errno);
  file.sync();
  if (::rename(name.c_str(), path.c_str()) != 0) throw_errno("renaming " + name + " to " + path.string(), errno);
  leftover.path.clear();
  sync_directory(directory_of(path));
}

File open_unnamed(const std::filesystem::path& given) {
  const std::filesystem::path directory = given.empty() ? std::filesystem::temp_directory_path() : given;
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return File(fd, directory.string());
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
    throw_errno("making a temporary file in " + directory.string(), errno);
  // A file system without files that have no name.
  std::string name = (directory / "lpbm-XXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named < 0) throw_errno("making a temporary file in " + directory.string(), errno);
  ::unlink(name.c_str());
  return File(named, directory.string());
}

void make_directory(const std::filesystem::path& path) {
  constexpr mode_t mode = 0700;
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) return;
  const std::filesystem::path clean = path.has_filename() ? path : path.parent_path();
  const std::filesystem::path parent = directory_of(clean);
  if (parent != clean) make_directory(parent);
  if (::mkdir(clean.c_str(), mode) != 0) {
    const int error = errno;
    // Somebody else may have made it meanwhile; then it is as good.
    if (std::error_code ignored; error != EEXIST || !std::filesystem::is_directory(clean, ignored))
      throw_errno("creating directory " + clean.string(), error);
  }
  sync_directory(parent);
}

void sync_directory(const std::filesystem::path& path) {
  File directory = File::open(path, O_RDONLY | O_DIRECTORY);
  // Some file systems cannot sync a directory and say so; there is nothing more that could be done there.
  if (::fsync(directory.fd()) != 0 && errno != EINVAL && errno != EBADF)
    throw_errno("syncing directory " + path.string(), errno);
}

}  // namespace lpbm
