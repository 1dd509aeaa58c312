#include <algorithm>
#include <map>

#include "base/error.h"
#include "journal/journal.h"

namespace lpbm::journal {
namespace {

constexpr const char* step = "choosing what to restore";

std::string describe(const Entry& entry) {
  return "entry " + std::to_string(entry.number) + " (" + entry.name + ")";
}

// What a full needs of its stream: every delta that ends behind the anchor, and of those that only hold new globals
// (they end where they begin) the ones that were journalled after the full.
bool needs(const Entry& full, const Entry& entry) {
  if (entry.kind != Kind::delta || entry.stream != full.stream) return false;
  if (entry.to > full.anchor) return true;
  return entry.to == full.anchor && entry.from == entry.to && entry.number > full.number;
}

std::optional<Hole> first_hole(const Entry& delta, Lsn after) {
  std::optional<Hole> out;
  for (const Hole& hole : delta.holes)
    if (hole.lsn > after && (!out || hole.lsn < out->lsn)) out = hole;
  return out;
}

bool begins_after(const Entry& delta, Micros until) {
  return delta.first_commit > until;
}

bool ends_after(const Entry& delta, Micros until) {
  return std::max(delta.last_commit, delta.latest_commit) > until;
}

// From where to where something was not known: the refresh that ended it counts only where its whole delta is applied.
struct Unknown {
  Stale mark;
  std::optional<Lsn> refreshed;  // the end of that delta
};

std::vector<Unknown> unknown_in(const Plan& plan, bool last_is_cut) {
  std::vector<Unknown> out;
  std::map<std::uint32_t, std::size_t> open;  // index in `out`
  for (const Entry& delta : plan.deltas) {
    for (const Stale& mark : delta.stale)
      if (mark.lsn > plan.full.anchor && !open.contains(mark.relation)) {
        open[mark.relation] = out.size();
        out.push_back({mark, std::nullopt});
      }
    if (last_is_cut && &delta == &plan.deltas.back()) break;
    for (const Refresh& refresh : delta.refreshes) {
      const auto found = open.find(refresh.relation);
      if (found == open.end()) continue;
      out[found->second].refreshed = delta.to;
      open.erase(found);
    }
  }
  return out;
}

// A restore ends where everything is known: before a change that only a refresh tells, where that refresh is not part
// of the plan.
void end_where_all_is_known(Plan& plan, bool last_is_cut) {
  const std::vector<Unknown> unknown = unknown_in(plan, last_is_cut);
  std::optional<Lsn> end;
  if (plan.stops_at) end = plan.stops_at->lsn;
  const Stale* stopped_by = nullptr;
  for (bool moved = true; moved;) {
    moved = false;
    for (const Unknown& one : unknown) {
      const bool before = !end || one.mark.lsn < *end;
      const bool known_again = one.refreshed && (!end || *one.refreshed < *end);
      if (!before || known_again) continue;
      end = one.mark.lsn;
      stopped_by = &one.mark;
      moved = true;
    }
  }
  if (!stopped_by) return;
  const bool table = stopped_by->kind == 't';
  plan.stops_at = Hole{*end, table ? "no_replica_identity" : "large_object",
                       table ? stopped_by->schema + "." + stopped_by->name : "large objects"};
  while (!plan.deltas.empty() && plan.deltas.back().from >= *end) plan.deltas.pop_back();
  plan.note = plan.stops_at->detail + " changed at " + end->text() +
              " in a way that only its next refresh tells, and that is not among what is restored";
}

const Entry& end_of(const Plan& plan) {
  return plan.deltas.empty() ? plan.full : plan.deltas.back();
}

// Up to when the plan holds every commit, as far as its own entries tell: a full what its snapshot saw, a delta what
// stands before its last record.
Micros shown_by(const Plan& plan) {
  Micros shown = plan.full.first_commit != 0 ? plan.full.first_commit : plan.full.started;
  for (const Entry& delta : plan.deltas) shown = std::max(shown, delta.last_commit);
  return shown;
}

// The stream behind a full, as far as it can be followed: up to `last` (an entry's number) or to the end.
Plan follow(const std::vector<Entry>& entries, const Entry& full, std::optional<Micros> until,
            std::optional<std::uint64_t> last) {
  Plan plan{full, {}, std::nullopt, {}};
  Lsn reached = full.anchor;
  for (const Entry& entry : entries) {
    if (!needs(full, entry) || (entry.to < reached)) continue;
    if (last && entry.number > *last) break;
    // Before the question whether it is late: what is missing may not have been.
    if (entry.from > reached) {
      if (until && shown_by(plan) >= *until) break;
      plan.note = "changes between " + reached.text() + " and " + entry.from.text() + " are missing before " +
                  describe(entry) + ": a later full backup makes up for them";
      break;
    }
    if (until && begins_after(entry, *until)) break;
    plan.deltas.push_back(entry);
    plan.stops_at = first_hole(entry, reached);
    if (plan.stops_at) {
      plan.note = describe(entry) + " has a hole at " + plan.stops_at->lsn.text() +
                  ": what comes after it is only in a later full backup";
      break;
    }
    reached = std::max(reached, entry.to);
  }
  // What commits nothing says by its start alone whether it is late.
  while (until && !plan.deltas.empty() && plan.deltas.back().first_commit == 0 && plan.deltas.back().started > *until)
    plan.deltas.pop_back();
  const bool late = until && !plan.deltas.empty() && ends_after(plan.deltas.back(), *until);
  end_where_all_is_known(plan, late || plan.stops_at);
  return plan;
}

Plan plan_entry(const std::vector<Entry>& entries, std::uint64_t number) {
  const auto wanted = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.number == number; });
  if (wanted == entries.end()) {
    const std::string range = entries.empty() ? "it has none"
                                              : "it has " + std::to_string(entries.front().number) + " to " +
                                                    std::to_string(entries.back().number);
    throw Error(ErrorKind::permanent, step, "the journal has no entry " + std::to_string(number) + ": " + range,
                "Look at the entries by lpbm list.");
  }
  if (wanted->kind == Kind::full) return {*wanted, {}, std::nullopt, {}};
  std::optional<Plan> best;
  for (auto full = entries.rbegin(); full != entries.rend(); ++full) {
    if (full->kind != Kind::full || full->stream != wanted->stream || full->anchor > wanted->to) continue;
    Plan plan = follow(entries, *full, std::nullopt, number);
    const bool reaches = !needs(*full, *wanted) || (!plan.deltas.empty() && plan.deltas.back().number == number);
    if (!reaches) continue;
    if (!plan.stops_at) return plan;
    if (!best) best = std::move(plan);
  }
  if (best) return *best;
  throw Error(ErrorKind::permanent, step, "no full backup leads to " + describe(*wanted),
              "Choose another entry: a full backup, or one after it.");
}

