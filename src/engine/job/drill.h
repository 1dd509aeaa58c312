// The drill: the server restores its own backup into a scratch server, to see that it can be done, and removes it.
#pragma once

#include <nlohmann/json.hpp>

#include "job/protocol.h"
#include "job/site.h"

namespace lpbm::job {

// As docs/formats.md says of `drill`. One at a time (`drill.lock`), at a low priority. What an earlier one left behind
// that was killed is removed. Throws Error as restore does (job/restore.h), and where the place has not the room for
// the database. Returns the result's members.
nlohmann::json run_drill(const Site& site, Events& events);

}  // namespace lpbm::job
