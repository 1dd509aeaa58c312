#include "store/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "codec/cid.h"
#include "codec/crypto.h"
#include "store/object_file.h"
#include "store/object_hasher.h"

namespace lpbm::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* incoming = ".incoming";
constexpr std::size_t min_span = 1 << 20;
constexpr std::uint64_t max_spans = 1 << 16;
constexpr std::uint64_t writeback_step = 16 << 20;

bool lock(const File& file, int operation) {
  int result;
  do result = ::flock(file.fd(), operation);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

struct stat status_of(const File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) throw_errno("reading " + file.path(), errno);
  return status;
}

// A new file, locked, so that a clean-up knows that it is in use.
File create_incoming(const fs::path& folder) {
  for (;;) {
    std::string path = (folder / "put-XXXXXX").string();
    const int fd = ::mkostemp(path.data(), O_CLOEXEC);
    if (fd < 0) throw_errno("creating " + path, errno);
    File file(fd, path);
    if (!lock(file, LOCK_EX)) throw_errno("locking " + path, errno);
    // A clean-up may have come between creation and lock.
    if (status_of(file).st_nlink > 0) return file;
  }
}

std::size_t read_span(File& file, char* buffer, std::size_t size) {
  std::size_t used = 0;
  while (used < size) {
    const std::size_t got = file.read(buffer + used, size - used);
    if (got == 0) break;
    used += got;
  }
  return used;
}

[[noreturn]] void damaged(const std::string& cid, const File& file) {
  throw Error(ErrorKind::permanent, "object " + cid, "content does not match its CID",
              "The file " + file.path() + " is damaged; look for a copy of it, or take a new full backup.");
}

// The part of `span`, which lies at `offset` in the object, that belongs to the range.
Bytes cut(Bytes span, std::uint64_t offset, const Range& range) {
  const std::uint64_t end = range.length > UINT64_MAX - range.offset ? UINT64_MAX : range.offset + range.length;
  const std::uint64_t from = std::clamp(range.offset, offset, offset + span.size());
  const std::uint64_t to = std::clamp(end, from, offset + span.size());
  return span.substr(from - offset, to - from);
}

// The CID that a file of a name holds; empty: it was torn, or is gone.
std::string named_by(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  File file(fd, path.string());
  constexpr std::size_t longest = 128;
  std::array<char, longest> buffer{};
  const std::string_view text(buffer.data(), read_span(file, buffer.data(), buffer.size()));
  const std::string cid(text.substr(0, text.find('\n')));
  return text.ends_with('\n') && codec::is_cid(cid) ? cid : std::string();
}

}  // namespace

class FileStore::Put final : public Writer {
 public:
  Put(FileStore& store, std::string name)
      : store_(store),
        name_(std::move(name)),
        hasher_(store.part_size_),
        file_(create_incoming(store.folder_ / incoming)),
        incoming_(file_.path()) {}
  ~Put() override {
    if (!incoming_.empty()) ::unlink(incoming_.c_str());
  }

  void write(Bytes data) override {
    hasher_.write(data);
    file_.write_all(data);
    written_ += data.size();
    // Begins to write early what finish() would otherwise wait for; only a wish, so its result does not matter.
    if (written_ - handed_on_ >= writeback_step) {
      ::sync_file_range(file_.fd(), static_cast<off64_t>(handed_on_), static_cast<off64_t>(written_ - handed_on_),
                        SYNC_FILE_RANGE_WRITE);
      handed_on_ = written_;
    }
  }

  void finish() override {
    hasher_.finish();
    const Stored& stored = hasher_.stored();
    Place place{store_.folder_, {}, stored.parts > 1 ? store_.part_size_ : 0};
    place.file = object_file({stored.cid, place.part_size});
    const fs::path path = place.folder / place.file;
    store_.write_name(name_, stored.cid);
    file_.sync();
    if (::rename(incoming_.c_str(), path.c_str()) != 0)
      throw_errno("renaming " + incoming_ + " to " + path.string(), errno);
    incoming_.clear();
    sync_directory(place.folder);
    store_.add(stored.cid, place);
    store_.durable_.insert(stored.cid);
    file_.close();
  }

