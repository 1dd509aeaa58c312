// The settings that calls of set_config() in a statement make, as far as the log shows their values.
#pragma once

#include "delta/session_settings.h"

namespace lpbm::delta {

// Of a statement whose parameters are in their places (`rendered`). What is not known for sure is said by `unknown`:
// an argument is no constant, or whether the call is run, and how often, depends on more than the statement.
SettingChanges config_changes(const LoggedStatement& statement);

}  // namespace lpbm::delta
