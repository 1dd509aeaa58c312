#include "job/table_proofs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/multiset_hash.h"
#include "delta/fixed_session.h"
#include "delta/sql_text.h"
#include "job/copy_out.h"

namespace lpbm::job {
namespace {

using nlohmann::json;
using postgres::Connection;

constexpr const char* file_name = "proofs";
constexpr Micros rest = 30;                // a pause is so many times as long as the work before it
constexpr std::size_t max_waiting = 1000;  // names in the file

// The columns of a primary key whose values every server has and puts into the same order.
constexpr const char* portable_key =
    "(SELECT json_agg(a.attname ORDER BY k.n) FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, "
    "n),"
    " pg_attribute a, pg_type t WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND a.attrelid = c.oid AND"
    " a.attnum = k.attnum AND t.oid = a.atttypid AND k.n <= i.indnkeyatts HAVING bool_and(a.attgenerated = '' AND"
    " t.typnamespace = 'pg_catalog'::regnamespace AND t.typname IN ('int2', 'int4', 'int8', 'numeric', 'uuid', 'date',"
    " 'timestamp', 'timestamptz', 'oid', 'bytea', 'inet', 'cidr', 'macaddr')))";

// Rows that an extension made itself are in no full, and those of unlogged tables in no record. Values that name an
// object are written by its name, or by a number that is another one elsewhere.
constexpr const char* provable =
    "c.relkind = 'r' AND c.relpersistence = 'p' AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid ="
    " d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' AND NOT"
    " coalesce(e.extcondition[array_position(e.extconfig, c.oid)] = '', false)) AND NOT EXISTS (SELECT FROM "
    "pg_attribute"
    " a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND format_type(a.atttypid, NULL) ~"
    " '^(reg|aclitem)')";

// Those that exist, in the order of the names: place, oid, size, estimated rows, and the key for slices.
std::string tables_of(const std::vector<std::pair<std::string, std::string>>& names) {
  std::string list;
  for (std::size_t place = 0; place < names.size(); ++place)
    list += (place == 0 ? "(" : ",(") + std::to_string(place) + "," + delta::literal(names[place].first) + "," +
            delta::literal(names[place].second) + ")";
  return std::string("SELECT w.place, c.oid, pg_table_size(c.oid), c.reltuples::bigint, ") + portable_key +
         " FROM (VALUES " + list +
         ") AS w(place, schema, name) JOIN pg_namespace n ON n.nspname = w.schema::name JOIN pg_class c ON "
         "c.relnamespace = n.oid AND c.relname = w.name::name WHERE " +
         provable + " ORDER BY w.place";
}

std::string row_of(const std::vector<std::string>& items, std::string (*text)(std::string_view)) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "(" : ",") + text(item);
  return out + ")";
}

std::string beyond(const Slice& slice, const char* comparison, const std::vector<std::string>& values) {
  return row_of(slice.key, delta::identifier) + " " + comparison + " " + row_of(values, delta::literal);
}

// The rows of a slice, read by the index of the key.
std::string copy_of_slice(const delta::Proof& proof, const Slice& slice) {
  std::string columns, order;
  for (const std::string& one : proof.columns) columns += (columns.empty() ? "" : ",") + delta::identifier(one);
  for (const std::string& one : slice.key) order += (order.empty() ? "" : ",") + delta::identifier(one);
  return "COPY (SELECT " + columns + " FROM ONLY " + delta::qualified(proof.schema, proof.name) +
         (slice.after.empty() ? "" : " WHERE " + beyond(slice, ">", slice.after)) + " ORDER BY " + order + " LIMIT " +
         std::to_string(slice.rows) + ") TO STDOUT";
}

// Values of the key in a line of COPY.
std::vector<std::string> key_in(std::string_view line, const delta::Proof& proof, const Slice& slice) {
  std::vector<std::string> out(slice.key.size());
  for (const std::string& column : proof.columns) {
    const std::size_t tab = line.find('\t');
    const auto found = std::ranges::find(slice.key, column);
    if (found != slice.key.end())
      unescape_field(line.substr(0, tab), out[static_cast<std::size_t>(found - slice.key.begin())]);
    line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  }
  return out;
}

void add_up(Connection& connection, delta::Proof& proof, const std::string& sql, std::string* last = nullptr) {
  codec::MultisetHash sum;
  copy_out(connection, sql, "reading " + proof.schema + "." + proof.name, [&](std::string_view line) {
    sum.add(line);
    if (last) last->assign(line);
  });
  proof.rows = sum.count();
  proof.sum = sum.text();
}

}  // namespace

ProofLedger::ProofLedger(const Site& site) : site_(site) {
  try {
    const json file = json::parse(read_file(site.own_path(file_name)));
    paused_at_ = file.at("at").get<Micros>();
    pause_ = file.at("pause").get<Micros>();
    for (const json& one : file.at("waiting"))
      waiting_.emplace_back(one.at(0).get<std::string>(), one.at(1).get<std::string>());
    for (const json& one : file.at("places"))
      places_[one.at(0).get<Name>()] = {one.at(1).get<std::uint32_t>(), one.at(2).get<std::vector<std::string>>()};
  } catch (const std::exception&) {
    waiting_.clear();
    places_.clear();
    pause_ = 0;
  }
}

