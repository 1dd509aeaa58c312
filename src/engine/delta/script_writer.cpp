#include "delta/script_writer.h"

#include <algorithm>

#include "base/error.h"
#include "csvlog/escape.h"
#include "delta/fixed_session.h"
#include "delta/record_text.h"
#include "delta/row_writer.h"
#include "delta/script_text.h"
#include "delta/sql_lexer.h"
#include "delta/sql_text.h"
#include "delta/stale_tables.h"

namespace lpbm::delta {
namespace {

[[noreturn]] void refuse(const std::string& cause) {
  throw Error(ErrorKind::permanent, "writing a delta", cause);
}

}  // namespace

struct ScriptWriter::State {
  State(ScriptHeader h, Sink& sink)
      : header(std::move(h)),
        out(sink),
        text(sink, header.spool_directory),
        rows(text),
        stale(header.refreshing.open) {}

  ScriptHeader header;
  Sink& out;
  RecordText text;
  RowWriter rows;
  StaleTables stale;
  bool marked = false;  // what was stale at the begin is in the script
  ScriptSummary summary;

  // Of the record that is open.
  csvlog::RecordHead head;
  bool inside = false;
  bool announced = false;  // its -- lpbm:tx line is written
  bool open = false;       // its BEGIN is written
  bool dead = false;       // it has a hole
  bool row_left_out = false;
  std::uint64_t seen = 0;  // rows
  std::uint64_t rows_before = 0;
  std::vector<std::uint32_t> became_stale;
  std::size_t marks_before = 0, forced_before = 0;
  bool marked_before = false;
  Hole hole;
  std::string nonce;

  std::uint64_t rows_written = 0;
  bool forget_prepared = false;  // an abandoned record may have prepared or dropped statements
  bool at_anchor = false;
  std::string anchor_nonce;

  void line(std::string_view statement) {
    text.text().append(statement);
    text.text() += '\n';
  }
  void announce();
  void mark(const csvlog::Stale& what);
  bool leaves_out(std::uint32_t relation);
  void forced_hole(const std::string& code, const std::string& detail);
  void meet_anchor();
  void write_hole(const std::string& code, const std::string& detail);
  bool change(bool in_block = true);
  void write_header();
  void write_ddl(const csvlog::Ddl& ddl);
};

// To be called before anything is written for the open record. False: it is dead, write nothing.
bool ScriptWriter::State::change(bool in_block) {
  if (!inside) refuse("a change stands outside of a record");
  if (dead) return false;
  if (!announced) {
    announce();
  }
  if (in_block && !open) {
    line("BEGIN;");
    open = true;
  }
  return true;
}

void ScriptWriter::State::announce() {
  std::string& out_text = text.text();
  out_text += "-- lpbm:tx ";
  append_lsn(head.lsn, out_text);
  out_text += ' ';
  append_number(head.xid, out_text);
  out_text += ' ';
  out_text += std::to_string(head.time);
  out_text += '\n';
  if (forget_prepared) line("DEALLOCATE ALL;");
  forget_prepared = false;
  announced = true;
  if (!marked)
    for (const csvlog::Stale& one : header.refreshing.open) mark(one);
  marked = true;
}

// In the script only to be seen: whoever replays it must know that a refresh is to follow.
void ScriptWriter::State::mark(const csvlog::Stale& what) {
  const std::string name = what.kind == 'l' ? "large objects" : qualified(what.schema, what.name);
  line(std::string("-- lpbm:stale ") + what.kind + ' ' + std::to_string(what.relation) + ' ' + name);
  summary.stale.push_back({head.lsn, what});
}

// Whether changes of this relation's rows are left out. Rows that may be in it must go all the same.
bool ScriptWriter::State::leaves_out(std::uint32_t relation) {
  if (!stale.contains(relation)) return false;
  if (change() && stale.take_filled(relation)) {
    rows.close_copy();
    line("DELETE FROM ONLY " + rows.sql(relation).table() + ";");
  }
  return true;
}

void ScriptWriter::State::forced_hole(const std::string& code, const std::string& detail) {
  write_hole(code, detail);
  summary.forced.push_back(hole);
}

// Rows that come behind the anchor of a full are those of tables that it knows.
void ScriptWriter::State::meet_anchor() {
  if (nonce.empty() || nonce == header.refreshing.own_anchor || stale.empty() || !change()) return;
  const csvlog::Stale first = stale.all().front();
  forced_hole(code_of(first), name_of(first) + ": it was not refreshed before a full backup began");
}

void ScriptWriter::State::write_header() {
  if (header.manifest.find_first_of("\r\n") != std::string::npos) refuse("the manifest is not on one line");
  line("-- lpbm delta 1");
  line("-- " + header.manifest);
  text.text() += fixed_session(header.encoding);
  text.complete();
}

ScriptWriter::ScriptWriter(ScriptHeader header, Sink& out) : state_(std::make_unique<State>(std::move(header), out)) {
  state_->write_header();
}

ScriptWriter::~ScriptWriter() = default;

void ScriptWriter::finish() {
  State& s = *state_;
  if (s.inside) refuse("the last record is not complete");
  s.line("-- lpbm:end " + std::to_string(s.summary.records) + ' ' + std::to_string(s.rows_written));
  s.text.complete();
  s.text.flush();
}

void ScriptWriter::prove(const Proof& proof) {
  if (state_->inside) refuse("the proof of a table stands inside of a record");
  state_->line("-- lpbm:proof " + proof_text(proof));
}

const ScriptSummary& ScriptWriter::summary() const {
  return state_->summary;
}
bool ScriptWriter::at_anchor() const {
  return state_->at_anchor;
}
const std::string& ScriptWriter::anchor_nonce() const {
  return state_->anchor_nonce;
}

void ScriptWriter::begin(const csvlog::RecordHead& head) {
  State& s = *state_;
  if (s.inside) refuse("a record begins inside of another");
  s.head = head;
  s.inside = true;
  s.announced = s.open = s.dead = false;
  s.seen = 0;
  s.rows_before = s.rows.rows();
  s.became_stale.clear();
  s.marks_before = s.summary.stale.size();
  s.forced_before = s.summary.forced.size();
  s.marked_before = s.marked;
  s.nonce.clear();
}

void ScriptWriter::relation(const csvlog::Relation& relation) {
  state_->rows.define(relation);
  state_->summary.changed.emplace(relation.schema, relation.name);
}

void ScriptWriter::begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) {
  State& s = *state_;
  ++s.seen;
  s.row_left_out = !s.dead && s.leaves_out(relation);
  if (!s.row_left_out && s.change()) s.rows.begin_row(kind, relation, old_given, large);
}

