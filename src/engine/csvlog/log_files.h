// The csvlog files of a directory, and where reading of each stands.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "csvlog/log_reader.h"

namespace lpbm::csvlog {

// Identity of a file, whatever its name.
using FileId = std::pair<dev_t, ino_t>;

struct FileState {
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;                  // read up to here: a line begins there
  std::uint64_t seen = 0;                    // bytes looked at; as long as the size is that, there is nothing new
  std::optional<FramePosition> next;         // the frame at `offset`, not yet accepted
  std::optional<FramePosition> first, last;  // frames of the stream in what was read
  bool accepted = false;                     // frames of it were accepted in this reading
  std::optional<LogHint> checkpoint;         // what a later reading may begin with
};

class LogFiles {
 public:
  // `paths`, or where there are none the *.csv of `directory`.
  explicit LogFiles(std::filesystem::path directory, std::vector<std::filesystem::path> paths = {})
      : directory_(std::move(directory)), paths_(std::move(paths)) {}

  // Lists the directory. True where a file is new or has grown. A file that shrank, or has another name
  // now, is read again from its start.
  // Throws Error (retryable or permanent) where the directory cannot be read.
  bool refresh();
  [[nodiscard]] std::map<FileId, FileState>& all() { return files_; }

 private:
  [[nodiscard]] std::vector<std::filesystem::path> list() const;

  std::filesystem::path directory_;
  std::vector<std::filesystem::path> paths_;
  std::map<FileId, FileState> files_;
};

// The *.csv files of a directory.
std::vector<std::filesystem::path> csv_files(const std::filesystem::path& directory);

// Opens the file for reading at `offset`; closed where the file is gone, as the engine of another database may have
// removed it at any time.
File open_at(const std::filesystem::path& path, std::uint64_t offset);

// Fills in the hash of a checkpoint; false where the file is gone or shorter.
bool seal(LogHint& hint);
// Whether the file still holds what the hint says.
bool holds(const LogHint& hint);

// Waits until something changes in a directory, by inotify, or a moment where that is not to be had.
class DirectoryWatch {
 public:
  explicit DirectoryWatch(const std::filesystem::path& directory);
  void wait();

 private:
  File watch_;
};

}  // namespace lpbm::csvlog
