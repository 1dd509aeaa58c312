// The full job: a dump at an exported snapshot, the globals, and the bridge from the snapshot to the anchor in the
// stream.
#pragma once

#include <nlohmann/json.hpp>

#include "job/protocol.h"
#include "job/site.h"

namespace lpbm::job {

// As docs/formats.md says of `full`. One at a time (`full.lock`); deltas may run meanwhile. Waits for the worker to
// decode the anchor as long as this process lives. Then applies retention. Returns the result's members.
nlohmann::json run_full(const Site& site, const nlohmann::json& request, Events& events);

// A failure of pg_dump or pg_dumpall as the kind of Error that it is, judged by what it printed.
ErrorKind dump_error_kind(const std::string& cause);

}  // namespace lpbm::job
