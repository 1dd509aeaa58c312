// Where objects go. Content-addressed: an object is named by the root CID of its stored bytes (docs/formats.md,
// Objects). Contract for every store, checked by test/store:
// - put() is idempotent: the same bytes again are no error, and a lost answer is settled by looking for the CID.
// - Errors are Error with kind retryable (unreachable, full, too few peers, time-out) or permanent (refused,
// malformed),
//   decided by what the store answered, never by guess.
// - No object is visible under its CID before all of its bytes are durable.
// - One Store is used by one thread at a time; a Writer belongs to its Store and must not outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"

namespace lpbm::store {

// What was stored. `size` and `sha256` (hex) are of the stored bytes; `parts` is the number of parts (at least 1).
struct Stored {
  std::string cid;
  std::uint64_t size = 0;
  std::string sha256;
  std::uint32_t parts = 1;
};

struct Listed {
  std::string name;  // as given to put(), e.g. "lpbm/<site>/<entry name>/dump"
  std::string cid;
  std::uint64_t size = 0;
};

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = UINT64_MAX;  // to the end
};

// Takes the bytes of one object. finish() returns only once all bytes are handed over; then stored() is valid.
// Destroyed unfinished, it leaves nothing that confirm() would accept; leftovers are removed by the store's next
// clean-up.
class Writer : public Sink {
 public:
  [[nodiscard]] virtual Stored stored() const = 0;
};

class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;
  // Begins an object. `name` is metadata to find it again: "lpbm/<site>/<entry>/<object>", characters [A-Za-z0-9._:/-].
  virtual std::unique_ptr<Writer> put(const std::string& name) = 0;
  // Writes the range of the object, as far as it has one, into `sink` (not finished here), each byte verified against
  // the CID before it is handed on. Objects of other sites in the same store are found too. Missing object: permanent,
  // "object <cid>: it is not in the store"; a damaged one: permanent, "object <cid>: content does not match its CID".
  virtual void get(const std::string& cid, Range range, Sink& sink) = 0;
  // Returns once the object is complete and as durable and as replicated as the settings demand; else throws.
  virtual void confirm(const std::string& cid) = 0;
  // Removes this site's object, under whatever names it was put; one that is not there is no error.
  virtual void remove(const std::string& cid) = 0;
  // All objects of this site whose name begins with `prefix`, in no particular order.
  virtual std::vector<Listed> list(const std::string& prefix) = 0;
  // As list(), for who wants to remove it all: whatever any part of the store knows, also what may be gone already.
  virtual std::vector<Listed> list_leftovers(const std::string& prefix) { return list(prefix); }
  // Of every site in the store: the objects named "lpbm/<site>/journal".
  virtual std::vector<Listed> journals() { return {}; }
  // Removes what writers of this site that were never finished, or whose requests came to effect after all, left under
  // names that begin with one of these, but for the CIDs in `kept`. Nobody may be writing such an object meanwhile.
  virtual void remove_unfinished(const std::vector<std::string>& prefixes, const std::set<std::string>& kept) {
    (void)prefixes, (void)kept;
  }
};

// What a store needs to know; URL forms: "file:<path>" (relative to `directory`), "ipfs+http://host:9094[,host:port]"
// and "ipfs+https://...", to which all that follows `part_size` belongs.
struct Options {
  std::string url;
  std::string
      directory;  // lpbm.directory; may be empty for the engine on its own (then relative to the working directory)
  std::string site;
  std::uint64_t part_size = 256u << 20;
  std::vector<std::string> ipfs_api{};  // addresses of nodes or gateways to read from
  std::string auth_file{}, ca_file{};
  int replication_min = 1, replication_max = 3;
  // How long a store that cannot be reached or does not get on is waited for before an Error (retryable) says so, and
  // how long an address may be silent before another one is asked.
  std::chrono::milliseconds patience{60'000}, stall_timeout{60'000};
  // Told what is waited for; called from the threads of the store. May be empty.
  std::function<void(const std::string& cause)> waiting{};
};

// What the names of all objects of a site begin with: "lpbm/<site>/", with the characters that a store allows.
std::string name_prefix(const std::string& site);

// Makes the store of a URL. Throws Error (usage) for an unknown scheme.
std::unique_ptr<Store> open(const Options& options);

}  // namespace lpbm::store
