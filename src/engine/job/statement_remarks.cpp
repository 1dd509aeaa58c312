#include "job/statement_remarks.h"

#include <algorithm>

namespace lpbm::job {

const RemarkWords& words_of(Remark remark) {
  static constexpr std::array<RemarkWords, remark_count> words{{
      {"copy_rows", "COPY ... FROM, whose rows are not in a log", true},
      {"parameters_missing", "statements whose parameters are not in the log", true},
      {"unrunnable", "statements whose text breaks off or cannot be read", true},
      {"too_long", "statements too long to be read", true},
      {"unprepared", "EXECUTE of what the log does not show: prepared before it begins, or by the protocol", true},
      {"fastpath", "functions called by the fast path (large objects)", true},
      {"beyond", "commands that reach beyond the database, not run", true},
      {"partly_committed", "DO, CALL or strings of several statements that committed in between and then failed", true},
      {"still_prepared", "prepared transactions of which the log does not show the end", true},
      {"failed_blocks", "transactions left out for an error in them, which a savepoint may have saved", true},
      {"foreign_language", "lines in another language than English (lc_messages)", true},
      {"unreadable", "places that are no csvlog lines", true},
      {"missing_lines", "lines of sessions that are missing in between", true},
      {"settings", "set_config() of values that the log does not show: later statements lack them", true},
      {"cursors", "changes WHERE CURRENT OF a cursor that the log does not show", true},
      {"logging_changed", "sessions that SET what is logged of them: something of them is not, perhaps", true},
      {"parameters_cut", "parameters that end in \"...\": cut, perhaps (log_parameter_max_length)", false},
      {"volatile_values", "statements with values that are others each time (now(), random(), nextval(), ...)", false},
      {"functions", "statements that call functions, whose effects are not in their text", false},
      {"do_blocks", "DO blocks, whose effects are not in their text", false},
      {"temporary", "temporary tables, which all transactions share here", false},
      {"end_unknown", "transactions of which the log shows no end: aborted without trace, perhaps", false},
      {"savepoints", "transactions that went back to a savepoint which the log does not show", false},
      {"timed", "statements logged by their duration: shorter ones may be missing", false},
      {"begins_before", "sessions that began before the log: their settings are not known", false},
      {"bare_sessions", "sessions of which nothing but changes is logged: what they SET (search_path) is not known",
       false},
      {"last_unknown", "last statements of sessions of which the log does not show whether they failed", false},
  }};
  return words[static_cast<std::size_t>(remark)];
}

void Places::add(Place place, std::uint64_t times) {
  count += times;
  if (first.size() < most_kept) first.push_back(place);
}

void Places::add(const Places& more) {
  count += more.count;
  const std::size_t room = std::min(most_kept - first.size(), more.first.size());
  first.insert(first.end(), more.first.begin(), more.first.begin() + static_cast<std::ptrdiff_t>(room));
}

Remarks::All& Remarks::all() {
  if (!all_) all_ = std::make_unique<All>();
  return *all_;
}

void Remarks::add(Remark remark, Place place, std::uint64_t times) {
  all()[static_cast<std::size_t>(remark)].add(place, times);
}

void Remarks::add(Remark remark, const Places& more) {
  if (more.count > 0) all()[static_cast<std::size_t>(remark)].add(more);
}

void Remarks::add(const Remarks& more) {
  if (!more.all_) return;
  for (std::size_t i = 0; i < remark_count; ++i) add(static_cast<Remark>(i), (*more.all_)[i]);
}

const Places* Remarks::find(Remark remark) const {
  if (!all_) return nullptr;
  const Places& places = (*all_)[static_cast<std::size_t>(remark)];
  return places.count > 0 ? &places : nullptr;
}

Remarks::Counts Remarks::counts() const {
  Counts out{};
  for (std::size_t i = 0; all_ && i < remark_count; ++i) out[i] = static_cast<std::uint32_t>((*all_)[i].count);
  return out;
}

void Remarks::cut(const Counts& counts) {
  for (std::size_t i = 0; all_ && i < remark_count; ++i) {
    Places& places = (*all_)[i];
    places.count = counts[i];
    places.first.resize(std::min<std::size_t>(places.first.size(), counts[i]));
  }
}

void Remarks::sort() {
  if (!all_) return;
  for (Places& places : *all_) std::sort(places.first.begin(), places.first.end());
}

}  // namespace lpbm::job
