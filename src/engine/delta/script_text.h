// Statements of a delta's script that do not depend on where they stand in it (docs/formats.md, Script of a delta).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/lsn.h"

namespace lpbm::delta {

// SELECT pg_catalog.set_config(...); `value_literal`: a literal, or NULL for the default.
std::string set_config(std::string_view name, std::string_view value_literal, bool local);

// As Lsn::text(), which takes too long for every transaction.
void append_lsn(Lsn lsn, std::string& out);

// A DO block that raises, with a newline: whoever replays the script by psql stops there.
std::string hole_message(const std::string& code, const std::string& detail);

// A DO block that truncates. Which tables the TRUNCATE reached is recorded, so ONLY these; partitioned tables know no
// ONLY, and what they are is seen where it is replayed. CASCADE reaches nothing more: tables that refer to these were
// emptied with them. Operators have their schema for the same reason as in relation_sql.cpp.
std::string truncate_statement(const std::vector<std::pair<std::string, std::string>>& tables, bool restart);

}  // namespace lpbm::delta
