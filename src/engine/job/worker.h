// The hidden command `lpbm worker`: one job for the background worker, asked for on stdin and answered on stdout.
#pragma once

#include <nlohmann/json.hpp>

#include "job/protocol.h"
#include "job/settings.h"

namespace lpbm::job {

// Runs the request's job and returns its result's members. Throws Error.
nlohmann::json run_job(const Request& request, Events& events);

// The whole conversation over these descriptors. Returns the exit code: 0 after a result, 1 after an error (which has
// been sent as an event).
int run_worker(int input, int output);

}  // namespace lpbm::job
