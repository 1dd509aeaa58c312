#include "delta/relation_sql.h"

#include <functional>

#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

using csvlog::Identity;

constexpr const char* stage_name = "pg_temp.lpbm_stage";

// Operators are named with their schema, as everything else is: code that rows run at a restore may have changed the
// search_path. That rules IS [NOT] DISTINCT FROM out, too, which looks for one by name.
constexpr const char* equals = " OPERATOR(pg_catalog.=) ";

// Whether the exact text of a column is `text`, or both are NULL. IS NULL would not do: a row of nulls is NULL to it.
std::string has_text(const std::string& column, const std::string& text) {
  const std::string nulls = "pg_catalog.num_nulls(" + column + ")" + equals;
  return "(CASE WHEN " + nulls + "0 THEN pg_catalog.format('%s', " + column + ")" + equals + text + " ELSE " + text +
         " IS NULL END)";
}

std::string key_operator(const csvlog::Column& column) {
  return column.key_operator == "=" ? equals : " " + column.key_operator + " ";
}

std::string numbered(const char* letter, std::size_t number) {
  return letter + std::to_string(number + 1);
}

void separate(std::string& list, const char* separator) {
  if (!list.empty()) list += separator;
}

}  // namespace

struct RelationSql::Values {
  std::function<std::string(std::size_t column)> fresh;       // of the column at this position
  std::function<std::string(std::size_t place)> identifying;  // of the column at this place of identity()
  bool staged;
};

RelationSql::RelationSql(const csvlog::Relation& relation)
    : relation_(relation), table_(qualified(relation.schema, relation.name)) {
  std::string columns;
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const csvlog::Column& column = relation.columns[i];
    names_.push_back(identifier(column.name));
    separate(columns, ",");
    columns += names_.back();
    if (relation.identity == Identity::full || (relation.identity == Identity::key && !column.key_operator.empty()))
      identity_.push_back(i);
  }
  copy_ = "COPY " + table_ + (columns.empty() ? "" : " (" + columns + ")") + " FROM stdin;";
}

bool RelationSql::compared_as_text(std::size_t column) const {
  return relation_.identity == Identity::full || relation_.columns[column].key_operator == "text";
}

bool RelationSql::sets_always(const ColumnSet& set) const {
  for (std::size_t i = 0; i < set.size(); ++i)
    if (set[i] && relation_.columns[i].identity_always) return true;
  return false;
}

// The condition that one row meets.
std::string RelationSql::match(const Values& values) const {
  const std::string prefix = relation_.identity == Identity::full ? "x." : values.staged ? "t." : "";
  std::string out;
  for (std::size_t place = 0; place < identity_.size(); ++place) {
    const std::size_t column = identity_[place];
    const std::string name = prefix + names_[column];
    separate(out, " AND ");
    if (relation_.identity == Identity::full)
      out += has_text(name, values.identifying(place));
    else if (compared_as_text(column))
      out += "pg_catalog.format('%s', " + name + ")" + equals + values.identifying(place);
    else
      out += name + key_operator(relation_.columns[column]) + values.identifying(place);
  }
  if (relation_.identity != Identity::full) return out;
  // Of rows that are alike in everything, any one.
  return std::string(values.staged ? "t." : "") + "ctid" + equals + "(SELECT x.ctid FROM ONLY " + table_ + " AS x" +
         (values.staged ? std::string(", ") + stage_name + " AS s" : "") + (out.empty() ? "" : " WHERE " + out) +
         " LIMIT 1)";
}

std::string RelationSql::changed(const ColumnSet& set, const Values& values) const {
  if (sets_always(set)) return replaced(set, values);
  std::string assignments;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (!set[i]) continue;
    separate(assignments, ", ");
    assignments += names_[i] + " = " + values.fresh(i);
  }
  // Nothing changed that can be set: the row must be there all the same.
  for (std::size_t i = 0; i < set.size() && assignments.empty(); ++i)
    if (!relation_.columns[i].identity_always)
      assignments = names_[i] + " = " + (values.staged ? "t." : "") + names_[i];
  if (assignments.empty()) return {};
  return "UPDATE ONLY " + table_ + (values.staged ? " AS t" : "") + " SET " + assignments +
         (values.staged ? std::string(" FROM ") + stage_name + " AS s" : "") + " WHERE " + match(values) + ";";
}

