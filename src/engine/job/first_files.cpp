#include "job/first_files.h"

#include <fcntl.h>

#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "codec/aes_cbc.h"
#include "codec/cid.h"

namespace lpbm::job {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view scheme = "file:";

fs::path folder_of(const std::string& url) {
  std::string path = url.substr(scheme.size());
  if (path.starts_with("///")) path.erase(0, 2);
  return path;
}

void push_file(const fs::path& path, Sink& below) {
  File file = File::open(path, O_RDONLY | O_CLOEXEC);
  std::string buffer(std::size_t{1} << 16, '\0');
  while (const std::size_t got = file.read(buffer.data(), buffer.size())) below.write(Bytes(buffer.data(), got));
}

// Hands on everything but the end: a store has no word on that, the decryption has.
class Forward final : public Sink {
 public:
  explicit Forward(Sink& below) : below_(below) {}
  void write(Bytes data) override { below_.write(data); }
  void finish() override {}

 private:
  Sink& below_;
};

class Discard final : public Sink {
 public:
  void write(Bytes) override {}
  void finish() override {}
};

}  // namespace

FirstFiles::FirstFiles(const store::Options& options, std::string passphrase) : passphrase_(std::move(passphrase)) {
  if (!options.url.starts_with(scheme)) {
    store_ = store::open(options);
    return;
  }
  folder_ = folder_of(options.url);
  std::error_code error;
  if (!fs::is_directory(folder_, error))
    throw Error(ErrorKind::usage, "opening store " + options.url, "there is no such folder",
                "Name the folder with the files of the first LPBM, named by their CIDs or by their names.");
}

std::optional<fs::path> FirstFiles::find(const journal::FirstEntry& entry) const {
  std::vector<fs::path> folders{folder_};
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
    if (at->is_directory(error)) folders.push_back(at->path());
  for (const fs::path& folder : folders)
    for (const std::string& name : {entry.cid, entry.name})
      if (fs::path path = folder / name; fs::is_regular_file(path, error)) return path;
  return std::nullopt;
}

fs::path FirstFiles::path_of(const journal::FirstEntry& entry) const {
  if (auto path = find(entry)) return *path;
  throw Error(ErrorKind::permanent, "opening " + describe(entry),
              "there is no file " + entry.cid + " or " + entry.name + " in " + folder_.string(),
              "Fetch it out of IPFS: ipfs get " + entry.cid);
}

bool FirstFiles::has(const journal::FirstEntry& entry) const {
  return store_ || find(entry);
}

void FirstFiles::check_end(const journal::FirstEntry& entry) const {
  if (store_) return;
  codec::aes_cbc_check_end(passphrase_, File::open(path_of(entry), O_RDONLY | O_CLOEXEC));
}

std::optional<bool> FirstFiles::has_its_cid(const journal::FirstEntry& entry) const {
  if (store_) return std::nullopt;
  codec::CidHasher hasher(entry.cid.starts_with("Qm") ? codec::CidVersion::v0 : codec::CidVersion::v1);
  push_file(path_of(entry), hasher);
  hasher.finish();
  return codec::cid_text(hasher.root().cid) == entry.cid;
}

void FirstFiles::read_through(const journal::FirstEntry& entry) const {
  Discard discard;
  if (store_) store_->get(entry.cid, {}, discard);
}

void FirstFiles::read(const journal::FirstEntry& entry, Sink& below) const {
  const std::unique_ptr<Sink> plain = codec::aes_cbc_decrypt(passphrase_, below);
  if (store_) {
    Forward forward(*plain);
    store_->get(entry.cid, {}, forward);
  } else {
    push_file(path_of(entry), *plain);
  }
  plain->finish();
}

}  // namespace lpbm::job
