#include "job/stored_journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/error.h"
#include "job/leftovers.h"
#include "store/object_hasher.h"

namespace lpbm::job {
namespace {

constexpr std::size_t chunk = 256u << 10;
constexpr std::size_t largest_journal = 1u << 30;

// The whole lines of one state of the journal's file: bytes once there stay, and a file that replaces it is another.
class JournalLines {
 public:
  explicit JournalLines(const std::filesystem::path& path) : file_(File::open(path, O_RDONLY | O_CLOEXEC)) {
    std::uint64_t at = 0;
    each(UINT64_MAX, [&](Bytes data) {
      const std::size_t newline = data.rfind('\n');
      if (newline != Bytes::npos) size_ = at + newline + 1;
      at += data.size();
    });
  }
  void write_to(Sink& sink) {
    each(size_, [&](Bytes data) { sink.write(data); });
    sink.finish();
  }

 private:
  template <typename Take>
  void each(std::uint64_t left, Take take) {
    if (::lseek(file_.fd(), 0, SEEK_SET) < 0) throw_errno("reading " + file_.path(), errno);
    std::string buffer(chunk, '\0');
    while (left > 0) {
      const std::size_t got = file_.read(buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
      if (got == 0) return;
      take(Bytes(buffer.data(), got));
      left -= got;
    }
  }

  File file_;
  std::uint64_t size_ = 0;
};

// What `stored-journal` says: where it lies on disk (a copy of it is not believed), in which store, which CIDs.
struct Note {
  std::string store;
  std::vector<std::string> cids;
};

Note read_note(const Site& site) {
  const std::filesystem::path path = site.path("stored-journal");
  Note out;
  if (!std::filesystem::exists(path)) return out;
  std::istringstream lines(read_file(path));
  std::string place, cid;
  std::getline(lines, place);
  std::getline(lines, out.store);
  if (place != place_of(path) || out.store != site.settings().store) return {};
  while (std::getline(lines, cid)) out.cids.push_back(cid);
  return out;
}

void write_note(const Site& site, const Note& note) {
  const std::filesystem::path path = site.path("stored-journal"), incoming = site.path("stored-journal.tmp");
  File file = File::open(incoming, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::string text = place_of(incoming) + '\n' + note.store + '\n';
  for (const std::string& cid : note.cids) text += cid + '\n';
  file.write_all(text);
  file.sync();
  if (::rename(incoming.c_str(), path.c_str()) != 0) throw_errno("renaming " + incoming.string(), errno);
  sync_directory(path.parent_path());
}

std::string site_of(const std::string& name) {
  const std::size_t first = name.find('/') + 1;
  return name.substr(first, name.rfind('/') - first);
}

std::string read_object(store::Store& store, const std::string& cid) {
  class Text final : public Sink {
   public:
    void write(Bytes data) override {
      if (text.size() + data.size() > largest_journal)
        throw Error(ErrorKind::permanent, "reading the journal", "it is larger than a journal can be");
      text.append(data);
    }
    void finish() override {}
    std::string text;
  } sink;
  store.get(cid, {}, sink);
  return std::move(sink.text);
}

[[noreturn]] void refuse(const std::string& cause, const std::string& hint) {
  throw Error(ErrorKind::usage, "looking for the journal in the store", cause, hint);
}

// Which of the sites whose journals are there.
std::string choose_site(const std::vector<store::Listed>& found, const std::string& site) {
  std::set<std::string> sites;
  for (const store::Listed& one : found) sites.insert(site_of(one.name));
  std::string names;
  for (const std::string& one : sites) names += (names.empty() ? "" : ", ") + one;
  if (sites.empty()) refuse("there is none", "Give the file with the journal by --journal.");
  if (site.empty() && sites.size() > 1) refuse("there are several sites: " + names, "Choose one by --site.");
  const std::string wanted = site.empty() ? *sites.begin() : site_of(store_prefix(site) + "journal");
  if (!sites.contains(wanted)) refuse("there is none of " + site + ", only of " + names, "Choose one by --site.");
  return wanted;
}

bool is_there(store::Store& store, const std::string& name, const std::string& cid) {
  const auto found = store.list(name);
  return std::any_of(found.begin(), found.end(), [&](const auto& one) { return one.name == name && one.cid == cid; });
}

}  // namespace

void publish_journal(const Site& site, store::Store& store) {
  if (!site.settings().store.starts_with("ipfs+")) return;
  const FileLock lock(site.path("stored-journal.lock"));
  JournalLines lines(site.path("journal"));
  store::ObjectHasher hasher(site.settings().part_size, false);
  lines.write_to(hasher);
  const std::string& cid = hasher.stored().cid;
  const Note old = read_note(site);
  if (old.cids == std::vector<std::string>{cid}) return;
  const std::string name = store_prefix(site.settings().site) + "journal";
  // Somebody else has the same journal, who is to remove it: this is a copy of a server, before its first entry.
  if (old.cids.empty() && is_there(store, name, cid)) return;
  if (old.cids.size() > 1) store.remove_unfinished({name}, {});  // somebody was killed in here
  Note both{site.settings().store, old.cids};
  std::erase(both.cids, cid);
  both.cids.push_back(cid);
  write_note(site, both);
  const std::unique_ptr<store::Writer> writer = store.put(name);
  lines.write_to(*writer);
  store.confirm(writer->stored().cid);
  both.cids.pop_back();
  for (const std::string& gone : both.cids) store.remove(gone);
  write_note(site, {site.settings().store, {cid}});
}

journal::Journal fetch_journal(store::Store& store, const std::string& site, const Prove& prove,
                               std::vector<std::string>& notes) {
  const std::vector<store::Listed> found = store.journals();
  const std::string wanted = choose_site(found, site);
  std::vector<StoredJournal> journals;
  std::optional<Error> error;
  std::vector<std::string> unread;
  for (const store::Listed& one : found) {
    if (site_of(one.name) != wanted) continue;
    try {
      journals.push_back({one.cid, journal::Journal::parse(read_object(store, one.cid))});
    } catch (const Error& failed) {
      error.emplace(failed);
      unread.push_back("the journal " + one.cid + " in the store is left out: " + failed.what());
    }
  }
  if (journals.empty()) throw Error(*error);
  notes.insert(notes.end(), unread.begin(), unread.end());
  return choose_journal(std::move(journals), prove, notes);
}

}  // namespace lpbm::job
