#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "journal/journal.h"
#include "journal/line.h"

namespace lpbm::journal {
namespace {

constexpr std::size_t max_size = std::size_t{1} << 30;
constexpr std::size_t max_line = 64u << 20;

// Held while the journal is changed. The file stays: whoever removed it would take another one's lock away.
class Lock {
 public:
  explicit Lock(const std::filesystem::path& path)
      : file_(File::open(path.string() + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    int result;
    do result = ::flock(file_.fd(), LOCK_EX);
    while (result != 0 && errno == EINTR);
    if (result != 0) throw_errno("locking " + file_.path(), errno);
  }

 private:
  File file_;
};

Error at_path(const Error& error, const std::filesystem::path& path) {
  return {error.kind(), "reading journal " + path.string(), error.cause(), error.hint()};
}

void check_key(const Header& header, const codec::SigningKey& key, const std::filesystem::path& path) {
  if (header.key != to_base64(key.public_key))
    throw Error(ErrorKind::permanent, "writing journal " + path.string(),
                "it is of the key " + header.key + ", not of this server's",
                "Bring the site.key that belongs to this journal, or move the journal away to begin a new one.");
}

std::string read_at(const File& file, std::uint64_t from, std::uint64_t to) {
  std::string out(to - from, '\0');
  std::size_t used = 0;
  while (used < out.size()) {
    const ssize_t got = ::pread(file.fd(), out.data() + used, out.size() - used, static_cast<off_t>(from + used));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("reading " + file.path(), errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  out.resize(used);
  return out;
}

std::uint64_t size_of(const File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) throw_errno("reading " + file.path(), errno);
  return static_cast<std::uint64_t>(status.st_size);
}

// Both ends of the file, so that the work of appending does not grow with the journal.
struct Tail {
  Header header;
  std::optional<Entry> last;
  std::string prev;              // of the next line
  std::uint64_t next = 0;        // its number
  std::uint64_t end = 0;         // where it begins
  bool newline_missing = false;  // the line before it is whole but for its newline
};

// The whole lines of the end of the file that begin at or after `from`, and what follows the last newline.
class Ending {
 public:
  Ending(const File& file, std::uint64_t header_end, std::uint64_t size) {
    for (std::uint64_t step = 64u << 10;; step *= 4) {
      from_ = size - header_end > step ? size - step : header_end;
      text_ = read_at(file, from_, size);
      if (from_ == header_end || line_begin(line_end()) != std::string::npos) break;
      if (step > max_line) throw Error(ErrorKind::permanent, "reading journal " + file.path(), "a line is too long");
    }
  }

  // Behind the last newline.
  [[nodiscard]] std::size_t line_end() const {
    const auto newline = text_.rfind('\n');
    return newline == std::string::npos ? 0 : newline + 1;
  }
  // The last whole line, empty if there is none.
  [[nodiscard]] std::string last_line() const {
    const std::size_t end = line_end();
    if (end == 0) return {};
    const std::size_t begin = line_begin(end);
    return text_.substr(begin == std::string::npos ? 0 : begin, end - 1 - (begin == std::string::npos ? 0 : begin));
  }
  [[nodiscard]] std::string rest() const { return text_.substr(line_end()); }
  [[nodiscard]] std::uint64_t offset(std::size_t at) const { return from_ + at; }

 private:
  // Where the line that ends before `end` begins; npos if that is not in text_.
  [[nodiscard]] std::size_t line_begin(std::size_t end) const {
    if (end < 2) return std::string::npos;
    const auto newline = text_.rfind('\n', end - 2);
    return newline == std::string::npos ? newline : newline + 1;
  }

  std::string text_;
  std::uint64_t from_ = 0;
};

std::string read_header_line(const File& file, std::uint64_t size) {
  for (std::uint64_t step = 16u << 10;; step *= 4) {
    const std::string text = read_at(file, 0, std::min(step, size));
    const auto newline = text.find('\n');
    if (newline != std::string::npos) return text.substr(0, newline);
    if (step >= size) return text;
  }
}

[[noreturn]] void broken(const File& file, const std::string& cause) {
  throw Error(ErrorKind::permanent, "reading journal " + file.path(), cause,
              "Restore the file from the extension's table or from a mail of this site.");
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string_view::npos; at = end + 1)
    out.push_back(text.substr(at, end - at));
  return out;
}

// Takes `line` as the last one if it is: by its form and its signature.
bool take_last(Tail& ends, const std::string& line) {
  if (!signature_is_right(line, ends.header.key)) return false;
  try {
    EntryLine in = parse_entry(line);
    if (in.entry.number < ends.header.first) return false;
    ends.next = in.entry.number + 1;
    ends.last = std::move(in.entry);
  } catch (const Error&) {
    return false;
  }
  ends.prev = line_hash(line);
  return true;
}

Tail read_tail(const File& file) {
  const std::uint64_t size = size_of(file);
  const std::string head = read_header_line(file, size);
  HeaderLine header;
  try {
    header = parse_header(head);
  } catch (const Error& error) {
    broken(file, "line 1: " + error.cause());
  }
  if (!signature_is_right(head, header.header.key)) broken(file, "line 1: its signature is wrong");
  Tail out{header.header, std::nullopt, header.prev, header.header.first, size, false};
  if (head.size() == size) {
    out.newline_missing = true;
    return out;
  }
  const Ending ending(file, head.size() + 1, size);
  const std::string last = ending.last_line();
  if (!last.empty() && !take_last(out, last)) broken(file, "its last line is not a genuine entry");
  out.end = ending.offset(ending.line_end());
  const std::string rest = ending.rest();
  if (rest.empty()) return out;
  Tail with_rest = out;
  if (take_last(with_rest, rest) && with_rest.next == out.next + 1) {
    with_rest.end = size;
    with_rest.newline_missing = true;
    return with_rest;
  }
  return out;  // a torn line, to be cut at `end`
}

}  // namespace

std::uint64_t next_number(const Journal& journal) {
  return journal.header().first + journal.entries().size();
}

Continuation continuation(const Journal& earlier, const Journal& later) {
  const std::uint64_t next = next_number(earlier), first = later.header().first;
  if (earlier.header().key != later.header().key || next_number(later) < next) return Continuation::no;
  if (earlier.entries().empty() && earlier.header().first == 1) return Continuation::yes;
  if (earlier.entries().empty() || first > next) return Continuation::unknown;
  const auto old_lines = split_lines(earlier.text()), lines = split_lines(later.text());
  const bool same = first == next ? parse_header(std::string(lines.front())).prev == line_hash(old_lines.back())
                                  : lines[next - first] == old_lines.back();
  return same ? Continuation::yes : Continuation::no;
}

JournalFile::JournalFile(std::filesystem::path path) : path_(std::move(path)) {}

bool JournalFile::exists() const {
  std::error_code error;
  const bool found = std::filesystem::exists(path_, error);
  if (error) throw_errno("reading journal " + path_.string(), error.value());
  return found;
}

void JournalFile::create(const Header& header, const codec::SigningKey& key) {
  const Lock lock(path_);
  if (exists())
    throw Error(ErrorKind::permanent, "writing journal " + path_.string(), "it is there already",
                "Move it away to begin a new one.");
  check_key(header, key, path_);
  const std::string line = format_header(header, no_line(), key);
  parse_header(line);
  replace_file(path_, line + '\n');
}

Journal JournalFile::load() const {
  const std::string text = read_file(path_, max_size);
  try {
    return Journal::parse(text);
  } catch (const Error& error) {
    throw at_path(error, path_);
  }
}

JournalFile::Ends JournalFile::ends() const {
  Tail found = read_tail(File::open(path_, O_RDONLY | O_CLOEXEC));
  return {std::move(found.header), std::move(found.last)};
}

std::string JournalFile::append(Entry& entry, const codec::SigningKey& key) {
  const Lock lock(path_);
  File file = File::open(path_, O_RDWR | O_CLOEXEC);
  const Tail ends = read_tail(file);
  check_key(ends.header, key, path_);
  Entry numbered = entry;
  numbered.number = ends.next;
  std::string line = format_entry(numbered, ends.prev, key);
  parse_entry(line);  // nothing is written that could not be read
  if (::ftruncate(file.fd(), static_cast<off_t>(ends.end)) != 0) throw_errno("cutting " + file.path(), errno);
  if (::lseek(file.fd(), static_cast<off_t>(ends.end), SEEK_SET) < 0) throw_errno("writing " + file.path(), errno);
  try {
    file.write_all((ends.newline_missing ? "\n" : "") + line + '\n');
    file.sync();
  } catch (const Error&) {
    // What is not certain to be durable must not be found here by the next one either.
    if (::ftruncate(file.fd(), static_cast<off_t>(ends.end)) == 0) (void)::fsync(file.fd());
    throw;
  }
  entry.number = numbered.number;
  return line;
}

void JournalFile::drop_before(std::uint64_t first, const codec::SigningKey& key) {
  const Lock lock(path_);
  const Journal journal = load();
  check_key(journal.header(), key, path_);
  const std::uint64_t next = journal.header().first + journal.entries().size();
  if (first <= journal.header().first) return;
  if (first > next)
    throw Error(ErrorKind::permanent, "writing journal " + path_.string(),
                "it has no entry " + std::to_string(first) + " to begin with");
  const std::string& text = journal.text();
  std::size_t at = text.find('\n') + 1, before = 0;
  for (std::uint64_t number = journal.header().first; number < first; ++number) {
    before = at;
    at = text.find('\n', at) + 1;
  }
  Header header = journal.header();
  header.first = first;
  const std::string prev = line_hash(std::string_view(text).substr(before, at - 1 - before));
  replace_file(path_, format_header(header, prev, key) + '\n' + text.substr(at));
}

bool JournalFile::restore(const std::string& text) {
  const Journal given = Journal::parse(text);
  const Lock lock(path_);
  if (exists()) {
    const Journal own = load();
    if (own.header().key != given.header().key || own.header().site != given.header().site)
      throw Error(
          ErrorKind::permanent, "restoring journal " + path_.string(),
          "the file is of another site (" + own.header().site + ") than the text (" + given.header().site + ")");
    if (next_number(given) <= next_number(own)) return false;
    if (continuation(own, given) == Continuation::no)
      throw Error(ErrorKind::permanent, "restoring journal " + path_.string(),
                  "file and text are different continuations of one journal",
                  "Keep the one whose objects are in the store, and move the other one away.");
  }
  replace_file(path_, given.text());
  return true;
}

}  // namespace lpbm::journal
