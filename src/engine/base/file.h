// Files, with durability said outright. All functions throw Error: retryable for ENOSPC, EDQUOT, EIO, EMFILE and the
// like, permanent for ENOENT, EACCES and the like; the step names the path.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace lpbm {

// Throws the Error of a failed system call as said above.
[[noreturn]] void throw_errno(const std::string& step, int error);

// Owns a file descriptor; closes it (errors of close are ignored: whoever needs durability calls sync()).
class File {
 public:
  File() = default;
  explicit File(int fd, std::string path = {}) : fd_(fd), path_(std::move(path)) {}
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();
  static File open(const std::filesystem::path& path, int flags, mode_t mode = 0600);

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  std::size_t read(char* buffer, std::size_t size);  // 0 at the end of the file
  void write_all(Bytes data);
  void sync();  // fsync
  void close() noexcept;

 private:
  int fd_ = -1;
  std::string path_;
};

// A file without a name in `directory` (empty: the system's for temporary files), to read and write; gone when closed.
File open_unnamed(const std::filesystem::path& directory);

class FileSource final : public Source {
 public:
  explicit FileSource(File file) : file_(std::move(file)) {}
  std::size_t read(char* buffer, std::size_t size) override { return file_.read(buffer, size); }

 private:
  File file_;
};

std::string read_file(const std::filesystem::path& path, std::size_t limit = 64u << 20);
// A file with a secret: refused (permanent, with hint) unless it belongs to this user or root and has no permission for
// group or others. A trailing newline is cut.
std::string read_secret(const std::filesystem::path& path);
// Temporary file beside it, fsync, rename, fsync of the directory: afterwards either the old or the new content is
// there.
void replace_file(const std::filesystem::path& path, Bytes content, mode_t mode = 0600);
// Creates the directory (mode 0700) and its parents where missing, each made durable in its parent.
void make_directory(const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& path);

}  // namespace lpbm