  [[nodiscard]] Stored stored() const override { return hasher_.stored(); }

 private:
  FileStore& store_;
  std::string name_;
  ObjectHasher hasher_;
  File file_;
  std::string incoming_;  // empty once it has its name
  std::uint64_t written_ = 0, handed_on_ = 0;
};

FileStore::FileStore(fs::path root, const std::string& site, std::uint64_t part_size)
    : root_(std::move(root)), site_(site), part_size_(part_size) {
  if (!site.empty()) folder_ = root_ / site_folder(site);
  if (!site.empty()) remove_leftovers();
}

const fs::path& FileStore::own_folder() const {
  if (folder_.empty())
    throw Error(ErrorKind::usage, "writing to store " + root_.string(), "the site has no name", "Name it by --site.");
  return folder_;
}

// Nothing depends on its success: what cannot be removed now (a folder that may only be read) stays for later.
void FileStore::remove_leftovers() const {
  std::error_code error;
  for (fs::directory_iterator at(folder_ / incoming, error), end; !error && at != end; at.increment(error)) {
    const int fd = ::open(at->path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    const File file(fd, at->path().string());
    if (lock(file, LOCK_EX | LOCK_NB)) ::unlink(file.path().c_str());
  }
}

std::unique_ptr<Writer> FileStore::put(const std::string& name) {
  check_object_name(name);
  make_directory(own_folder() / incoming);
  return std::make_unique<Put>(*this, name);
}

void FileStore::add(const std::string& cid, const Place& place) {
  const auto [first, last] = index_.equal_range(cid);
  const bool known = std::any_of(
      first, last, [&](const auto& e) { return e.second.folder == place.folder && e.second.file == place.file; });
  if (!known) index_.emplace(cid, place);
}

void FileStore::index_folder(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename().string();
    if (const auto object = parse_object_file(file))
      index_.emplace(object->cid, Place{folder, file, object->part_size});
  }
  // Other sites' folders may belong to somebody else.
  if (error && error != std::errc::no_such_file_or_directory && folder == folder_)
    throw_errno("reading directory " + folder.string(), error.value());
}

void FileStore::index_all() {
  index_.clear();
  std::error_code error;
  for (fs::directory_iterator at(root_, error), end; !error && at != end; at.increment(error)) index_folder(at->path());
  if (error && error != std::errc::no_such_file_or_directory)
    throw_errno("reading store " + root_.string(), error.value());
}

// This site's own file first.
std::optional<FileStore::Place> FileStore::find(const std::string& cid) {
  if (!index_.contains(cid)) index_all();
  std::optional<Place> out;
  const auto [first, last] = index_.equal_range(cid);
  for (auto at = first; at != last; ++at)
    if (!out || at->second.folder == folder_) out = at->second;
  return out;
}

File FileStore::open_object(const std::string& cid, Place& place) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto found = find(cid);
    if (!found) break;
    place = *found;
    const fs::path path = place.folder / place.file;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return File(fd, path.string());
    if (errno != ENOENT) throw_errno("opening " + path.string(), errno);
    index_.erase(cid);  // moved or removed by somebody else since it was seen
  }
  throw Error(ErrorKind::permanent, "object " + cid, "it is not in the store",
              "Looked in " + root_.string() + "; is this the store that the backup went to?");
}