// An UPDATE cannot set a column that is GENERATED ALWAYS AS IDENTITY: the row is taken out and put back.
std::string RelationSql::replaced(const ColumnSet& set, const Values& values) const {
  std::string columns, list;
  for (std::size_t i = 0; i < set.size(); ++i) {
    separate(columns, ",");
    separate(list, ", ");
    columns += names_[i];
    list += set[i] ? values.fresh(i) : "o." + names_[i];
  }
  const std::string staged = std::string(stage_name) + " AS s";
  return "WITH o AS (DELETE FROM ONLY " + table_ + (values.staged ? " AS t USING " + staged : "") + " WHERE " +
         match(values) + " RETURNING " + (values.staged ? "t.*" : "*") + ") INSERT INTO " + table_ + " (" + columns +
         ") OVERRIDING SYSTEM VALUE SELECT " + list + " FROM o" + (values.staged ? ", " + staged : "") + ";";
}

std::string RelationSql::update(const ColumnSet& set) const {
  std::vector<std::size_t> numbers(set.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < set.size(); ++i)
    if (set[i]) numbers[i] = count++;
  const Values values{[&](std::size_t column) { return numbered("$", numbers[column]); },
                      [&](std::size_t place) { return numbered("$", count + place); }, false};
  return changed(set, values);
}

std::string RelationSql::erase() const {
  const Values values{{}, [](std::size_t place) { return numbered("$", place); }, false};
  return "DELETE FROM ONLY " + table_ + " WHERE " + match(values) + ";";
}

std::string RelationSql::stage(bool old_given, bool new_given) const {
  std::string list;
  for (std::size_t place = 0; old_given && place < identity_.size(); ++place) {
    separate(list, ", ");
    list += (compared_as_text(identity_[place]) ? "''::pg_catalog.text" : names_[identity_[place]]) + " AS " +
            numbered("o", place);
  }
  for (std::size_t i = 0; new_given && i < names_.size(); ++i) {
    separate(list, ", ");
    list += names_[i] + " AS " + numbered("n", i);
  }
  return std::string("CREATE TEMPORARY TABLE ") + stage_name + " AS SELECT " + list + " FROM ONLY " + table_ +
         " WITH NO DATA;";
}

std::string RelationSql::stage_copy(bool old_given, bool new_given) const {
  std::string list;
  for (std::size_t place = 0; old_given && place < identity_.size(); ++place) {
    separate(list, ",");
    list += numbered("o", place);
  }
  for (std::size_t i = 0; new_given && i < names_.size(); ++i) {
    separate(list, ",");
    list += numbered("n", i);
  }
  return std::string("COPY ") + stage_name + " (" + list + ") FROM stdin;";
}

std::string RelationSql::staged_update(const ColumnSet& set, bool old_given) const {
  const Values values{[](std::size_t column) { return "s." + numbered("n", column); },
                      [&](std::size_t place) {
                        if (old_given) return "s." + numbered("o", place);
                        const std::size_t column = identity_[place];
                        const std::string name = "s." + numbered("n", column);
                        return compared_as_text(column) ? "pg_catalog.format('%s', " + name + ")" : name;
                      },
                      true};
  return changed(set, values);
}

std::string RelationSql::staged_erase() const {
  const Values values{{}, [](std::size_t place) { return "s." + numbered("o", place); }, true};
  return "DELETE FROM ONLY " + table_ + " AS t USING " + stage_name + " AS s WHERE " + match(values) + ";";
}

}  // namespace lpbm::delta
