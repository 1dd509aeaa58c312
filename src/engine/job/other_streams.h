// The streams of the other databases of this server: what they still need of the csvlog and of the journal.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "csvlog/frame.h"
#include "job/settings.h"

namespace lpbm::job {

struct OtherStream {
  std::string stream;
  std::string database;                         // its name; empty: the file does not tell
  std::optional<csvlog::FramePosition> needed;  // frames from there on are needed; nothing: all of them
};

// As the position files in lpbm.directory and the folders of databases below it tell, the one in `settings.state` left
// out. A worker writes its file before the first frame of its stream, and frames that are not needed any more are never
// needed again: what was true when this was called stays safe. Throws Error (retryable) where one cannot be read.
std::vector<OtherStream> other_streams(const Settings& settings);

// The same of a folder with such files, the own among them.
std::vector<OtherStream> streams_in(const std::filesystem::path& directory);
// The folders of databases below lpbm.directory, whether backed up or not.
std::vector<std::filesystem::path> database_folders(const std::filesystem::path& directory);

// Whether the log file holds a frame, authentic under the key, that one of them needs.
bool is_needed_by(const std::vector<OtherStream>& streams, const std::filesystem::path& log_file,
                  const std::string& cluster_key);

}  // namespace lpbm::job
