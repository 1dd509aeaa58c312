#include "ddl_index.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "ddl_target.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

bool lpbm_has_invalid_index(Oid relid) {
  bool is_index = OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_INDEX;
  Relation catalog = table_open(IndexRelationId, AccessShareLock);
  SysScanDesc scan;
  ScanKeyData key;
  HeapTuple tuple;
  bool found = false;

  ScanKeyInit(&key, is_index ? Anum_pg_index_indexrelid : Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(relid));
  scan = systable_beginscan(catalog, is_index ? IndexRelidIndexId : IndexIndrelidIndexId, OidIsValid(relid), NULL,
                            OidIsValid(relid) ? 1 : 0, &key);
  while (!found && HeapTupleIsValid(tuple = systable_getnext(scan))) {
    Form_pg_index form = (Form_pg_index)GETSTRUCT(tuple);

    found = !form->indisvalid && get_rel_relkind(form->indexrelid) == RELKIND_INDEX;
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

bool lpbm_has_invalid_index_below(RangeVar* name) {
  Oid relid = name != NULL ? RangeVarGetRelidExtended(name, NoLock, RVR_MISSING_OK, NULL, NULL) : InvalidOid;
  ListCell* cell;

  if (name == NULL) return lpbm_has_invalid_index(InvalidOid);
  if (!OidIsValid(relid)) return false;
  foreach (cell, find_all_inheritors(relid, NoLock, NULL))
    if (lpbm_has_invalid_index(lfirst_oid(cell))) return true;
  return false;
}

bool lpbm_truncates_invalid_index(TruncateStmt* statement) {
  List* tables = NIL;
  List* more;
  ListCell* cell;

  foreach (cell, statement->relations) {
    Oid relid = RangeVarGetRelidExtended(lfirst_node(RangeVar, cell), NoLock, RVR_MISSING_OK, NULL, NULL);

    if (OidIsValid(relid)) tables = list_concat_unique_oid(tables, find_all_inheritors(relid, NoLock, NULL));
  }
  /* As TRUNCATE itself looks for what refers to what it empties. */
  while (statement->behavior == DROP_CASCADE && (more = heap_truncate_find_FKs(tables)) != NIL)
    tables = list_concat_unique_oid(tables, more);
  foreach (cell, tables)
    if (lpbm_has_invalid_index(lfirst_oid(cell))) return true;
  return false;
}

bool lpbm_is_invalid_index(RangeVar* name) {
  Oid relid = name != NULL ? RangeVarGetRelidExtended(name, NoLock, RVR_MISSING_OK, NULL, NULL) : InvalidOid;

  return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_INDEX && lpbm_has_invalid_index(relid);
}

LpbmTargets lpbm_count_invalid_indexes(DropStmt* statement) {
  LpbmTargets targets = {0, 0, 0};
  ListCell* cell;

  foreach (cell, statement->objects) {
    RangeVar* name = lpbm_relation_name(lfirst(cell));
    Oid relid = name != NULL ? RangeVarGetRelidExtended(name, NoLock, RVR_MISSING_OK, NULL, NULL) : InvalidOid;

    if (OidIsValid(relid)) lpbm_count_target(&targets, lpbm_has_invalid_index(relid));
  }
  return targets;
}
