// The embedded store: a directory.
//
//   <root>/<site>/<cid>@<name>               an object of one part; `/` in the name is written `+`
//   <root>/<site>/<cid>.<part size>@<name>   one of several parts, the size in bytes
//   <root>/<site>/.incoming/put-XXXXXX       an object that is being written, locked (flock) by its writer
//
// <site> has each byte outside of [A-Za-z0-9._-], and a leading dot, as %XX. A file `<cid>` alone, as somebody may have
// copied it there, is an object without name. One rename makes CID, name and bytes visible together, after fsync of the
// file; then the directory is fsynced.
//
// A site writes, removes, lists and cleans only its own folder; get() and confirm() find the objects of other sites
// too.
#pragma once

#include <filesystem>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/file.h"
#include "store/store.h"

namespace lpbm::store {

class FileStore final : public Store {
 public:
  // Creates nothing before the first put(). Removes what interrupted puts of this site left, where it may.
  FileStore(std::filesystem::path root, const std::string& site, std::uint64_t part_size);

  // At most 170 bytes of name.
  std::unique_ptr<Writer> put(const std::string& name) override;
  // Reads the whole file twice (objects up to a megabyte: once): first the CID is computed, with a digest of each span,
  // then each span is compared with its digest and handed on. So nothing of a damaged object is handed on, and nothing
  // that changes in between. Damaged: Error (permanent), "object <cid>: content does not match its CID".
  void get(const std::string& cid, Range range, Sink& sink) override;
  // An object that is there has been durable since before; its directory is fsynced once more, as the process that put
  // it may have been killed before it did.
  void confirm(const std::string& cid) override;
  // All files of this CID in this site's folder. Not fsynced: after a power failure they may be there again.
  void remove(const std::string& cid) override;
  std::vector<Listed> list(const std::string& prefix) override;

 private:
  struct Place {
    std::filesystem::path folder;
    std::string file;
    std::uint64_t part_size = 0;
  };
  class Put;

  [[nodiscard]] const std::filesystem::path& own_folder() const;
  void remove_leftovers() const;
  void add(const std::string& cid, const Place& place);
  void index_folder(const std::filesystem::path& folder);
  void index_all();
  [[nodiscard]] std::optional<Place> find(const std::string& cid);
  [[nodiscard]] std::uint64_t part_size_of(const Place& place, std::uint64_t size) const;
  [[nodiscard]] File open_object(const std::string& cid, Place& place);

  std::filesystem::path root_;
  std::filesystem::path folder_;  // of this site; empty without one
  std::uint64_t part_size_;
  std::unordered_multimap<std::string, Place> index_;  // by CID, as far as it was looked at
  std::unordered_set<std::string> durable_;            // put by this Store
};

}  // namespace lpbm::store
