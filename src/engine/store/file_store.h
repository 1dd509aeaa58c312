// The embedded store: a directory.
//
//   <root>/<site>/<cid>                   an object of one part
//   <root>/<site>/<cid>.<part size>       one of several parts; the size in bytes, or `M` behind it in mebibytes
//   <root>/<site>/names/<name>@<tail>     holds the CID of the object with this name, and a newline. <name> is the
//                                         name without `lpbm/<site>/`, or with a `/` before it where it does not begin
//                                         so; then `/` is written `+`. <tail>: the last 8 characters of the CID
//   <root>/<site>/.incoming/put-XXXXXX    an object that is being written, locked (flock) by its writer
//
// <site> has each byte outside of [A-Za-z0-9._-], and a leading dot, as %XX. Names are short because pg_basebackup
// refuses a data directory in which a path has more than 99 bytes.
//
// What get() needs is the file of the object alone. One rename makes it visible, after fsync; then the directory is
// fsynced. Its name is durable before that: whoever cleans up finds by names whatever there may be.
//
// A site writes, removes, lists and cleans only its own folder; get() and confirm() find the objects of other sites
// too.
#pragma once

#include <filesystem>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/file.h"
#include "store/object_file.h"
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
  // The object's file in this site's folder, then its names. Not fsynced: after a power failure they may be there
  // again.
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
  [[nodiscard]] std::filesystem::path names_folder() const { return own_folder() / "names"; }
  void write_name(const std::string& name, const std::string& cid);
  void remove_names(const std::string& cid);
  void each_name(const std::function<void(const std::filesystem::path&, const NameFile&)>& take) const;
  [[nodiscard]] static bool is_forgotten(const std::filesystem::path& path);
  void remove_leftovers() const;
  void add(const std::string& cid, const Place& place);
  void index_folder(const std::filesystem::path& folder);
  void index_all();
  [[nodiscard]] std::optional<Place> find(const std::string& cid);
  [[nodiscard]] File open_object(const std::string& cid, Place& place);

  std::filesystem::path root_;
  std::string site_;
  std::filesystem::path folder_;  // of this site; empty without one
  std::uint64_t part_size_;
  std::unordered_multimap<std::string, Place> index_;  // by CID, as far as it was looked at
  std::unordered_set<std::string> durable_;            // put by this Store
  // Files of names by the tail of their CID; read when the first object is removed, and kept up to date.
  std::optional<std::unordered_multimap<std::string, std::string>> names_;
};

}  // namespace lpbm::store
