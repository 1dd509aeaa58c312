// The escapes of COPY's text format, as PostgreSQL writes them.
#pragma once

#include <string>
#include <string_view>

namespace lpbm::csvlog {

// Appends the bytes of a field to `out`. False (and `out` is of no use) for an escape that PostgreSQL does not write.
bool unescape(std::string_view field, std::string& out);
// Appends `bytes` as a field.
void escape(std::string_view bytes, std::string& out);

}  // namespace lpbm::csvlog
