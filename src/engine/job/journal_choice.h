// Which of the journals that lie in a store under the name of one site is the one to restore from.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "journal/journal.h"

namespace lpbm::job {

struct StoredJournal {
  std::string cid;
  journal::Journal journal;
};

// How far a journal is proved by what its reader knows; throws Error where it is not genuine (Journal::authenticate).
using Prove = std::function<journal::Trust(const journal::Journal&)>;

// The newest, where all others are earlier states of it (an engine was stopped between storing the newer one and
// removing the older). Else those that are not genuine are left out, and, where others prove themselves, those that
// nothing proves; `notes` says which and why. When more than one is left, Error (usage) names them: two servers have
// the same lpbm.site. `found` is not empty.
journal::Journal choose_journal(std::vector<StoredJournal> found, const Prove& prove, std::vector<std::string>& notes);

}  // namespace lpbm::job
