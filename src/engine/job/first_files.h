// The files that a journal of the first LPBM names: in a folder, named by CID or by name, or in a store.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/stream.h"
#include "journal/first_journal.h"
#include "store/store.h"

namespace lpbm::job {

class FirstFiles {
 public:
  // "file:<folder>" is a folder, and the folders in it; any other URL a store that knows objects by CID.
  FirstFiles(const store::Options& options, std::string passphrase);

  [[nodiscard]] bool has(const journal::FirstEntry& entry) const;
  // Where the end of the file can be looked at (in a folder), its length and padding: Error (permanent) when they
  // cannot be, which is how a wrong passphrase shows.
  void check_end(const journal::FirstEntry& entry) const;
  // Whether the file has the CID of its entry, computed as `ipfs add` and `ipfs-cluster-ctl add` do by default; nothing
  // where the store has compared it. A file that was added in another way has another CID, so false proves no damage.
  [[nodiscard]] std::optional<bool> has_its_cid(const journal::FirstEntry& entry) const;
  // Reads the file through where the store compares it with its CID as it reads.
  void read_through(const journal::FirstEntry& entry) const;
  // Writes the decrypted content into `below` and finishes it. Throws Error (permanent) for a missing file, and for a
  // wrong length or padding, which show only at the end.
  void read(const journal::FirstEntry& entry, Sink& below) const;

 private:
  [[nodiscard]] std::optional<std::filesystem::path> find(const journal::FirstEntry& entry) const;
  [[nodiscard]] std::filesystem::path path_of(const journal::FirstEntry& entry) const;

  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
  std::string passphrase_;
};

}  // namespace lpbm::job
