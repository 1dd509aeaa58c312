// Writes the rows of records as statements: runs of inserts as COPY blocks, updates and deletes as prepared statements,
// rows above a megabyte through a staging table.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "csvlog/record.h"
#include "delta/record_text.h"
#include "delta/relation_sql.h"

namespace lpbm::delta {

// Called as the RecordHandler that it serves; throws Error (permanent) where a relation is not defined or a row does
// not fit it.
class RowWriter {
 public:
  explicit RowWriter(RecordText& out) : out_(out) {}

  void define(const csvlog::Relation& relation);
  [[nodiscard]] const RelationSql& sql(std::uint32_t id);
  void row(csvlog::RowKind kind, std::uint32_t relation, bool old_given,
           const std::vector<csvlog::RecordHandler::RowValue>& values);
  void begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large);
  void begin_value(csvlog::RecordHandler::ValueKind kind);
  void value(std::string_view slice);
  void end_row();
  // Ends the COPY block that is open, if there is one. To be called before anything else is written.
  void close_copy();
  // The prepared statements are gone.
  void forget_prepared() { ++epoch_; }
  // Drops what is open: the text was abandoned.
  void abandon();
  // Rows that the statements written so far touch.
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  using Kind = csvlog::RecordHandler::ValueKind;
  struct Known {
    explicit Known(const csvlog::Relation& relation) : sql(relation) {}
    RelationSql sql;
    std::map<std::string, std::string> prepared;  // shape of the statement -> name
    std::uint64_t epoch = 0;
    std::string last_shape, last_head;  // the shape used last, and how its EXECUTE begins
  };
  using Values = std::vector<csvlog::RecordHandler::RowValue>;
  struct Value {
    Kind kind;
    std::size_t begin, end;  // in row_
  };
  Known& known(std::uint32_t id);
  void start_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large);
  void finish_row(const Values& values);
  void open_copy(Known& relation);
  void begin_large();
  void end_large(const Values& values);
  void change(const Values& values);
  [[nodiscard]] std::size_t old_count() const;
  [[nodiscard]] bool is_same(const Values& values, std::size_t column) const;
  void find_shape(const Values& values);
  [[nodiscard]] ColumnSet columns_to_set() const;
  const std::string& execute_head();
  void append_execute(const std::string& head, const Values& values);
  void append_line(std::string_view line);

  RecordText& out_;
  std::unordered_map<std::uint32_t, Known> relations_;
  // Those used of late, by the last bits of their id; emptied when relations_ changes.
  std::array<std::pair<std::uint32_t, Known*>, 64> recent_{};
  std::uint64_t epoch_ = 1, next_name_ = 1, rows_ = 0;

  // The COPY block that is open.
  Known* copied_ = nullptr;
  std::uint64_t copied_rows_ = 0;

  // The row that is open.
  Known* relation_ = nullptr;
  csvlog::RowKind kind_ = csvlog::RowKind::insert;
  bool old_given_ = false, large_ = false, streamed_ = false;
  std::string row_;  // values of a small row; of a large one only what is short
  std::vector<Value> values_;
  Values views_;
  std::string shape_;  // D, or U and for each column whether it is set
};

}  // namespace lpbm::delta
