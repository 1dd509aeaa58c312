// Cuts the records of one reading into segments, one delta each: a segment ends at the anchor of a full, so that no
// delta lies across one.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "csvlog/record.h"
#include "delta/script_writer.h"
#include "job/leftovers.h"
#include "job/relations.h"
#include "job/site.h"

namespace lpbm::job {

// A script on its way into the store, as the object "script" of an entry.
struct Segment {
  std::unique_ptr<PendingEntry> pending;
  std::unique_ptr<ObjectWriter> object;
  std::unique_ptr<delta::ScriptWriter> script;
  Micros started = 0;
};

// A RecordHandler that opens a segment at the first change: anchors alone make none, but that of a full where something
// is unknown, which the script must tell (delta/script_writer.h). What goes wrong while writing is
// kept in failure(), and the records that follow are dropped: reading must go on to the fence whatever becomes of the
// store.
class Segments final : public csvlog::RecordHandler {
 public:
  using Open = std::function<Segment()>;
  // `unknown`: whether something waits for a refresh where the next segment begins.
  explicit Segments(
      Open open, std::function<bool()> unknown = [] { return false; })
      : open_(std::move(open)), unknown_(std::move(unknown)) {}

  // With it a segment ends at this anchor too, one without changes if need be, and reading is done: see complete().
  // `proofs` hold there.
  void end_at(const std::string& nonce, std::vector<delta::Proof> proofs = {}) {
    own_nonce_ = nonce;
    proofs_ = std::move(proofs);
  }
  [[nodiscard]] bool complete() const { return complete_; }
  // Completes the segment that is still open. With `even_empty` there is one segment at least, if need be without
  // changes.
  void finish(bool even_empty);
  [[nodiscard]] std::exception_ptr failure() const { return failure_; }
  // The finished ones, in order; their objects are handed to the store but not confirmed.
  [[nodiscard]] std::vector<Segment>& done() { return done_; }
  // Whether records were read that no segment of done() holds.
  [[nodiscard]] bool left_out() const { return left_out_; }

  void begin(const csvlog::RecordHead& head) override;
  void relation(const csvlog::Relation& relation) override;
  void begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) override;
  void row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values) override;
  void begin_value(ValueKind kind) override;
  void value(std::string_view slice) override;
  void end_row() override;
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override;
  void ddl(const csvlog::Ddl& ddl) override;
  void rewrite(std::uint32_t relation) override;
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) override;
  void sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                bool called) override;
  void hole(const std::string& code, const std::string& detail) override;
  void stale(const csvlog::Stale& stale) override;
  void anchor(const std::string& nonce) override;
  void end(std::uint64_t rows) override;
  void abandon() override;

 private:
  template <typename Step>
  void guarded(Step step);
  // A part of the record that is a change: opens the segment where there is none.
  template <typename Step>
  void change(Step step);
  void open_segment();
  void close_segment();

  Open open_;
  std::function<bool()> unknown_;
  std::unique_ptr<Segment> current_;
  std::vector<Segment> done_;
  std::exception_ptr failure_;
  KnownRelations relations_;
  csvlog::RecordHead head_;
  bool inside_ = false;   // in a record
  bool written_ = false;  // this record was begun in the segment's script
  bool left_out_ = false;
  std::string own_nonce_;
  std::vector<delta::Proof> proofs_;
  bool at_own_ = false, complete_ = false;
};

}  // namespace lpbm::job
