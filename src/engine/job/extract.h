// The SQL of the records in csvlog files, also of a dead server's: `lpbm extract`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/stream.h"

namespace lpbm::job {

struct ExtractOptions {
  std::vector<std::filesystem::path> paths;  // csvlog files, or directories whose *.csv are meant
  std::string key;                           // cluster key, 32 bytes; empty: records are taken unproven
  std::string encoding = "UTF8";             // of the backed-up database
  // Which streams are meant, where the logs hold those of several databases: the one of this id, or those of the
  // database of this name as journal and position files in `directory` tell. Empty: all, which must then be of one.
  std::string stream = {}, database = {};
  std::filesystem::path directory = {};  // lpbm.directory of the server, where it is at hand
  // Where transactions of more than a few megabytes wait until they are complete; empty: the system's temporary files.
  std::filesystem::path spool_directory = {};
};

struct ExtractReport {
  std::vector<std::string> lines;  // for people: where each stream begins, ends and has gaps, and what was not read
  std::uint64_t streams = 0, transactions = 0, rows = 0, gaps = 0;
};

// The csvlog files that are meant by `paths`. Throws Error: usage where a path is neither file nor directory.
std::vector<std::filesystem::path> log_files(const std::vector<std::filesystem::path>& paths);

// The cluster key in a file as the server keeps it (cluster.key, 64 hex digits). Throws Error as read_secret does, and
// (permanent) where it is none.
std::string read_cluster_key(const std::filesystem::path& path);

// Writes one script (docs/formats.md) for each stream to `out`, which is not finished, the oldest stream first. Changes
// no file. Throws Error: usage where a path is neither, or the streams are of several databases and none is chosen,
// permanent where there are no records, or records of another
// version; what was written until then is incomplete, and its script says so by having no last line.
ExtractReport extract(const ExtractOptions& options, Sink& out);

}  // namespace lpbm::job
