// The journal in the store itself, for who has nothing but the store's address and the secret. It is an object like any
// other, but neither compressed nor encrypted, and its name is always "lpbm/<site>/journal". The newest one is stored
// and confirmed before the one before is removed. It proves itself as its file does.
#pragma once

#include <string>

#include "job/site.h"

namespace lpbm::job {

// Stores the journal as it is now, unless that was done. Only in stores that others can ask for it (ipfs+http).
// Afterwards `stored-journal` in lpbm.directory holds the store's address and the journal's CID; while it changes, both
// CIDs, so that whoever is killed leaves nothing that the next one does not remove. A copy of the directory removes
// nothing. Throws Error.
void publish_journal(const Site& site, store::Store& store);

// The text of the newest journal in the store, of `site`, or of the only site there. Throws Error: usage where there is
// none, or several sites, whose names are then in the cause.
std::string fetch_journal(store::Store& store, const std::string& site);

}  // namespace lpbm::job
