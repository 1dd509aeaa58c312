// All large objects of a database as a script (docs/formats.md, Refresh).
#pragma once

#include <string>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/stream.h"
#include "delta/script_writer.h"
#include "postgres/connection.h"

namespace lpbm::job {

// As the open transaction of `connection` sees them, with owners, privileges, comments and security labels. The script
// removes whatever there is first, in many transactions, since each object that is removed takes a lock. `out` is not
// finished. Returns the number of objects.
std::uint64_t write_large_objects(postgres::Connection& connection, const delta::ScriptHeader& header, Lsn lsn,
                                  Micros time, Sink& out);

}  // namespace lpbm::job
