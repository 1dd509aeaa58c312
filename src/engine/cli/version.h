// The version of the engine; the extension's is default_version in lpbm.control.
#pragma once

namespace lpbm::cli {

inline constexpr const char* version = "0.1";

}  // namespace lpbm::cli
