#include "job/logs.h"

#include <functional>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "csvlog/csv.h"
#include "csvlog/frame.h"
#include "csvlog/log_files.h"
#include "job/other_streams.h"

namespace lpbm::job {
namespace {

// Reads until a frame of a stream that goes on shows that the file may still be needed.
bool holds_only_ended_streams(const std::filesystem::path& path, const csvlog::FrameKey& key,
                              const std::set<std::string, std::less<>>& alive) {
  constexpr std::size_t block = std::size_t{256} << 10;
  bool others = false, own = false;
  csvlog::CsvReader reader(0, [&](std::string_view message, std::uint64_t, std::uint64_t) {
    const auto frame = csvlog::parse_frame(message, {});
    if (!frame || !key.authentic(message)) return true;
    own = alive.contains(frame->stream);
    others = true;
    return !own;
  });
  File file = csvlog::open_at(path, 0);
  if (!file.is_open()) return false;
  while (const std::size_t count = file.read(reader.space(block), block))
    if (!reader.commit(count)) break;
  return others && !own;
}

// Frames may have come into it between the reading and a rotation.
bool has_grown(const csvlog::LogFile& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file.path, error);
  return !error && size != file.size;
}

}  // namespace

std::set<std::filesystem::path> current_log_files(const Settings& settings) {
  std::set<std::filesystem::path> out;
  const std::filesystem::path list = settings.data_directory / "current_logfiles";
  if (!std::filesystem::exists(list)) return out;
  std::istringstream lines(read_file(list));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    out.insert(std::filesystem::weakly_canonical(settings.data_directory / line.substr(blank + 1)));
  }
  return out;
}

std::vector<std::filesystem::path> processed_files(const std::vector<csvlog::LogFile>& files,
                                                   const csvlog::FramePosition& fence,
                                                   const std::optional<csvlog::FramePosition>& keep,
                                                   const std::set<std::filesystem::path>& current) {
  std::vector<std::filesystem::path> out;
  // Without the list we cannot tell which file is being written.
  if (current.empty()) return out;
  for (const csvlog::LogFile& file : files) {
    const bool has_frames = file.last >= file.first && file.last.run > 0;
    const bool needed = file.last > fence || (keep && file.last >= *keep);
    if (file.whole && has_frames && !needed && !has_grown(file) &&
        !current.contains(std::filesystem::weakly_canonical(file.path)))
      out.push_back(file.path);
  }
  return out;
}

// Which file is written comes first: a stream that begins later has no frame in any other.
void remove_processed_files(const Settings& settings, const std::string& cluster_key,
                            const std::vector<csvlog::LogFile>& files, const csvlog::FramePosition& fence,
                            const std::optional<csvlog::FramePosition>& keep) {
  std::vector<std::filesystem::path> done = processed_files(files, fence, keep, current_log_files(settings));
  if (done.empty()) return;
  const std::vector<OtherStream> others = other_streams(settings);
  std::erase_if(done, [&](const std::filesystem::path& file) { return is_needed_by(others, file, cluster_key); });
  remove_files(done);
}

std::vector<std::filesystem::path> files_of_ended_streams(const Settings& settings, const std::string& cluster_key,
                                                          const std::string& stream) {
  std::vector<std::filesystem::path> out;
  // Listed first: a file that is made after that is none of them.
  const auto listed = csvlog::csv_files(settings.log_directory);
  const std::set<std::filesystem::path> current = current_log_files(settings);
  if (current.empty()) return out;
  std::set<std::string, std::less<>> alive{stream};
  for (const OtherStream& other : other_streams(settings)) alive.insert(other.stream);
  const csvlog::FrameKey key(cluster_key);
  for (const std::filesystem::path& file : listed)
    if (!current.contains(std::filesystem::weakly_canonical(file)) && holds_only_ended_streams(file, key, alive))
      out.push_back(file);
  return out;
}

void remove_files(const std::vector<std::filesystem::path>& files) {
  for (const std::filesystem::path& file : files) {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) throw Error(ErrorKind::retryable, "removing " + file.string(), error.message());
  }
}

}  // namespace lpbm::job