void FileStore::get(const std::string& cid, Range range, Sink& sink) {
  Place place;
  File file = open_object(cid, place);
  const std::uint64_t size = status_of(file).st_size;
  std::size_t span = min_span;
  while (size / span > max_spans) span *= 2;
  std::vector<char> buffer(span);
  std::vector<std::string> digests;
  // One part of any size, where the file's name says no other.
  ObjectHasher hasher(place.part_size != 0 ? place.part_size : std::max<std::uint64_t>(size, 1), false);
  while (const std::size_t got = read_span(file, buffer.data(), span)) {
    hasher.write({buffer.data(), got});
    if (size > span) digests.push_back(codec::sha256({buffer.data(), got}));
  }
  hasher.finish();
  if (hasher.stored().cid != cid || hasher.stored().size != size) damaged(cid, file);
  if (size <= span) {
    if (const Bytes bytes = cut({buffer.data(), size}, 0, range); !bytes.empty()) sink.write(bytes);
    return;
  }
  for (std::uint64_t i = range.offset / span; i < digests.size(); ++i) {
    if (i * span >= range.offset && i * span - range.offset >= range.length) break;
    if (::lseek(file.fd(), static_cast<off_t>(i * span), SEEK_SET) < 0) throw_errno("reading " + file.path(), errno);
    const Bytes bytes(buffer.data(), read_span(file, buffer.data(), span));
    if (codec::sha256(bytes) != digests[i]) damaged(cid, file);
    if (const Bytes wanted = cut(bytes, i * span, range); !wanted.empty()) sink.write(wanted);
  }
}

void FileStore::confirm(const std::string& cid) {
  Place place;
  const File file = open_object(cid, place);
  if (place.folder == folder_ && durable_.insert(cid).second) sync_directory(folder_);
}

void FileStore::remove(const std::string& cid) {
  const fs::path& folder = own_folder();
  if (!index_.contains(cid)) index_all();
  const auto [first, last] = index_.equal_range(cid);
  for (auto at = first; at != last; ++at) {
    const fs::path path = at->second.folder / at->second.file;
    if (at->second.folder == folder && ::unlink(path.c_str()) != 0 && errno != ENOENT)
      throw_errno("removing " + path.string(), errno);
  }
  index_.erase(cid);
  durable_.erase(cid);
  remove_names(cid);
}

void FileStore::write_name(const std::string& name, const std::string& cid) {
  const fs::path folder = names_folder();
  make_directory(folder);
  const std::string file = name_file(name, cid, site_);
  File out = File::open(folder / file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  out.write_all(cid + '\n');
  out.sync();
  sync_directory(folder);
  if (names_) names_->emplace(parse_name_file(file, site_)->tail, file);
}

void FileStore::remove_names(const std::string& cid) {
  if (!codec::is_cid(cid)) return;
  if (!names_) {
    names_.emplace();
    each_name(
        [&](const fs::path& path, const NameFile& name) { names_->emplace(name.tail, path.filename().string()); });
  }
  const std::string tail = parse_name_file(name_file("", cid, site_), site_)->tail;
  const auto [first, last] = names_->equal_range(tail);
  for (auto at = first; at != last;) {
    const fs::path path = names_folder() / at->second;
    const bool own = named_by(path) == cid;
    if (own && ::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno("removing " + path.string(), errno);
    at = own ? names_->erase(at) : std::next(at);
  }
}

void FileStore::each_name(const std::function<void(const fs::path&, const NameFile&)>& take) const {
  const fs::path folder = names_folder();
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (const auto name = parse_name_file(at->path().filename().string(), site_)) take(at->path(), *name);
  if (error && error != std::errc::no_such_file_or_directory)
    throw_errno("reading directory " + folder.string(), error.value());
}

// A name whose object never came, or is gone: of a put that was killed, or of one that is still at it.
bool FileStore::is_forgotten(const fs::path& path) {
  constexpr auto longest_put = std::chrono::hours(24);
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written > longest_put;
}

std::vector<Listed> FileStore::list(const std::string& prefix) {
  std::vector<Listed> out;
  index_all();
  each_name([&](const fs::path& path, const NameFile& name) {
    if (!name.name.starts_with(prefix)) return;
    const std::string cid = named_by(path);
    const auto [first, last] = index_.equal_range(cid);
    const auto own = std::find_if(first, last, [&](const auto& e) { return e.second.folder == folder_; });
    struct stat status {};
    if (own != last && ::stat((folder_ / own->second.file).c_str(), &status) == 0)
      out.push_back({name.name, cid, static_cast<std::uint64_t>(status.st_size)});
    else if (is_forgotten(path))
      ::unlink(path.c_str());
  });
  return out;
}

}  // namespace lpbm::store