// Whether the stream goes on behind the plan without a gap, so that what was left out is known to be later.
bool goes_on(const std::vector<Entry>& entries, const Plan& plan) {
  const Lsn reached = std::max(end_of(plan).to, plan.full.anchor);
  return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
    return needs(plan.full, entry) && entry.from <= reached && entry.to > reached;
  });
}

// Says what is newer in the journal than what the plan reaches.
void add_note(const std::vector<Entry>& entries, std::optional<Micros> until, Plan& plan) {
  if (!plan.note.empty() || (until && (shown_by(plan) >= *until || goes_on(entries, plan)))) return;
  const Entry& end = end_of(plan);
  const auto other = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.number > end.number && entry.stream != plan.full.stream;
  });
  if (other != entries.end() && !until)
    plan.note = "from " + describe(*other) + " on the journal holds another stream, which has no full backup yet";
  else if (other != entries.end())
    plan.note = "what was committed after " + to_iso(shown_by(plan)) + " is missing: the stream of " + describe(end) +
                " ends there, and the one that follows has no full backup of that time";
  else if (until)
    plan.note = "the journal ends at " + to_iso(shown_by(plan)) + ": what was committed later is not in it";
}

std::vector<Entry> entries_of(const std::vector<Entry>& entries, const std::string& database) {
  std::vector<Entry> out;
  for (const Entry& entry : entries)
    if (entry.database == database) out.push_back(entry);
  return out;
}

