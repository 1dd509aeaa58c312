// As much of PostgreSQL's lexer as is needed to find what psql would take for its own in SQL text.
#pragma once

#include <string>
#include <string_view>

namespace lpbm::delta {

// `sql` with a blank behind each colon, outside of literals, quoted identifiers and comments, that psql would take for
// the begin of a variable. To PostgreSQL it means the same. `standard_strings`: the value of
// standard_conforming_strings that the text is read with. Source: psqlscan.l and scan.l.
std::string guard_colons(std::string_view sql, bool standard_strings);

}  // namespace lpbm::delta
