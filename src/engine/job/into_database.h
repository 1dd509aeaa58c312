// The restore job: SQL's lpbm_restore, into another database of the same server.
#pragma once

#include <nlohmann/json.hpp>

#include "job/protocol.h"
#include "job/restore.h"
#include "job/site.h"

namespace lpbm::job {

// What a restore of this journal takes from the server's settings; the rest is to be filled in. The secret is
// lpbm.identity_file, or the passphrase. Throws Error where there is none, or where nothing proves the journal.
RestoreOptions restore_options(const Site& site, std::string journal, Events& events);

// As docs/formats.md says of `restore`. Returns the result's members.
nlohmann::json run_into_database(const Site& site, const nlohmann::json& request, Events& events);

}  // namespace lpbm::job
