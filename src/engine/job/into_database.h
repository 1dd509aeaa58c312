// The restore job: SQL's lpbm_restore, into another database of the same server.
#pragma once

#include <nlohmann/json.hpp>

#include "job/protocol.h"
#include "job/site.h"

namespace lpbm::job {

// As docs/formats.md says of `restore`. The secret is lpbm.identity_file, or the passphrase. Returns the result's
// members.
nlohmann::json run_into_database(const Site& site, const nlohmann::json& request, Events& events);

}  // namespace lpbm::job
