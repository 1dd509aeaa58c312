// One command of DDL of a script, with what may stand in its way on the target.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "job/hold.h"
#include "job/replay.h"
#include "postgres/connection.h"

namespace lpbm::job {

struct DdlCommand {
  char kind = 't';               // t = in a transaction, c = outside of a block
  const std::string& extension;  // whose command it is; empty: of none
  const std::string& settings;   // SQL before it
  const std::string& text;
  const std::string& resets;  // SQL behind it
};

// Whether `text` holds the word, which is in upper case, anywhere.
bool mentions(const std::string& text, std::string_view word);
// The begin of a command, in upper case and with single blanks.
std::string normalized(const std::string& text);
// ALTER, COMMENT ON, GRANT or REVOKE ... ON DATABASE name the source's database, which here may be somebody else's.
bool concerns_database(const std::string& text);
// The role of a command's settings, which end in a line with it; it is cut off.
std::string take_role(std::string& settings);
// CREATE INDEX CONCURRENTLY without that word: what it makes is the same, where nobody else is; empty: another command.
std::string without_concurrently(const std::string& text);
// The begin of a command, for messages; the script ends it by a semicolon on a line of its own.
std::string excerpt(const std::string& text);

class DdlReplay {
 public:
  // `hold`: what it holds off is on while a command runs. `totals`: told of roles, extensions and unlogged tables.
  // `pieces`: runs settings, text and resets.
  DdlReplay(postgres::Connection& connection, Hold& hold, bool lpbm_available, ReplayTotals& totals,
            std::function<void(const DdlCommand&)> pieces)
      : connection_(connection),
        hold_(hold),
        lpbm_available_(lpbm_available),
        totals_(totals),
        pieces_(std::move(pieces)) {}
  // Outside of pipeline mode; kind t in an open transaction. Throws Error as the server's, with `place` and the
  // command, unless one of these is the cause: a role that nobody knows any more gets a stand-in; rows of unlogged
  // tables, which are older than the command, go, and are in totals; a command on the extension lpbm where there is
  // none, or on an extension that is newer here, is passed over.
  void run(const DdlCommand& command, const std::string& place);

 private:
  bool cure(const DdlCommand& command, const Error& error, bool& done);
  bool empty_unlogged(const std::string& named_in);  // empty: all of them
  void drop_invalid_indexes();

  postgres::Connection& connection_;
  Hold& hold_;
  bool lpbm_available_;
  ReplayTotals& totals_;
  std::function<void(const DdlCommand&)> pieces_;
};

}  // namespace lpbm::job
