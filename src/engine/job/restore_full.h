// The dump of a full into the target, by pg_restore, and the materialized views after it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "postgres/connection.h"

namespace lpbm::job {

// Whether the server of `connection` offers the extension lpbm.
bool lpbm_available(postgres::Connection& connection);

struct DumpOptions {
  bool leave_out_lpbm = false;  // the extension lpbm and the privileges on its objects, which is said in the notes
  // Two superuser's connections to the database, where functions of others are to be bound while their code runs
  // (job/code_guard.h); null: pg_restore alone. Afterwards `session` is not to be used any more.
  postgres::Connection* guard = nullptr;
  postgres::Connection* session = nullptr;
};

// Reads `dump` (pg_dump's custom format) to its end into `database` of the connection's server.
void restore_dump(const std::string& pg_restore, const postgres::Connection& connection, const std::string& database,
                  const DumpOptions& options, Source& dump, std::vector<std::string>& notes);

// A line of pg_restore --list is "id; catalog oid KIND schema name owner", with - for no schema; kind, names and owner
// may hold blanks. Returns it from the kind on; empty for what is no entry.
std::string_view entry_of(std::string_view line);
// Whether `text` holds the name of an object that the extension itself makes, right behind `before`.
bool names_lpbm_object(std::string_view text, std::string_view before);
// The list for pg_restore -L out of that of pg_restore -l: without the extension lpbm and what belongs to it.
std::string list_without_lpbm(const std::string& list);

// Refreshes all populated materialized views, those first that others read. One that cannot be refreshed keeps what it
// has, which is said in `notes`: it holds no data of its own, and the source may not have refreshed it for long.
void refresh_views(postgres::Connection& connection, std::vector<std::string>& notes,
                   const std::function<void(std::size_t done, std::size_t total)>& progress);

}  // namespace lpbm::job
