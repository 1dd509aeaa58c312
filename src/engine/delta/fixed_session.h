// The settings under which scripts are replayed and values are written.
#pragma once

#include <string>
#include <string_view>

namespace lpbm::delta {

// As SQL that a superuser can run. `encoding`: PostgreSQL's name of it.
std::string fixed_session(const std::string& encoding);

// What such a session has for a setting; nullptr: it is not among them.
const char* fixed_value(std::string_view name);

}  // namespace lpbm::delta
