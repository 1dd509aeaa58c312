#include "csvlog/log_reader.h"

#include <fcntl.h>

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "csvlog/csv.h"
#include "csvlog/link_filter.h"
#include "csvlog/log_files.h"

namespace lpbm::csvlog {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t block = 512u << 10;
// Growth of the files may prolong the patience so many times: a fence that is lost is not waited for as long as others
// write to the log.
constexpr int most_patience = 6;

std::string text_of(const FramePosition& position) {
  return std::to_string(position.run) + '/' + std::to_string(position.seq);
}

class Reading {
 public:
  Reading(const LogOptions& options, RecordHandler& handler, const std::function<bool()>& stop)
      : options_(options),
        key_(options.key),
        files_(options.directory, options.files),
        filter_(handler, options.after, options.check_links, stop),
        parser_(filter_) {}

  void run();
  std::vector<LogFile> result();
  void write_hints();

 private:
  [[nodiscard]] bool fenced() const { return options_.fence && last_ && *last_ >= *options_.fence; }
  [[nodiscard]] bool done() const { return filter_.stopped() || fenced(); }
  void read_all();
  bool wait(DirectoryWatch& watch);
  void take_hint(const FileId& id, FileState& file);
  std::optional<Frame> own_frame(std::string_view message) const;
  void peek(FileState& file);
  FileState* next_file(std::optional<FramePosition>& limit);
  void read(FileState& file, const std::optional<FramePosition>& limit);
  bool take_line(FileState& file, const std::optional<FramePosition>& limit, std::string_view message,
                 std::uint64_t begin, std::uint64_t end);
  void accept(FileState& file, const Frame& frame, std::uint64_t end);
  void note(FileState& file, const FramePosition& position);
  std::uint64_t scan(FileState& file, const CsvReader::Line& line);
  void check_fence() const;
  void check_links() const;
  [[noreturn]] void incomplete(const std::string& cause) const;

