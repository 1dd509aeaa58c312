#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_parameter_acl.h"
#include "catalog/pg_shdescription.h"
#include "catalog/pg_shseclabel.h"
#include "catalog/pg_tablespace.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "worker_internal.h"

/* Vacuum changes a database's row as well: only what a backup holds of it counts. */
static uint64 database_hash(HeapTuple tuple, TupleDesc descriptor) {
  static const AttrNumber columns[] = {Anum_pg_database_datname,       Anum_pg_database_datdba,
                                       Anum_pg_database_datacl,        Anum_pg_database_datconnlimit,
                                       Anum_pg_database_datistemplate, Anum_pg_database_dattablespace};
  uint64 sum = 0;

  for (size_t i = 0; i < lengthof(columns); i++) {
    bool null = false;
    Datum value = heap_getattr(tuple, columns[i], descriptor, &null);
    Form_pg_attribute attribute = TupleDescAttr(descriptor, columns[i] - 1);
    const char* bytes = attribute->attbyval ? (const char*)&value : DatumGetPointer(value);
    int length = attribute->attbyval
                     ? (int)sizeof(Datum)
                     : (attribute->attlen > 0 ? attribute->attlen : (int)(null ? 0 : VARSIZE_ANY(bytes)));

    if (!null) sum += hash_bytes_extended((const unsigned char*)bytes, length, i + 1);
  }
  return sum;
}

/* Whether the row says something about this database or the whole server. */
static bool is_ours(Oid catalog, HeapTuple tuple) {
  switch (catalog) {
    case DbRoleSettingRelationId: {
      Oid database = ((Form_pg_db_role_setting)GETSTRUCT(tuple))->setdatabase;

      return database == InvalidOid || database == MyDatabaseId;
    }
    case SharedDescriptionRelationId: {
      Form_pg_shdescription form = (Form_pg_shdescription)GETSTRUCT(tuple);

      return form->classoid != DatabaseRelationId || form->objoid == MyDatabaseId;
    }
    case SharedSecLabelRelationId: {
      Form_pg_shseclabel form = (Form_pg_shseclabel)GETSTRUCT(tuple);

      return form->classoid != DatabaseRelationId || form->objoid == MyDatabaseId;
    }
    case DatabaseRelationId:
      return ((Form_pg_database)GETSTRUCT(tuple))->oid == MyDatabaseId;
    default:
      return true;
  }
}

/* Rows in any order: their hashes are added. */
static uint64 catalog_hash(Oid catalog) {
  Relation relation = table_open(catalog, AccessShareLock);
  TableScanDesc scan = table_beginscan_catalog(relation, 0, NULL);
  HeapTuple tuple;
  uint64 sum = 0;

  while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection))) {
    const unsigned char* header = (const unsigned char*)tuple->t_data;
    size_t begin = offsetof(HeapTupleHeaderData, t_bits); /* NULLs count */

    if (!is_ours(catalog, tuple)) continue;
    if (catalog == DatabaseRelationId)
      sum += database_hash(tuple, RelationGetDescr(relation));
    else
      sum += hash_bytes_extended(header + begin, (int)(tuple->t_len - begin), catalog);
  }
  table_endscan(scan);
  table_close(relation, AccessShareLock);
  return sum;
}

uint64 lpbm_globals_hash(void) {
  static const Oid catalogs[] = {
      AuthIdRelationId,       AuthMemRelationId,        DbRoleSettingRelationId,     TableSpaceRelationId,
      ParameterAclRelationId, SharedSecLabelRelationId, SharedDescriptionRelationId, DatabaseRelationId};
  uint64 sum = 0;

  for (size_t i = 0; i < lengthof(catalogs); i++) sum += catalog_hash(catalogs[i]);
  return sum == 0 ? 1 : sum;
}

bool lpbm_database_comment_begins(const char* words) {
  Relation relation = table_open(SharedDescriptionRelationId, AccessShareLock);
  ScanKeyData keys[2];
  SysScanDesc scan;
  HeapTuple tuple;
  bool begins = false;

  ScanKeyInit(&keys[0], Anum_pg_shdescription_objoid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(MyDatabaseId));
  ScanKeyInit(&keys[1], Anum_pg_shdescription_classoid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(DatabaseRelationId));
  scan = systable_beginscan(relation, SharedDescriptionObjIndexId, true, NULL, 2, keys);
  tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool null = true;
    Datum comment = heap_getattr(tuple, Anum_pg_shdescription_description, RelationGetDescr(relation), &null);

    begins = !null && strncmp(TextDatumGetCString(comment), words, strlen(words)) == 0;
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return begins;
}
