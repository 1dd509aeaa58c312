#include "job/hold.h"

#include <utility>

namespace lpbm::job {
namespace {

using postgres::quote_identifier;
using postgres::Result;

// Views cannot have enabled states other than the default; temporary tables are somebody else's.
constexpr const char* find_all =
    "SELECT 'e' AS kind, e.evtenabled, e.oid FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled IN ('A', 'R')"
    " UNION ALL SELECT 't', t.tgenabled, t.oid FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c"
    " ON c.oid = t.tgrelid WHERE t.tgenabled IN ('A', 'R') AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'"
    " UNION ALL SELECT 'r', r.ev_enabled, r.oid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c"
    " ON c.oid = r.ev_class WHERE r.ev_enabled IN ('A', 'R') AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
    " ORDER BY kind";

const char* find_name(char kind) {
  switch (kind) {
    case 't':
      return "SELECT t.tgname, n.nspname, c.relname FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c"
             " ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE t.oid = $1";
    case 'r':
      return "SELECT r.rulename, n.nspname, c.relname FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c"
             " ON c.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.oid = $1";
    default:
      return "SELECT evtname FROM pg_catalog.pg_event_trigger WHERE oid = $1";
  }
}

}  // namespace

void Hold::set(const Held& held, bool enable) {
  const Result name = connection_.exec(find_name(held.kind), {held.oid});
  if (name.rows() == 0) return;
  const std::string state = !enable ? "DISABLE" : held.state == 'A' ? "ENABLE ALWAYS" : "ENABLE REPLICA";
  const std::string own = quote_identifier(name.text(0, 0));
  if (held.kind == 'e') {
    connection_.exec("ALTER EVENT TRIGGER " + own + " " + state);
    return;
  }
  connection_.exec("ALTER TABLE ONLY " + quote_identifier(name.text(0, 1)) + "." + quote_identifier(name.text(0, 2)) +
                   " " + state + (held.kind == 't' ? " TRIGGER " : " RULE ") + own);
}

void Hold::off() {
  // Event triggers first, and back last: they would fire at the ALTER TABLEs here.
  const Result found = connection_.exec(find_all);
  for (int row = 0; row < found.rows(); ++row) {
    const Held held{found.text(row, 0)[0], found.text(row, 1)[0], found.text(row, 2)};
    set(held, false);
    held_.push_back(held);
  }
}

void Hold::on(bool event_triggers) {
  std::vector<Held> kept;
  for (const Held& held : held_) {
    if (held.kind == 'e' && !event_triggers)
      kept.push_back(held);
    else if (held.kind != 'e')
      set(held, true);
  }
  for (const Held& held : held_)
    if (held.kind == 'e' && event_triggers) set(held, true);
  held_ = std::move(kept);
}

}  // namespace lpbm::job
