// Reads the script of a delta back into steps, for replay by the engine. Streaming: COPY data comes in slices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/stream.h"
#include "delta/proof.h"

namespace lpbm::delta {

// Called in the order of the script.
class ScriptHandler {
 public:
  virtual ~ScriptHandler() = default;
  virtual void manifest(const std::string& json) = 0;
  // A transaction begins; false: it and everything after it is left out (reading ends).
  virtual bool transaction(Lsn lsn, std::uint64_t xid, Micros time) = 0;
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void prepare(const std::string& name, const std::string& sql) = 0;
  virtual void execute(const std::string& name, const std::vector<std::optional<std::string>>& values) = 0;
  virtual void deallocate_all() = 0;
  virtual void copy_begin(const std::string& sql) = 0;
  virtual void copy_data(std::string_view slice) = 0;  // COPY text lines, without the final "\."
  virtual void copy_end() = 0;
  virtual void expect_rows(std::uint64_t rows) = 0;  // of the statement before
  virtual void ddl(char kind, const std::string& extension, const std::string& settings, const std::string& text,
                   const std::string& resets) = 0;
  virtual void hole(const std::string& code, const std::string& detail) = 0;  // before it transaction() was called
  virtual void statement(const std::string& sql) = 0;
  // From here on, until it is refreshed, a table (kind t, by its oid in the source) or large objects (l, 0) are not as
  // they were.
  virtual void stale(char kind, std::uint32_t relation, const std::string& name) = 0;
  // Behind the last transaction, unless that was skipped: what a table holds there.
  virtual void proof(const Proof& proof) = 0;
};

struct ScriptTotals {
  std::uint64_t transactions = 0, rows = 0;
};

// Skips transactions whose lsn is not above `after` (their prepares are still reported). Reads to the trailer and
// checks it. Throws Error (permanent) for anything that ScriptWriter does not write, and for a missing trailer.
ScriptTotals read_script(Source& source, ScriptHandler& handler, Lsn after = {});

}  // namespace lpbm::delta
