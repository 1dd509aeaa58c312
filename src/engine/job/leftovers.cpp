#include "job/leftovers.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <set>
#include <sstream>
#include <system_error>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/crypto.h"
#include "job/other_streams.h"

namespace lpbm::job {
namespace {

void unlink_durably(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) throw Error(ErrorKind::retryable, "removing " + path.string(), error.message());
  sync_directory(path.parent_path());
}

std::set<std::string> journalled_cids(const journal::Journal& journal) {
  std::set<std::string> cids;
  for (const journal::Entry& entry : journal.entries())
    for (const journal::Object& object : entry.objects) cids.insert(object.cid);
  return cids;
}

void remove_objects_of(store::Store& store, const std::string& prefix, const std::set<std::string>& kept) {
  for (const store::Listed& object : store.list_leftovers(prefix))
    if (!kept.contains(object.cid)) store.remove(object.cid);
  store.remove_unfinished({prefix}, kept);
}

// By inode and path, as the worker knows a data directory: numbers of devices may change when the machine starts.
std::string home_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return std::to_string(status.st_ino) + ':' + to_hex(codec::sha256(std::filesystem::canonical(path).string()));
}

// The number in a note of `home` that was written in this place.
std::optional<std::uint64_t> first_own(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::istringstream words(read_file(path));
  std::string place;
  std::uint64_t first = 0;
  if (!(words >> place >> first) || words.get() != '\n' || place != home_of(path)) return std::nullopt;
  return first;
}

void remove_noted(const Site& site, store::Store& store) {
  const std::filesystem::path path = site.path("removals");
  if (!std::filesystem::exists(path)) return;
  const std::set<std::string> kept = journalled_cids(site.journal().load());
  std::istringstream lines(read_file(path));
  for (std::string cid; std::getline(lines, cid);)
    if (!cid.empty() && !kept.contains(cid)) store.remove(cid);
  unlink_durably(path);
}

// Requests that a daemon was too slow for may come to effect when nobody waits for them any more: pins of parts whose
// entries are journalled long since.
void remove_late_parts(const Site& site, store::Store& store, const journal::Journal& journal, std::uint64_t own) {
  std::vector<std::string> prefixes;
  for (const journal::Entry& entry : journal.entries())
    if (entry.number >= own) prefixes.push_back(store_prefix(site.settings().site) + entry.name + '/');
  if (!prefixes.empty()) store.remove_unfinished(prefixes, journalled_cids(journal));
}

// A database that was dropped, renamed or left out of the setting, perhaps by mistake: what is there of it is kept for
// a week behind its last entry as if it were backed up still.
void add_ended(const journal::Journal& journal, std::vector<journal::LiveStream>& live) {
  constexpr Micros week = Micros{7} * 24 * 3600 * 1'000'000;
  const auto known = [&](const std::string& database) {
    return std::ranges::any_of(live, [&](const journal::LiveStream& one) { return one.database == database; });
  };
  const auto& entries = journal.entries();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    if (!known(entry->database) && entry->finished > now() - week) live.push_back({entry->database, entry->stream});
}

// Of all databases that are backed up. Where one does not tell its name, nothing is known of what it needs: then none.
std::vector<journal::LiveStream> live_streams(const Site& site, const journal::Journal& journal,
                                              const std::string& stream) {
  std::vector<journal::LiveStream> out{{site.settings().database, stream}};
  for (const journal::Entry& entry : journal.entries())
    if (entry.stream == stream) out.front().database = entry.database;
  for (const OtherStream& other : other_streams(site.settings())) {
    if (other.database.empty()) return {};
    out.push_back({other.database, other.stream});
  }
  add_ended(journal, out);
  return out;
}

}  // namespace

std::string place_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

void settle_home(const Site& site) {
  const FileLock lock(site.path("home.lock"));
  const std::filesystem::path path = site.path("home");
  const journal::JournalFile file = site.journal();
  const bool known = std::filesystem::exists(path);
  if (known && first_own(path)) return;
  // Where there is no note, none was made yet; where it is another's, or torn, all entries are taken for another's.
  const auto last = known && file.exists() ? file.ends().last : std::nullopt;
  File note = File::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  note.write_all(home_of(path) + ' ' + std::to_string(last ? last->number + 1 : 1) + '\n');
  note.sync();
  sync_directory(path.parent_path());
}

PendingEntry::PendingEntry(const Site& site, std::string entry)
    : path_(site.own_path("pending") / entry), name_(std::move(entry)) {
  make_directory(site.own_path("pending"));
  File file = File::open(path_, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  file.write_all(place_of(path_));
  file.sync();
  sync_directory(path_.parent_path());
}

void PendingEntry::journalled() {
  unlink_durably(path_);
}

void remove_leftovers(const Site& site, store::Store& store, journal::Kind kind) {
  const std::filesystem::path directory = site.own_path("pending");
  if (!std::filesystem::exists(directory)) return;
  const std::string suffix = kind == journal::Kind::full ? "-full" : "-delta";
  std::vector<std::filesystem::path> notes;
  for (const auto& note : std::filesystem::directory_iterator(directory))
    if (note.path().filename().string().ends_with(suffix)) notes.push_back(note.path());
  if (notes.empty()) return;
  const std::set<std::string> kept = journalled_cids(site.journal().load());
  for (const std::filesystem::path& note : notes) {
    const std::string content = read_file(note);
    // An empty note: killed before it was complete, so before anything was stored.
    if (!content.empty() && content == place_of(note))
      remove_objects_of(store, store_prefix(site.settings().site) + note.filename().string() + '/', kept);
    unlink_durably(note);
  }
}

void apply_retention(const Site& site, store::Store& store, const std::string& stream) {
  const FileLock lock(site.path("retention.lock"));
  settle_home(site);
  remove_noted(site, store);
  journal::JournalFile file = site.journal();
  const journal::Journal journal = file.load();
  const std::uint64_t own = store_is_on_server(site.settings()) ? 1 : first_own(site.path("home")).value_or(UINT64_MAX);
  remove_late_parts(site, store, journal, own);
  const auto live = live_streams(site, journal, stream);
  const auto first = journal::first_to_keep(journal.entries(), site.settings().max_full_backups, live);
  if (!first) return;
  std::string cids;
  for (const journal::Entry& entry : journal.entries())
    if (entry.number < *first && entry.number >= own)
      for (const journal::Object& object : entry.objects) cids += object.cid + '\n';
  replace_file(site.path("removals"), cids);
  file.drop_before(*first, site.signing_key());
  remove_noted(site, store);
}

// Where a worker is about to begin a stream, it makes the folder again.
void remove_ended_databases(const Site& site, store::Store& store) {
  for (const std::filesystem::path& folder : database_folders(site.settings().directory)) {
    if (folder == site.settings().state || std::filesystem::exists(folder / "position")) continue;
    Settings settings = site.settings();
    settings.state = folder;
    const Site ended(std::move(settings));
    const auto delta = FileLock::try_lock(ended.own_path("delta.lock"));
    const auto full = FileLock::try_lock(ended.own_path("full.lock"));
    if (!delta || !full) continue;
    remove_leftovers(ended, store, journal::Kind::delta);
    remove_leftovers(ended, store, journal::Kind::full);
    std::error_code ignored;
    for (const char* name : {"pending", "delta.hints", "proofs", "sequences", "delta.lock", "full.lock"})
      std::filesystem::remove(ended.own_path(name), ignored);
    std::filesystem::remove(folder, ignored);
  }
}

}  // namespace lpbm::job
