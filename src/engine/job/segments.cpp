#include "job/segments.h"

#include <algorithm>

namespace lpbm::job {

template <typename Step>
void Segments::guarded(Step step) {
  if (failure_) return;
  try {
    step();
  } catch (...) {
    failure_ = std::current_exception();
    current_.reset();
  }
}

template <typename Step>
void Segments::change(Step step) {
  guarded([&] {
    if (!written_) {
      if (!current_) open_segment();
      current_->script->begin(head_);
      written_ = true;
    }
    step(*current_->script);
  });
}

void Segments::open_segment() {
  current_ = std::make_unique<Segment>(open_());
  relations_.forget_given();
}

void Segments::close_segment() {
  // What the records up to the cut have made stale meanwhile has none.
  const std::vector<csvlog::Stale> open = current_->script->open();
  for (const delta::Proof& proof : complete_ ? proofs_ : std::vector<delta::Proof>{})
    if (std::ranges::none_of(open, [&](const csvlog::Stale& one) { return one.relation == proof.relation; }))
      current_->script->prove(proof);
  current_->script->finish();
  current_->object->finish();
  done_.push_back(std::move(*current_));
  current_.reset();
  left_out_ = false;
}

void Segments::finish(bool even_empty) {
  if (inside_) left_out_ = true;
  guarded([&] {
    if (current_) return close_segment();
    if (!even_empty || !done_.empty()) return;
    // It holds no record: what was left out still is.
    const bool left_out = left_out_;
    open_segment();
    close_segment();
    left_out_ = left_out;
  });
}

void Segments::begin(const csvlog::RecordHead& head) {
  inside_ = true;
  head_ = head;
  written_ = at_own_ = false;
  if (current_) change([](delta::ScriptWriter&) {});
}

void Segments::end(std::uint64_t rows) {
  inside_ = false;
  complete_ = complete_ || at_own_;
  if (!written_) left_out_ = true;
  guarded([&] {
    if (!written_) return;
    current_->script->end(rows);
    if (current_->script->at_anchor()) close_segment();
  });
}

void Segments::abandon() {
  inside_ = false;
  guarded([&] {
    if (written_) current_->script->abandon();
  });
}

void Segments::stale(const csvlog::Stale& stale) {
  change([&](delta::ScriptWriter& script) { script.stale(stale); });
}

void Segments::anchor(const std::string& nonce) {
  if (csvlog::is_cut(nonce) && nonce != own_nonce_) return;  // of a refresh that was given up
  at_own_ = !own_nonce_.empty() && nonce == own_nonce_;
  if (at_own_ || (!current_ && unknown_())) change([](delta::ScriptWriter&) {});
  guarded([&] {
    if (written_) current_->script->anchor(nonce);
  });
}

void Segments::relation(const csvlog::Relation& relation) {
  guarded([&] { relations_.define(relation); });
}

void Segments::begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) {
  change([&](delta::ScriptWriter& script) {
    relations_.give(relation, script);
    script.begin_row(kind, relation, old_given, large);
  });
}

void Segments::row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values) {
  change([&](delta::ScriptWriter& script) {
    relations_.give(relation, script);
    script.row(kind, relation, old_given, values);
  });
}

void Segments::begin_value(ValueKind kind) {
  change([&](delta::ScriptWriter& script) { script.begin_value(kind); });
}

void Segments::value(std::string_view slice) {
  change([&](delta::ScriptWriter& script) { script.value(slice); });
}

void Segments::end_row() {
  change([&](delta::ScriptWriter& script) { script.end_row(); });
}

void Segments::truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) {
  change([&](delta::ScriptWriter& script) { script.truncate(cascade, restart, tables); });
}

void Segments::ddl(const csvlog::Ddl& ddl) {
  change([&](delta::ScriptWriter& script) { script.ddl(ddl); });
}

void Segments::rewrite(std::uint32_t relation) {
  change([&](delta::ScriptWriter& script) {
    relations_.give(relation, script);
    script.rewrite(relation);
  });
}

void Segments::column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) {
  change([&](delta::ScriptWriter& script) {
    relations_.give(relation, script);
    script.column_value(relation, column, value_or_null);
  });
}

void Segments::sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                        bool called) {
  change([&](delta::ScriptWriter& script) { script.sequence(schema, name, last_value, called); });
}

void Segments::hole(const std::string& code, const std::string& detail) {
  change([&](delta::ScriptWriter& script) { script.hole(code, detail); });
}

}  // namespace lpbm::job
