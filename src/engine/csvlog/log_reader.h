// Reads the records of one stream from the csvlog files of a log directory: by content, in (run, seq) order, dropping
// copies, forgeries and repetitions, and checking the links.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "csvlog/frame.h"
#include "csvlog/record.h"

namespace lpbm::csvlog {

// Where reading of a file may begin, remembered from an earlier reading. Only an optimisation: what it says is checked,
// and a hint that does not fit is passed over.
struct LogHint {
  std::filesystem::path path;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;  // a line begins there, and a record in its frame, if it is one
  FramePosition last;        // of the frames before
  Lsn lsn;                   // records before end here at the latest
  std::string before;        // SHA-256 (hex) of up to 4 KiB before the offset
  std::string stream;
};

// As JSON text, for a file that the caller keeps; hints_of_json takes anything and answers nothing where it is none.
std::string hints_to_json(const std::vector<LogHint>& hints);
std::vector<LogHint> hints_of_json(const std::string& text);

struct LogOptions {
  std::filesystem::path directory;                // log_directory
  std::vector<std::filesystem::path> files = {};  // where given: these, instead of those of the directory
  std::string stream;                             // 16 hex digits
  std::string key;                                // cluster key, 32 bytes; empty: nothing is authenticated (rescue)
  Lsn after;                                      // records up to here are dropped; the first one above must link to it
  bool check_links = true;                        // false: read from `from` on, whatever comes first (bridge)
  FramePosition from{};                           // frames before are passed over
  std::optional<FramePosition> fence;             // read until this frame has come; waits for it
  std::chrono::milliseconds patience{10000};      // how long to wait without any growth before Error (fence)
  std::vector<LogHint> hints = {};                // of earlier readings
  std::vector<LogHint>* new_hints = nullptr;      // filled with those of this one, also where it ends with an Error
};

// What was read of a file, for the decision which files are done.
struct LogFile {
  std::filesystem::path path;
  FramePosition first, last;  // frames of this stream in it; a file that a hint let us pass over: last alone is sure
  bool whole = false;         // read to its end and nothing follows in it
  std::uint64_t size = 0;     // that end
};

// Reads until the fence (or to the end where none is given) and passes each accepted record to `handler`. Where `stop`
// returns true after a record, returns early. fsyncs the files read when a fence is given, before it returns.
// Throws Error: fence (the fence, or a frame before it, did not come), gap (a link is broken), retryable (I/O).
std::vector<LogFile> read_log(
    const LogOptions& options, RecordHandler& handler, const std::function<bool()>& stop = [] { return false; });

}  // namespace lpbm::csvlog
