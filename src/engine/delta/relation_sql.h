// The SQL for changes of one relation. Values are parameters ($1, $2, ...), or columns of a staging table for rows that
// are too large for that. Rows are found by their key, or, without one, by the text of all columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "csvlog/record.h"

namespace lpbm::delta {

// Which columns an update sets, by position.
using ColumnSet = std::vector<bool>;

class RelationSql {
 public:
  explicit RelationSql(const csvlog::Relation& relation);

  [[nodiscard]] const csvlog::Relation& relation() const { return relation_; }
  [[nodiscard]] const std::string& table() const { return table_; }
  // Positions of the columns whose old values a row has: the key's, or all.
  [[nodiscard]] const std::vector<std::size_t>& identity() const { return identity_; }
  [[nodiscard]] const std::string& copy() const { return copy_; }

  // Parameters: the values of `set` in column order, then those of identity().
  [[nodiscard]] std::string update(const ColumnSet& set) const;
  [[nodiscard]] std::string erase() const;

  // The staging table: columns o1.. for identity() (unless the old values are not given: then the key is in the new
  // ones) and n1.. for all columns (unless the row is deleted).
  [[nodiscard]] std::string stage(bool old_given, bool new_given) const;
  [[nodiscard]] std::string stage_copy(bool old_given, bool new_given) const;
  [[nodiscard]] std::string staged_update(const ColumnSet& set, bool old_given) const;
  [[nodiscard]] std::string staged_erase() const;

 private:
  // How values are named, and whether `t` names the table.
  struct Values;
  [[nodiscard]] std::string match(const Values& values) const;
  [[nodiscard]] std::string changed(const ColumnSet& set, const Values& values) const;
  [[nodiscard]] std::string replaced(const ColumnSet& set, const Values& values) const;
  [[nodiscard]] bool sets_always(const ColumnSet& set) const;
  [[nodiscard]] bool compared_as_text(std::size_t column) const;

  csvlog::Relation relation_;
  std::string table_, copy_;
  std::vector<std::string> names_;
  std::vector<std::size_t> identity_;
};

}  // namespace lpbm::delta