  const LogOptions& options_;
  FrameKey key_;
  LogFiles files_;
  LinkFilter filter_;
  RecordParser parser_;
  std::optional<FramePosition> last_;  // of the frames accepted
  bool frames_missing_ = false;        // of the present run
  std::uint64_t unreadable_ = 0;
  std::string first_unreadable_;
};

std::optional<Frame> Reading::own_frame(std::string_view message) const {
  std::optional<Frame> frame = parse_frame(message, {});
  if (!frame || frame->stream != options_.stream) return std::nullopt;
  if (!options_.key.empty() && !key_.authentic(message)) return std::nullopt;
  return frame;
}

void Reading::note(FileState& file, const FramePosition& position) {
  file.first = file.first ? std::min(*file.first, position) : position;
  file.last = file.last ? std::max(*file.last, position) : position;
}

// Parses lines from file.offset on until `line` says stop or the file ends; returns the bytes of the file looked at.
std::uint64_t Reading::scan(FileState& file, const CsvReader::Line& line) {
  const std::uint64_t start = file.offset;
  File input = open_at(file.path, start);
  // A file that somebody removed is for the links to notice.
  if (!input.is_open()) return std::max(file.size, start);
  CsvReader reader(start, line);
  std::uint64_t got = 0;
  const std::size_t wanted = std::min<std::uint64_t>(block, file.size - std::min(file.size, start) + 1);
  while (true) {
    const std::size_t count = input.read(reader.space(wanted), wanted);
    got += count;
    if (count == 0 || !reader.commit(count)) break;
  }
  file.offset = reader.offset();
  file.size = std::max(file.size, start + got);
  if (reader.totals().unreadable > 0 && unreadable_ == 0)
    first_unreadable_ = file.path.string() + " at byte " + std::to_string(reader.totals().first_unreadable);
  unreadable_ += reader.totals().unreadable;
  return start + got;
}

void Reading::take_hint(const FileId& id, FileState& file) {
  for (const LogHint& hint : options_.hints) {
    if (hint.inode != id.second || hint.path != file.path || hint.stream != options_.stream) continue;
    const bool fits = hint.last < options_.from || (options_.check_links && hint.lsn <= options_.after);
    if (!fits || hint.offset > file.size || !holds(hint)) continue;
    file.offset = file.seen = hint.offset;
    file.checkpoint = hint;
    note(file, hint.last);
    filter_.raise_highest(hint.lsn);
    if (!last_ || hint.last > *last_) last_ = hint.last;
  }
}

// Looks for the first frame that may be accepted.
void Reading::peek(FileState& file) {
  std::uint64_t begin_of_next = 0;
  const std::uint64_t seen = scan(file, [&](std::string_view message, std::uint64_t begin, std::uint64_t) {
    const auto frame = own_frame(message);
    if (!frame) return true;
    if (frame->position < options_.from || (last_ && frame->position <= *last_)) {
      note(file, frame->position);
      return true;
    }
    file.next = frame->position;
    begin_of_next = begin;
    return false;
  });
  if (file.next)
    file.offset = begin_of_next;
  else
    file.seen = seen;
}

// The file whose next frame is the first of all; `limit`: where another one has to be looked at.
FileState* Reading::next_file(std::optional<FramePosition>& limit) {
  FileState* found = nullptr;
  limit.reset();
  for (auto& [id, file] : files_.all()) {
    if (!file.next && file.size > file.seen) peek(file);
    if (!file.next) continue;
    if (!found || *file.next < *found->next) {
      if (found) limit = found->next;
      found = &file;
    } else if (!limit || *file.next < *limit) {
      limit = file.next;
    }
  }
  return found;
}

void Reading::accept(FileState& file, const Frame& frame, std::uint64_t end) {
  const FramePosition& position = frame.position;
  const bool follows = last_ && last_->run == position.run && last_->seq + 1 == position.seq;
  const bool begins = (!last_ || last_->run != position.run) && position.seq == 0;
  if (!follows) {
    parser_.reset();
    // A new run repeats all that was not fenced: it begins with a clean slate.
    frames_missing_ = last_ && !begins;
    filter_.forget_unlinked();
    filter_.expect_first(begins);
  }
  parser_.feed(frame.payload, frame.boundary ? &*frame.boundary : nullptr);
  // A record has begun: its own link tells whether anything is missing before it.
  if (frame.boundary) frames_missing_ = false;
  last_ = position;
  file.accepted = true;
  note(file, position);
  if (!parser_.inside_record() && !frames_missing_)
    file.checkpoint = LogHint{file.path, 0, end, position, filter_.highest(), {}, options_.stream};
}

bool Reading::take_line(FileState& file, const std::optional<FramePosition>& limit, std::string_view message,
                        std::uint64_t begin, std::uint64_t end) {
  const auto frame = own_frame(message);
  if (!frame) return true;
  const FramePosition& position = frame->position;
  if (position < options_.from || (last_ && position <= *last_)) {
    note(file, position);
    return true;
  }
  if (limit && position > *limit) {
    file.next = position;
    file.offset = begin;
    return false;
  }
  if (options_.fence && position > *options_.fence)
    incomplete("the fence " + text_of(*options_.fence) + " is missing: frame " + text_of(position) + " follows on " +
               (last_ ? text_of(*last_) : "nothing"));
  accept(file, *frame, end);
  return !done();
}

void Reading::read(FileState& file, const std::optional<FramePosition>& limit) {
  file.next.reset();
  std::uint64_t put_back = 0;
  const std::uint64_t seen = scan(file, [&](std::string_view message, std::uint64_t begin, std::uint64_t end) {
    const bool goes_on = take_line(file, limit, message, begin, end);
    put_back = begin;
    return goes_on;
  });
  if (file.next)
    file.offset = put_back;
  else if (!done())
    file.seen = seen;
}

void Reading::read_all() {
  std::optional<FramePosition> limit;
  while (!done()) {
    FileState* file = next_file(limit);
    if (!file) return;
    read(*file, limit);
  }
}

void Reading::run() {
  DirectoryWatch watch(options_.directory);
  const auto start = clock::now();
  auto grown = start;
  files_.refresh();
  if (!options_.hints.empty())
    for (auto& [id, file] : files_.all()) take_hint(id, file);
  while (true) {
    read_all();
    if (done() || !options_.fence) break;
    if (clock::now() - grown > options_.patience || clock::now() - start > most_patience * options_.patience)
      incomplete("the fence did not come");
    watch.wait();
    if (files_.refresh()) grown = clock::now();
  }
  if (filter_.stopped()) return;
  if (options_.check_links) check_links();
  if (options_.fence) check_fence();
}

void Reading::incomplete(const std::string& cause) const {
  std::string more;
  if (unreadable_ > 0)
    more = "; " + std::to_string(unreadable_) + " places could not be read, the first in " + first_unreadable_;
  throw Error(ErrorKind::fence, "reading the csvlog in " + options_.directory.string(), cause + more,
              "The records are written again. Should that not help, see whether the log's file system is full and "
              "whether the log collector runs.");
}

// What is missing was written before the run of the fence began? Then it had been fenced, and no run will repeat it.
void Reading::check_links() const {
  if (!filter_.unlinked() && !frames_missing_) return;
  const std::string cause = filter_.unlinked() ? "no record was found between " + filter_.last().text() + " and " +
                                                     filter_.missing().text() + ", where one ends"
                                               : std::string("frames are missing");
  const bool fenced_before =
      !options_.fence || (filter_.unlinked() && filter_.first_known() && filter_.first_link() > filter_.last());
  if (!fenced_before) incomplete(cause);
  throw Error(ErrorKind::gap, "reading the csvlog in " + options_.directory.string(), cause,
              "A log file was removed or damaged; a full backup begins anew.");
}

void Reading::check_fence() const {
  if (parser_.inside_record()) incomplete("the last record before the fence is not complete");
}

std::vector<LogFile> Reading::result() {
  std::vector<LogFile> out;
  bool any = false;
  for (const auto& [id, file] : files_.all()) {
    if (!std::filesystem::exists(file.path)) continue;
    if (options_.fence && file.accepted) {
      File::open(file.path, O_RDONLY | O_CLOEXEC).sync();
      any = true;
    }
    LogFile entry{file.path, file.first.value_or(FramePosition{}), file.last.value_or(FramePosition{}), false};
    entry.whole = !file.next && file.offset == file.size;
    entry.size = file.size;
    out.push_back(std::move(entry));
  }
  if (any) sync_directory(options_.directory);
  const auto before = [](const LogFile& a, const LogFile& b) {
    return std::tie(a.first, a.path) < std::tie(b.first, b.path);
  };
  std::sort(out.begin(), out.end(), before);
  return out;
}

void Reading::write_hints() {
  if (!options_.new_hints) return;
  options_.new_hints->clear();
  for (auto& [id, file] : files_.all())
    if (file.checkpoint && seal(*file.checkpoint)) options_.new_hints->push_back(*file.checkpoint);
}

}  // namespace

std::vector<LogFile> read_log(const LogOptions& options, RecordHandler& handler, const std::function<bool()>& stop) {
  Reading reading(options, handler, stop);
  try {
    reading.run();
  } catch (...) {
    reading.write_hints();
    throw;
  }
  reading.write_hints();
  return reading.result();
}

}  // namespace lpbm::csvlog