std::string choose_database(const std::vector<Entry>& entries, std::optional<std::uint64_t> number,
                            const std::string& wanted) {
  const std::vector<std::string> all = databases(entries);
  std::string names;
  for (const std::string& name : all) names += (names.empty() ? "" : ", ") + name;
  if (!wanted.empty() && std::find(all.begin(), all.end(), wanted) == all.end())
    throw Error(ErrorKind::usage, step,
                names.empty() ? "the journal does not say of which database it is"
                              : "the journal has no database " + wanted + ", but " + names,
                names.empty() ? "It is of one alone: choose none." : "Choose one that it has.");
  if (number) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.number == *number; });
    if (found == entries.end()) return wanted;  // which is said below
    if (!wanted.empty() && found->database != wanted)
      throw Error(ErrorKind::usage, step,
                  describe(*found) + " is of database " + found->database + ", not of " + wanted);
    return found->database;
  }
  if (wanted.empty() && all.size() > 1)
    throw Error(ErrorKind::usage, step, "the journal has several databases: " + names,
                "Choose one by --database, or restore all by --all; in SQL: lpbm_restore(..., database => 'NAME').");
  return wanted.empty() && !all.empty() ? all.front() : wanted;
}

// The first entry that must stay for this database.
std::optional<std::uint64_t> first_needed(const std::vector<Entry>& entries, int fulls, const LiveStream& live) {
  std::optional<std::uint64_t> first;
  const auto need = [&](std::uint64_t number) { first = std::min(first.value_or(number), number); };
  int kept = 0;
  bool has_full = false;
  for (auto full = entries.rbegin(); full != entries.rend() && kept < std::max(fulls, 1); ++full) {
    if (full->kind != Kind::full || full->database != live.database) continue;
    ++kept;
    has_full = has_full || full->stream == live.stream;
    need(full->number);
    for (const Entry& entry : entries)
      if (needs(*full, entry)) {
        need(entry.number);
        break;  // numbers grow
      }
  }
  if (has_full) return first;
  const auto begun =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.stream == live.stream; });
  if (begun != entries.end()) need(begun->number);
  return first;
}

}  // namespace

Micros time_of(const Entry& full) {
  return std::max(full.started, full.last_commit);
}

std::optional<std::uint64_t> first_to_keep(const std::vector<Entry>& entries, int fulls,
                                           const std::vector<LiveStream>& live) {
  std::optional<std::uint64_t> first;
  for (const LiveStream& one : live) {
    const auto needed = first_needed(entries, fulls, one);
    if (needed) first = std::min(first.value_or(*needed), *needed);
  }
  if (!first || *first == entries.front().number) return std::nullopt;
  return first;
}

std::set<std::pair<std::uint64_t, std::uint32_t>> proofs_to_check(const Plan& plan, bool until) {
  std::set<std::pair<std::uint64_t, std::uint32_t>> out;
  std::set<std::pair<std::uint32_t, std::uint32_t>> found;  // with slices
  // What stops in the midst of the last delta leaves the proofs before it as the last ones.
  bool partly = until || plan.stops_at.has_value();
  for (auto delta = plan.deltas.rbegin(); delta != plan.deltas.rend(); ++delta) {
    for (const auto& [relation, slice] : delta->proven)
      if (found.emplace(relation, slice).second) out.emplace(delta->number, relation);
    if (partly) found.clear();
    partly = false;
  }
  return out;
}

Plan make_plan(const Journal& journal, std::optional<Micros> until, std::optional<std::uint64_t> entry,
               const std::string& database) {
  const std::vector<Entry> entries = entries_of(journal.entries(), choose_database(journal.entries(), entry, database));
  if (entry) return plan_entry(entries.empty() ? journal.entries() : entries, *entry);
  const Entry* chosen = nullptr;
  const Entry* oldest = nullptr;
  for (const Entry& one : entries) {
    if (one.kind != Kind::full) continue;
    if (!oldest || time_of(one) < time_of(*oldest)) oldest = &one;
    if (!until || time_of(one) <= *until) chosen = &one;
  }
  if (!oldest)
    throw Error(ErrorKind::permanent, step, "the journal holds no full backup",
                "Use a newer journal: one that was written after the first full backup.");
  if (!chosen)
    throw Error(ErrorKind::permanent, step,
                "no full backup is as old as " + to_iso(*until) + ": the oldest is of " + to_iso(time_of(*oldest)),
                "Choose a later time, or use an earlier journal if its objects are still in the store.");
  Plan plan = follow(entries, *chosen, until, std::nullopt);
  add_note(entries, until, plan);
  return plan;
}

}  // namespace lpbm::journal
