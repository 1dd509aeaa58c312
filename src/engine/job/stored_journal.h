// The journal in the store itself, for who has nothing but the store's address and the secret. It is an object like any
// other, but neither compressed nor encrypted, and its name is always "lpbm/<site>/journal". The newest one is stored
// and confirmed before the one before is removed. It proves itself as its file does.
#pragma once

#include <string>

#include "job/journal_choice.h"
#include "job/site.h"

namespace lpbm::job {

// Stores the journal as it is now, unless that was done. Only in stores that others can ask for it (ipfs+http).
// Afterwards `stored-journal` in lpbm.directory holds the store's address and the journal's CID; while it changes, both
// CIDs, so that whoever is killed leaves nothing that the next one does not remove. A copy of the directory removes
// nothing of its original's. Throws Error.
void publish_journal(const Site& site, store::Store& store);

// The newest journal in the store, of `site`, or of the only site there; several that lie under its name are told apart
// by choose_journal(), which asks `prove` and tells `notes`. Throws Error: usage where there is none, or several sites,
// whose names are then in the cause.
journal::Journal fetch_journal(store::Store& store, const std::string& site, const Prove& prove,
                               std::vector<std::string>& notes);

}  // namespace lpbm::job