void ScriptWriter::row(csvlog::RowKind kind, std::uint32_t relation, bool old_given,
                       const std::vector<RowValue>& values) {
  State& s = *state_;
  ++s.seen;
  if (!s.dead && s.leaves_out(relation)) return;
  if (s.change()) s.rows.row(kind, relation, old_given, values);
}

void ScriptWriter::begin_value(ValueKind kind) {
  if (!state_->dead && !state_->row_left_out) state_->rows.begin_value(kind);
}

void ScriptWriter::value(std::string_view slice) {
  if (!state_->dead && !state_->row_left_out) state_->rows.value(slice);
}

void ScriptWriter::end_row() {
  if (!state_->dead && !state_->row_left_out) state_->rows.end_row();
}

void ScriptWriter::truncate(bool /*cascade*/, bool restart,
                            const std::vector<std::pair<std::string, std::string>>& tables) {
  State& s = *state_;
  if (!s.change()) return;
  s.rows.close_copy();
  s.summary.changed.insert(tables.begin(), tables.end());
  s.line(truncate_statement(tables, restart));
}

void ScriptWriter::State::write_ddl(const csvlog::Ddl& ddl) {
  const bool local = ddl.kind == 't';
  bool standard_strings = true;
  std::string settings, resets = "RESET ROLE;";
  for (const auto& [name, value] : ddl.settings) {
    settings += set_config(name, literal(value), local) + '\n';
    const char* fixed = fixed_value(name);
    resets += '\n' + set_config(name, fixed ? literal(fixed) : "NULL", local);
    if (name == "standard_conforming_strings") standard_strings = value != "off";
  }
  if (!ddl.role.empty()) settings += (local ? "SET LOCAL ROLE " : "SET ROLE ") + identifier(ddl.role) + ";";
  if (settings.ends_with('\n')) settings.pop_back();
  // The text may end in a comment.
  const std::string command = guard_colons(ddl.text, standard_strings) + "\n;";
  line(std::string("-- lpbm:ddl ") + ddl.kind + ' ' + (ddl.extension.empty() ? "-" : identifier(ddl.extension)) + ' ' +
       std::to_string(settings.size()) + ' ' + std::to_string(command.size()) + ' ' + std::to_string(resets.size()));
  line(settings);
  line(command);
  line(resets);
  line("DEALLOCATE ALL;");
}

void ScriptWriter::ddl(const csvlog::Ddl& ddl) {
  State& s = *state_;
  const bool in_block = ddl.kind == 't';
  if (const csvlog::Stale* waits = s.stale.table(); waits && looks_for_rows(ddl)) {
    if (s.change())
      s.forced_hole("no_replica_identity",
                    "a command that may look for rows ran while " + name_of(*waits) + " waits for its refresh");
    return;
  }
  if (!s.change(in_block)) return;
  ++s.summary.ddl;
  s.rows.close_copy();
  if (!in_block && s.open) {
    s.line("COMMIT;");
    s.open = false;
  }
  s.write_ddl(ddl);
  s.rows.forget_prepared();
  s.change();
  s.text.grown();
}

