// Which csvlog files are done with.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "csvlog/log_reader.h"
#include "job/settings.h"

namespace lpbm::job {

// The log files that the collector writes at this moment (`current_logfiles` of the data directory), absolute.
std::set<std::filesystem::path> current_log_files(const Settings& settings);

// Of the files that were read up to `fence`, those that nobody needs: read whole, with frames of the stream and none
// after the fence or at or after `keep`, and not written any more: `current` was looked up after the reading, and what
// a file outside of it holds by now was read.
std::vector<std::filesystem::path> processed_files(const std::vector<csvlog::LogFile>& files,
                                                   const csvlog::FramePosition& fence,
                                                   const std::optional<csvlog::FramePosition>& keep,
                                                   const std::set<std::filesystem::path>& current);

// Removes those of them that no other database needs.
void remove_processed_files(const Settings& settings, const std::string& cluster_key,
                            const std::vector<csvlog::LogFile>& files, const csvlog::FramePosition& fence,
                            const std::optional<csvlog::FramePosition>& keep);

// Log files with authentic frames of this server, but none of `stream` or of another database's: they belong to streams
// that have ended. To be removed once a full of `stream` is journalled, since nothing reads them any more.
std::vector<std::filesystem::path> files_of_ended_streams(const Settings& settings, const std::string& cluster_key,
                                                          const std::string& stream);

// Removes them. One that is gone already is no error.
void remove_files(const std::vector<std::filesystem::path>& files);

}  // namespace lpbm::job
