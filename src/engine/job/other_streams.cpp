#include "job/other_streams.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <system_error>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "csvlog/csv.h"
#include "csvlog/log_files.h"

namespace lpbm::job {
namespace {

constexpr const char* step = "looking for the streams of other databases";

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

OtherStream parse_position(const std::string& text) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos) values[line.substr(0, blank)] = line.substr(blank + 1);
  }
  OtherStream out;
  out.stream = values["stream"];
  out.database = from_hex(values["name"]);
  const auto run = number(values["needed_run"]), seq = number(values["needed_seq"]);
  if (run && seq) out.needed = csvlog::FramePosition{*run, *seq};
  return out;
}

// A file may go while we look: its database is not backed up any more.
void add_position(const std::filesystem::path& path, std::vector<OtherStream>& out) {
  try {
    out.push_back(parse_position(read_file(path)));
  } catch (const Error& error) {
    if (std::error_code ignored; !std::filesystem::exists(path, ignored)) return;
    throw Error(ErrorKind::retryable, step, error.what());
  }
}

bool is_folder_of_database(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

std::vector<OtherStream> streams_but(const std::filesystem::path& directory, const std::filesystem::path& own) {
  std::vector<std::filesystem::path> folders = database_folders(directory);
  folders.push_back(directory);
  std::vector<OtherStream> out;
  for (const std::filesystem::path& folder : folders)
    if (folder != own && std::filesystem::exists(folder / "position")) add_position(folder / "position", out);
  return out;
}

}  // namespace

std::vector<std::filesystem::path> database_folders(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error))
    if (is_folder_of_database(entries->path())) out.push_back(entries->path());
  if (error) throw Error(ErrorKind::retryable, step, directory.string() + ": " + error.message());
  return out;
}

std::vector<OtherStream> streams_in(const std::filesystem::path& directory) {
  return streams_but(directory, {});
}

std::vector<OtherStream> other_streams(const Settings& settings) {
  return streams_but(settings.directory, settings.state.empty() ? settings.directory : settings.state);
}

bool is_needed_by(const std::vector<OtherStream>& streams, const std::filesystem::path& log_file,
                  const std::string& cluster_key) {
  if (streams.empty()) return false;
  constexpr std::size_t block = std::size_t{256} << 10;
  const csvlog::FrameKey key(cluster_key);
  bool needed = false;
  csvlog::CsvReader reader(0, [&](std::string_view message, std::uint64_t, std::uint64_t) {
    const auto frame = csvlog::parse_frame(message, {});
    if (!frame) return true;
    const auto is_owner = [&](const OtherStream& one) { return one.stream == frame->stream; };
    const auto owner = std::find_if(streams.begin(), streams.end(), is_owner);
    if (owner == streams.end() || (owner->needed && frame->position < *owner->needed)) return true;
    needed = key.authentic(message);
    return !needed;
  });
  File file = csvlog::open_at(log_file, 0);
  if (!file.is_open()) return false;
  while (const std::size_t count = file.read(reader.space(block), block))
    if (!reader.commit(count)) break;
  return needed;
}

}  // namespace lpbm::job
