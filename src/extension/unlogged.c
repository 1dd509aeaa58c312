#include "unlogged.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "plugin_internal.h"
#include "utils/fmgrprotos.h"

static uint64 sign_of(const FormData_pg_class* form) {
  Datum table = ObjectIdGetDatum(form->oid);
  int64 values[5];

  values[0] = form->oid;
  values[1] = form->relfilenode;
  values[2] = DatumGetInt64(DirectFunctionCall1(pg_stat_get_tuples_inserted, table));
  values[3] = DatumGetInt64(DirectFunctionCall1(pg_stat_get_tuples_updated, table));
  values[4] = DatumGetInt64(DirectFunctionCall1(pg_stat_get_tuples_deleted, table));
  return hash_bytes_extended((const unsigned char*)values, sizeof(values), 1);
}

uint64 lpbm_unlogged_sign(void) {
  Relation catalog = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
  HeapTuple tuple;
  uint64 sum = 0;

  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    Form_pg_class form = (Form_pg_class)GETSTRUCT(tuple);

    if (form->relpersistence != RELPERSISTENCE_UNLOGGED || form->relkind != RELKIND_RELATION) continue;
    if (form->oid < FirstNormalObjectId || lpbm_belongs_to_extension(form->oid)) continue;
    sum += sign_of(form); /* whatever the order */
    if (sum == 0) sum = 1;
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return sum;
}
