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

// Those that exist, with their size, in the order of the names. Rows of tables that an extension made itself are in no
// full, and those of unlogged tables in no record.
std::string sizes_of(const std::vector<std::pair<std::string, std::string>>& names) {
  std::string list;
  for (std::size_t place = 0; place < names.size(); ++place)
    list += (place == 0 ? "(" : ",(") + std::to_string(place) + "," + delta::literal(names[place].first) + "," +
            delta::literal(names[place].second) + ")";
  return "SELECT w.place, c.oid, pg_table_size(c.oid) FROM (VALUES " + list +
         ") AS w(place, schema, name) JOIN pg_namespace n ON n.nspname = w.schema::name JOIN pg_class c ON "
         "c.relnamespace = n.oid AND c.relname = w.name::name WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND NOT "
         "EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid WHERE d.classid = "
         "'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' AND NOT coalesce(c.oid = ANY (e.extconfig), "
         "false)) ORDER BY w.place";
}

}  // namespace

ProofLedger::ProofLedger(const Site& site) : site_(site) {
  try {
    const json file = json::parse(read_file(site.own_path(file_name)));
    paused_at_ = file.at("at").get<Micros>();
    pause_ = file.at("pause").get<Micros>();
    for (const json& one : file.at("waiting"))
      waiting_.emplace_back(one.at(0).get<std::string>(), one.at(1).get<std::string>());
  } catch (const std::exception&) {
    waiting_.clear();
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

std::vector<csvlog::Stale> ProofLedger::choose(const TableNames& changed, const std::vector<csvlog::Stale>& except) {
  remember(changed);
  if (waiting_.empty()) return {};
  Connection connection = site_.connect();
  connection.exec(delta::fixed_session(site_.settings().encoding));
  connection.exec("SET lock_timeout = 400");  // the size of a table takes a lock on it
  const auto rows = connection.exec(sizes_of(waiting_));
  std::vector<csvlog::Stale> out;
  decltype(waiting_) existing;
  std::uint64_t sum = 0;
  for (int row = 0; row < rows.rows(); ++row) {
    const auto& [schema, name] = existing.emplace_back(waiting_.at(std::stoul(rows.text(row, 0))));
    const auto oid = static_cast<std::uint32_t>(std::stoul(rows.text(row, 1)));
    const std::uint64_t size = std::stoull(rows.text(row, 2));
    if (out.size() >= max_tables || sum + size > site_.settings().proof_limit ||
        std::ranges::any_of(except, [&](const csvlog::Stale& one) { return one.relation == oid; }))
      continue;
    sum += size;
    out.push_back({'t', oid, schema, name});
  }
  waiting_ = std::move(existing);
  return out;
}

void ProofLedger::forget(const std::vector<csvlog::Stale>& tables) {
  for (const csvlog::Stale& table : tables) std::erase(waiting_, std::pair(table.schema, table.name));
}

void ProofLedger::pause_after(Micros took) {
  paused_at_ = now();
  pause_ = rest * took;
}

void ProofLedger::keep(const TableNames& changed, const std::vector<delta::Proof>& proven) {
  remember(changed);
  for (const delta::Proof& proof : proven) std::erase(waiting_, std::pair(proof.schema, proof.name));
  if (waiting_.size() > max_waiting) waiting_.resize(max_waiting);
  json file{{"at", paused_at_}, {"pause", pause_}, {"waiting", waiting_}};
  try {
    replace_file(site_.own_path(file_name), file.dump(-1, ' ', false, json::error_handler_t::replace));
  } catch (const Error&) {
    // What is missing in the file delays a proof.
  }
}

void add_up(Connection& connection, delta::Proof& proof) {
  codec::MultisetHash sum;
  copy_out(connection, copy_of(proof), "reading " + proof.schema + "." + proof.name,
           [&](std::string_view line) { sum.add(line); });
  proof.rows = sum.count();
  proof.sum = sum.text();
}

std::string difference_from(Connection& connection, const delta::Proof& proof) {
  delta::Proof found = proof;
  try {
    add_up(connection, found);
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