void ScriptWriter::rewrite(std::uint32_t relation) {
  State& s = *state_;
  if (!s.change()) return;
  s.rows.close_copy();
  s.line("DELETE FROM ONLY " + s.rows.sql(relation).table() + ";");
  s.stale.may_be_filled();
}

void ScriptWriter::column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) {
  State& s = *state_;
  if (!s.dead && s.leaves_out(relation)) return;
  if (!s.change()) return;
  s.rows.close_copy();
  s.line("UPDATE ONLY " + s.rows.sql(relation).table() + " SET " + identifier(column) + " = " +
         (value_or_null ? literal(*value_or_null) : "NULL") + ";");
  s.text.grown();
}

void ScriptWriter::sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                            bool called) {
  State& s = *state_;
  if (!s.change()) return;
  s.rows.close_copy();
  s.line("SELECT pg_catalog.setval(" + literal(regclass_text(schema, name)) + "::pg_catalog.regclass," +
         literal(last_value) + (called ? ",true);" : ",false);"));
}

void ScriptWriter::hole(const std::string& code, const std::string& detail) {
  if (state_->change()) state_->write_hole(code, detail);
}

void ScriptWriter::State::write_hole(const std::string& code, const std::string& detail) {
  State& s = *this;
  s.rows.close_copy();
  std::string line = "-- lpbm:hole ";
  csvlog::escape(code, line);
  line += ' ';
  csvlog::escape(detail, line);
  s.line(line);
  s.text.text() += "ROLLBACK;\n" + hole_message(code, detail);
  s.rows.forget_prepared();
  s.forget_prepared = true;
  s.hole = {s.head.lsn, code, detail};
  s.dead = true;
}

void ScriptWriter::stale(const csvlog::Stale& stale) {
  State& s = *state_;
  if (!s.change()) return;
  const auto hopeless = s.header.refreshing.hopeless.find(stale.relation);
  if (hopeless != s.header.refreshing.hopeless.end())
    return s.forced_hole(code_of(stale), name_of(stale) + ": " + hopeless->second);
  if (!s.header.refreshing.possible)
    return s.write_hole(code_of(stale), stale.kind == 'l' ? "large objects were changed" : name_of(stale));
  s.rows.close_copy();
  if (s.stale.add(stale)) {
    s.became_stale.push_back(stale.relation);
    s.mark(stale);
  }
  if (stale.kind == 't') s.line("DELETE FROM ONLY " + qualified(stale.schema, stale.name) + ";");
}

std::vector<csvlog::Stale> ScriptWriter::open() const {
  return state_->stale.all();
}

void ScriptWriter::anchor(const std::string& nonce) {
  state_->nonce = nonce;
}

void ScriptWriter::end(std::uint64_t rows) {
  State& s = *state_;
  if (!s.inside) refuse("a record ends that did not begin");
  s.meet_anchor();
  if (!s.dead && s.seen != rows)
    refuse("a record has " + std::to_string(s.seen) + " rows and says " + std::to_string(rows));
  s.rows.close_copy();
  if (s.open && !s.dead) s.line("COMMIT;");
  s.text.complete();
  s.inside = false;
  s.at_anchor = !s.nonce.empty();
  s.anchor_nonce = s.nonce;
  ScriptSummary& sum = s.summary;
  if (sum.first == Lsn{}) sum.first = s.head.lsn;
  sum.last = s.head.lsn;
  if (!s.announced) return;
  ++sum.records;
  s.rows_written += s.rows.rows() - s.rows_before;
  sum.rows += s.seen;
  if (s.dead) sum.holes.push_back(s.hole);
  if (s.head.xid == 0) return;
  ++sum.transactions;
  if (sum.first_commit == 0) sum.first_commit = s.head.time;
  sum.last_commit = s.head.time;
  sum.latest_commit = std::max(sum.latest_commit, s.head.time);
}

void ScriptWriter::abandon() {
  State& s = *state_;
  if (!s.inside) return;
  s.inside = false;
  s.rows.abandon();
  s.rows.forget_prepared();
  s.forget_prepared = true;
  for (std::uint32_t relation : s.became_stale) s.stale.remove(relation);
  s.summary.stale.resize(s.marks_before);
  s.summary.forced.resize(s.forced_before);
  s.marked = s.marked_before;
  s.stale.may_be_filled();
  s.text.abandon();
}

}  // namespace lpbm::delta
