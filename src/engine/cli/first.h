// restore, list and verify for journals of the first LPBM.
#pragma once

#include <optional>
#include <string>

#include "cli/options.h"

namespace lpbm::cli {

// The text of --journal where it is one of the first LPBM.
std::optional<std::string> first_journal(const Options& options);

// Each returns the exit code: 1 where something failed and was listed.
int restore_first(const Options& options, const std::string& journal);
int list_first(const Options& options, const std::string& journal);
int verify_first(const Options& options, const std::string& journal);

}  // namespace lpbm::cli
