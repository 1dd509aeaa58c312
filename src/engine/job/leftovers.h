// What a job that was killed leaves behind in the store, and how the next one removes it without ever touching what is
// not its own: before an entry's first object is stored, its name is noted in `pending/`; before retention forgets
// entries, their CIDs are noted in `removals`. Only what is noted here, and is not in the journal, is ever removed: a
// copy of this server that shares the store has other names, and a lost journal removes nothing.
#pragma once

#include <string>
#include <vector>

#include "job/site.h"

namespace lpbm::job {

// Where a note lies on disk: a copy of the directory has the same names, but must not remove the original's objects.
std::string place_of(const std::filesystem::path& path);

// The note that objects of `entry` may exist. To be made before they are stored and dropped once the entry is
// journalled.
class PendingEntry {
 public:
  PendingEntry(const Site& site, std::string entry);
  void journalled();
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::filesystem::path path_;
  std::string name_;
};

// Removes the objects of entries of `kind` that were begun and never journalled. The caller holds the lock of that kind
// of job and has no entry pending itself.
void remove_leftovers(const Site& site, store::Store& store, journal::Kind kind);

// Notes in `home` from which entry on the journal is this server's own. A copy of a server (a promoted standby, a
// started copy of the files) finds the other's note, and writes its own: the entries so far are the original's. Before
// the first entry of a process.
void settle_home(const Site& site);

// Removes what was left of the parts of journalled objects, and drops what lpbm.max_full_backups does not keep: from
// the journal first, then from the store; finishes what an earlier call could not. Objects of entries that a copy has
// of its original stay in a store that both share: the original has them in its journal still. `stream`: of this
// database, as it goes on.
void apply_retention(const Site& site, store::Store& store, const std::string& stream);

// The same as remove_leftovers for databases that are not backed up any more, whose folders go.
void remove_ended_databases(const Site& site, store::Store& store);

}  // namespace lpbm::job
