#include "job/stale.h"

#include <algorithm>

#include "delta/fixed_session.h"
#include "job/record_watch.h"

namespace lpbm::job {
namespace {

using csvlog::Stale;
using postgres::Connection;

std::vector<Stale> open_at_end(const journal::Entry& delta) {
  std::vector<Stale> out;
  if (!delta.holes.empty()) return out;  // nothing follows on it but a full
  for (const journal::Stale& one : delta.stale)
    if (std::ranges::none_of(delta.refreshes, [&](const auto& done) { return done.relation == one.relation; }))
      out.push_back({one.kind, one.relation, one.schema, one.name});
  return out;
}

std::uint64_t number(const postgres::Result& rows) {
  return rows.rows() == 0 || rows.text(0, 0).empty() ? 0 : std::stoull(rows.text(0, 0));
}

std::string megabytes(std::uint64_t bytes) {
  constexpr std::uint64_t unit = 1u << 20;
  return std::to_string((bytes + unit - 1) / unit) + " MB";
}

// How much is refreshed at once. Meanwhile no other delta is made: beyond some seconds of reading a full does it beside
// them.
struct Bound {
  Bound(const Settings& settings, std::uint64_t size)
      : database(size), percent(settings.refresh_percent), bytes(std::min(size / hundred * percent, most)) {}
  [[nodiscard]] std::string words() const {
    if (bytes == most) return ", are more than is refreshed at once, " + megabytes(most);
    return ", are more than lpbm.refresh_limit, " + std::to_string(percent) + "% of " + megabytes(database);
  }
  static constexpr std::uint64_t hundred = 100, most = 1u << 30;
  std::uint64_t database;
  std::uint64_t percent;
  std::uint64_t bytes;
};

}  // namespace

std::vector<Stale> open_in(const journal::JournalFile& file, const std::string& stream) {
  const auto ends = file.ends();
  if (!ends.last) return {};
  if (ends.last->kind == journal::Kind::delta && ends.last->stream == stream) return open_at_end(*ends.last);
  std::vector<Stale> open;
  const journal::Journal journal = file.load();  // must outlive the loop
  for (const journal::Entry& entry : journal.entries())
    if (entry.stream == stream && entry.kind == journal::Kind::delta) open = open_at_end(entry);
  return open;
}

std::optional<journal::Hole> unfilled_in(const journal::JournalFile& file, const std::string& stream) {
  Lsn anchor;
  std::optional<journal::Hole> last;
  const journal::Journal journal = file.load();
  for (const journal::Entry& entry : journal.entries()) {
    if (entry.stream != stream) continue;
    anchor = std::max(anchor, entry.anchor);
    for (const journal::Hole& hole : entry.holes)
      if (!last || hole.lsn > last->lsn) last = hole;
  }
  return last && last->lsn > anchor ? last : std::nullopt;
}

std::set<std::pair<std::string, std::string>> survey(const csvlog::LogOptions& options, std::vector<Stale>& stale) {
  RecordWatch watch({}, {}, "");
  csvlog::read_log(options, watch);
  for (const Stale& one : watch.stale())
    if (std::ranges::none_of(stale, [&](const Stale& known) { return known.relation == one.relation; }))
      stale.push_back(one);
  return watch.changed();
}

void add_unlogged(const Site& site, std::vector<Stale>& stale) {
  Connection connection = site.connect();
  connection.exec(delta::fixed_session(site.settings().encoding));
  const auto rows = connection.exec(
      "SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
      "c.relkind "
      "= 'r' AND c.relpersistence = 'u' AND c.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e "
      "ON e.oid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' AND NOT "
      "coalesce(c.oid = ANY (e.extconfig), false)) ORDER BY c.oid");
  for (int row = 0; row < rows.rows(); ++row) {
    const auto oid = static_cast<std::uint32_t>(std::stoul(rows.text(row, 0)));
    if (std::ranges::none_of(stale, [&](const Stale& known) { return known.relation == oid; }))
      stale.push_back({'u', oid, rows.text(row, 1), rows.text(row, 2)});
  }
}

Wanted within_limit(const Site& site, const std::vector<Stale>& stale) {
  Connection connection = site.connect();
  connection.exec("SET lock_timeout = 400");  // the size of a table takes a lock on it
  const Bound bound(site.settings(), number(connection.exec("SELECT pg_database_size(current_database())")));
  Wanted out;
  std::uint64_t sum = 0;
  for (const Stale& one : stale) {
    const std::string oid = one.kind == 'l' ? "'pg_largeobject'::regclass" : std::to_string(one.relation);
    const auto row = connection.exec(std::string("SELECT pg_table_size(c.oid), ") + unproven +
                                     " FROM pg_class c WHERE c.oid = " + oid);
    const std::uint64_t size = number(row);
    std::string why;
    if (row.rows() > 0 && row.text(0, 1) == "t") why = not_validated;
    if (sum + size > bound.bytes)
      why = megabytes(size) + (sum > 0 ? ", with what else is to be refreshed " + megabytes(sum + size) : "") +
            bound.words();
    if (why.empty()) {
      sum += size;
      out.stale.push_back(one);
    } else if (one.kind != 'u') {
      out.hopeless[one.relation] = why;
    }
  }
  return out;
}

}  // namespace lpbm::job
