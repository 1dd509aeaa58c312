// The delta job: reads the csvlog from the last journalled LSN to the fence, stores what it holds and journals it.
#pragma once

#include <nlohmann/json.hpp>

#include "csvlog/frame.h"
#include "job/protocol.h"
#include "job/site.h"

namespace lpbm::job {

// As docs/formats.md says of `delta`. Emits "fenced" as soon as everything up to the fence was read and is durable,
// even where the store then fails: the next delta begins again at the journal's last LSN. Returns the result's members.
nlohmann::json run_delta(const Site& site, const nlohmann::json& request, Events& events);

// Where the next delta of `stream` begins: the highest LSN of its deltas, or the anchor of its oldest full, before
// which nothing is needed (and from which retention has dropped the deltas), or `start`.
Lsn last_journalled(const journal::JournalFile& file, const std::string& stream, Lsn start);

// {"run","seq"}; Error (usage) otherwise. Null or missing: nothing.
std::optional<csvlog::FramePosition> frame_position(const nlohmann::json& request, const char* name);

}  // namespace lpbm::job