// A clock that was set back does not make the pause longer.
bool ProofLedger::due() const {
  const Micros time = now();
  return site_.settings().proof_limit > 0 && (time < paused_at_ || time - paused_at_ >= pause_);
}

void ProofLedger::remember(const TableNames& changed) {
  for (const auto& table : changed)
    if (std::ranges::find(waiting_, table) == waiting_.end()) waiting_.push_back(table);
}

// As many rows as fit into the limit, by the sizes that the catalog tells.
Slice ProofLedger::next_slice(const Name& table, std::vector<std::string> key, std::uint64_t rows) const {
  Slice slice{rows, std::move(key), {}, 1};
  const auto place = places_.find(table);
  if (place == places_.end() || place->second.after.size() != slice.key.size()) return slice;
  slice.number = place->second.number;
  slice.after = place->second.after;
  return slice;
}

std::vector<ToProve> ProofLedger::choose(const TableNames& changed, const std::vector<csvlog::Stale>& except) {
  remember(changed);
  if (waiting_.empty()) return {};
  Connection connection = site_.connect();
  connection.exec(delta::fixed_session(site_.settings().encoding));
  connection.exec("SET lock_timeout = 400");  // the size of a table takes a lock on it
  const auto rows = connection.exec(tables_of(waiting_));
  const std::uint64_t limit = site_.settings().proof_limit;
  std::vector<ToProve> out;
  decltype(waiting_) existing;
  std::uint64_t sum = 0;
  for (int row = 0; row < rows.rows(); ++row) {
    const Name& name = existing.emplace_back(waiting_.at(std::stoul(rows.text(row, 0))));
    const auto oid = static_cast<std::uint32_t>(std::stoul(rows.text(row, 1)));
    const std::uint64_t size = std::stoull(rows.text(row, 2));
    const double estimate = std::stod(rows.text(row, 3)) * static_cast<double>(limit) / static_cast<double>(size + 1);
    if (out.size() >= max_tables || sum + std::min(size, limit) > limit ||
        std::ranges::any_of(except, [&](const csvlog::Stale& one) { return one.relation == oid; }))
      continue;
    Slice slice;
    if (size > limit) {
      // Names that are not in UTF-8 cannot be read here.
      const json key = json::parse(rows.text(row, 4), nullptr, false);
      if (!key.is_array() || estimate < 1) continue;
      slice = next_slice(name, key.get<std::vector<std::string>>(), static_cast<std::uint64_t>(estimate));
    }
    sum += std::min(size, limit);
    out.push_back({{'t', oid, name.first, name.second}, std::move(slice)});
  }
  waiting_ = std::move(existing);
  return out;
}

void ProofLedger::forget(const std::vector<ToProve>& tables) {
  for (const ToProve& one : tables) {
    const Name name(one.table.schema, one.table.name);
    std::erase(waiting_, name);
    places_.erase(name);
  }
}

void ProofLedger::pause_after(Micros took) {
  paused_at_ = now();
  pause_ = rest * took;
}

void ProofLedger::keep(const TableNames& changed, const std::vector<TableProof>& proven) {
  remember(changed);
  for (const TableProof& one : proven) {
    const Name name(one.proof.schema, one.proof.name);
    std::erase(waiting_, name);
    if (one.last.empty())
      places_.erase(name);
    else
      places_[name] = {one.slice.number + 1, one.last};
  }
  if (waiting_.size() > max_waiting) waiting_.resize(max_waiting);
  json file{{"at", paused_at_}, {"pause", pause_}, {"waiting", waiting_}, {"places", json::array()}};
  for (const auto& [name, place] : places_) file["places"].push_back(json{name, place.number, place.after});
  try {
    replace_file(site_.own_path(file_name), file.dump(-1, ' ', false, json::error_handler_t::replace));
  } catch (const Error&) {
    // What is missing in the file delays a proof.
  }
}

void take_proof(Connection& connection, TableProof& taken) {
  delta::Proof& proof = taken.proof;
  const Slice& slice = taken.slice;
  if (slice.rows == 0) return add_up(connection, proof, copy_of(proof));
  // Nothing is worth sorting the table for.
  connection.exec("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off");
  std::string last;
  add_up(connection, proof, copy_of_slice(proof, slice), &last);
  if (proof.rows == slice.rows) taken.last = key_in(last, proof, slice);
  std::string& condition = proof.condition;
  if (!slice.after.empty()) condition = beyond(slice, ">", slice.after);
  if (!taken.last.empty()) condition += (condition.empty() ? "" : " AND ") + beyond(slice, "<=", taken.last);
}

std::string difference_from(Connection& connection, const delta::Proof& proof) {
  delta::Proof found = proof;
  try {
    add_up(connection, found, copy_of(found));
  } catch (const ReadError& error) {
    if (PQstatus(connection.raw()) != CONNECTION_OK) throw;
    return "it cannot be read: " + error.cause();
  }
  if (found.rows != proof.rows)
    return "it has " + std::to_string(found.rows) + " rows instead of " + std::to_string(proof.rows);
  if (found.sum != proof.sum) return "of its " + std::to_string(proof.rows) + " rows some have other values";
  return {};
}

}  // namespace lpbm::job
