#include "csvlog/log_streams.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "csvlog/csv.h"
#include "csvlog/log_files.h"

namespace lpbm::csvlog {
namespace {

constexpr std::size_t block = 512u << 10;

// The commit time in the line with which the first record of a frame begins, if it is whole.
std::optional<Micros> first_time(const Frame& frame) {
  if (!frame.boundary) return std::nullopt;
  std::string_view line = frame.payload.substr(*frame.boundary);
  if (line.find('\n') == std::string_view::npos) return std::nullopt;
  line = line.substr(0, line.find('\n'));
  for (int field = 0; field < 4; ++field) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    line.remove_prefix(tab + 1);
  }
  Micros time = 0;
  const auto [at, error] = std::from_chars(line.data(), line.data() + line.size(), time);
  return error == std::errc{} ? std::optional(time) : std::nullopt;
}

class Lister {
 public:
  explicit Lister(const std::string& key) : authenticated_(!key.empty()), key_(key) {}

  void file(const std::filesystem::path& path) {
    File input = open_at(path, 0);
    CsvReader reader(0, [&](std::string_view message, std::uint64_t, std::uint64_t) {
      take(message);
      return true;
    });
    std::uint64_t size = 0;
    while (const std::size_t count = input.read(reader.space(block), block)) {
      size += count;
      reader.commit(count);
    }
    list_.lines += reader.totals().lines;
    if (reader.totals().unreadable > 0)
      list_.unreadable.push_back(path.string() + ": " + std::to_string(reader.totals().unreadable) +
                                 " places are no csvlog lines, the first at byte " +
                                 std::to_string(reader.totals().first_unreadable));
    else if (reader.offset() < size)
      list_.unreadable.push_back(path.string() + ": the last line is torn, at byte " + std::to_string(reader.offset()));
  }

  StreamList finish() {
    for (auto& [name, stream] : streams_) list_.streams.push_back(stream);
    std::sort(list_.streams.begin(), list_.streams.end(), [](const StreamInfo& a, const StreamInfo& b) {
      return std::tie(a.first_time, a.stream) < std::tie(b.first_time, b.stream);
    });
    return std::move(list_);
  }

 private:
  void take(std::string_view message) {
    const auto frame = parse_frame(message, {});
    if (!frame) return;
    if (authenticated_ && !key_.authentic(message)) {
      ++list_.forged;
      return;
    }
    StreamInfo& stream = streams_[std::string(frame->stream)];
    if (stream.frames++ == 0 || frame->position < stream.first) stream.first = frame->position;
    stream.stream = frame->stream;
    const auto time = first_time(*frame);
    if (time && (!stream.first_time || *time < *stream.first_time)) stream.first_time = time;
  }

  bool authenticated_;
  FrameKey key_;
  std::map<std::string, StreamInfo> streams_;
  StreamList list_;
};

}  // namespace

StreamList list_streams(const std::vector<std::filesystem::path>& files, const std::string& key) {
  Lister lister(key);
  for (const std::filesystem::path& path : files) lister.file(path);
  return lister.finish();
}

}  // namespace lpbm::csvlog
