// What a reader of tables and definitions relies on and no lock of his keeps as his snapshot shows it. Names are looked
// up, and values and definitions are put into words, by the catalogs as they are at that moment (PostgreSQL's system
// caches), not by the snapshot: a schema that is renamed into another's place leads COPY to another table, a renamed
// value of an enum is written as the snapshot's enum does not know it, a view's text names a function as nobody dumps
// it. So the rows of these catalogs are compared with those of the snapshot when the reading is over.
#pragma once

#include <string>
#include <unordered_map>

#include "postgres/connection.h"

namespace lpbm::job {

enum class Watched {
  values,       // what leads to tables and writes their values: schemas, enums, composite types
  definitions,  // what the text of definitions depends on; one that is gone counts as changed
  roles,        // roles and tablespaces, likewise
};

class CatalogWatch {
 public:
  // `reader`: in the transaction of the snapshot. Memory grows with the number of such objects, by some 100 bytes each.
  CatalogWatch(postgres::Connection& reader, Watched watched);
  // What has changed or, where that counts, is gone, as a new snapshot of `now` (outside of a transaction) sees it;
  // empty: nothing. What is new does not count.
  [[nodiscard]] std::string changed(postgres::Connection& now) const;

 private:
  Watched watched_;
  std::unordered_map<std::string, std::string> rows_;  // catalog and oid -> version and name
};

}  // namespace lpbm::job
