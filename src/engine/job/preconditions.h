// The init job: makes what is missing and says what stands in the way of backups.
#pragma once

#include <nlohmann/json.hpp>

#include "job/site.h"

namespace lpbm::job {

// Never throws for a precondition that is not met: each becomes one of the result's problems {name, problem, hint}.
nlohmann::json run_init(const Site& site);

// The major version in a PostgreSQL program's `--version` output, or 0.
int major_version(const std::string& text);

}  // namespace lpbm::job
