/*
 * Relations as the plugin knows them: what a row's text needs is looked up once, under the historic snapshot of the
 * first change, and again when an invalidation says that something it depends on may have changed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type_d.h"
#include "commands/extension.h"
#include "lib/stringinfo.h"
#include "plugin_internal.h"
#include "record.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static HTAB* relations = NULL;
static MemoryContext relations_context = NULL;

void lpbm_relations_forget(void) {
  HASH_SEQ_STATUS status;
  LpbmRelation* entry;

  if (relations == NULL) return;
  hash_seq_init(&status, relations);
  while ((entry = hash_seq_search(&status)) != NULL) entry->valid = false;
}

static void forget_relation(Datum argument, Oid relid) {
  LpbmRelation* entry;

  (void)argument;
  if (relations == NULL) return;
  if (!OidIsValid(relid)) {
    lpbm_relations_forget();
    return;
  }
  entry = hash_search(relations, &relid, HASH_FIND, NULL);
  if (entry != NULL) entry->valid = false;
}

static void forget_all(Datum argument, int cache, uint32 hash) {
  (void)argument;
  (void)cache;
  (void)hash;
  lpbm_relations_forget();
}

void lpbm_relations_start(MemoryContext context) {
  static bool registered = false;
  HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(LpbmRelation), .hcxt = context};

  if (!registered) {
    CacheRegisterRelcacheCallback(forget_relation, (Datum)0);
    CacheRegisterSyscacheCallback(NAMESPACEOID, forget_all, (Datum)0);
    CacheRegisterSyscacheCallback(TYPEOID, forget_all, (Datum)0);
    CacheRegisterSyscacheCallback(OPEROID, forget_all, (Datum)0);
    registered = true;
  }
  relations_context = context;
  relations = hash_create("lpbm relations", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void lpbm_relations_stop(void) {
  relations = NULL;
}

/* --- membership of extensions --------------------------------------------------------------------------------------
 */

static bool configuration_lists(Oid extension, Oid relid) {
  Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  SysScanDesc scan;
  HeapTuple tuple;
  bool listed = false;

  ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
  scan = systable_beginscan(catalog, ExtensionOidIndexId, true, NULL, 1, &key);
  tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool null;
    Datum datum = heap_getattr(tuple, Anum_pg_extension_extconfig, RelationGetDescr(catalog), &null);

    if (!null) {
      ArrayType* array = DatumGetArrayTypeP(datum);
      Oid* oids = (Oid*)ARR_DATA_PTR(array);

      for (int i = 0; i < ARR_DIMS(array)[0]; i++)
        if (oids[i] == relid) listed = true;
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return listed;
}

/*
 * pg_dump does not carry the rows of an extension's tables, unless the extension says that they are configuration;
 * neither do we. The library's own tables are never data.
 */
bool lpbm_belongs_to_extension(Oid relid) {
  Oid extension = getExtensionOfObject(RelationRelationId, relid);
  char* name;

  if (!OidIsValid(extension)) return false;
  name = get_extension_name(extension);
  if (name != NULL && strcmp(name, "lpbm") == 0) return true;
  return !configuration_lists(extension, relid);
}

/* A rewrite may change the persistence: what arrives is logged, and counts. */
static bool is_skipped(Relation relation, Relation original) {
  Form_pg_class form = original->rd_rel;

  if (form->relkind != RELKIND_RELATION && form->relkind != RELKIND_PARTITIONED_TABLE) return true;
  if (relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT) return true;
  if (RelationGetRelid(original) < FirstNormalObjectId) return true; /* information_schema */
  return lpbm_belongs_to_extension(RelationGetRelid(original));
}

/* --- building an entry -----------------------------------------------------------------------------------------------
 */

static LpbmOutput output_of(Oid function) {
  switch (function) {
    case F_INT2OUT:
      return LPBM_OUT_INT2;
    case F_INT4OUT:
      return LPBM_OUT_INT4;
    case F_INT8OUT:
      return LPBM_OUT_INT8;
    case F_BOOLOUT:
      return LPBM_OUT_BOOL;
    case F_TEXTOUT:
    case F_VARCHAROUT:
    case F_BPCHAROUT:
      return LPBM_OUT_TEXT;
    default:
      return LPBM_OUT_FUNCTION;
  }
}

static void build_columns(LpbmRelation* entry, TupleDesc descriptor) {
  entry->attributes = descriptor->natts;
  entry->columns = palloc0(Max(1, descriptor->natts) * sizeof(LpbmColumn));
  entry->column_count = 0;
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    LpbmColumn* column = &entry->columns[entry->column_count];
    Oid function;

    if (attribute->attisdropped || attribute->attgenerated != '\0') continue;
    column->index = i;
    getTypeOutputInfo(attribute->atttypid, &function, &column->varlena);
    column->output = output_of(function);
    fmgr_info_cxt(function, &column->function, CurrentMemoryContext);
    entry->column_count++;
  }
  for (int i = 0; i < 2; i++) {
    entry->values[i] = palloc(Max(1, descriptor->natts) * sizeof(Datum));
    entry->nulls[i] = palloc(Max(1, descriptor->natts) * sizeof(bool));
    entry->texts[i] = palloc(Max(1, descriptor->natts) * sizeof(LpbmText));
  }
}

static char* operator_text(Oid family, Oid type) {
  Oid equality = get_opfamily_member(family, type, type, BTEqualStrategyNumber);
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equality));
  Form_pg_operator form;
  char* text;

  if (!HeapTupleIsValid(tuple)) elog(ERROR, "no equality operator for type %u in operator family %u", type, family);
  form = (Form_pg_operator)GETSTRUCT(tuple);
  if (form->oprnamespace == PG_CATALOG_NAMESPACE && strcmp(NameStr(form->oprname), "=") == 0)
    text = pstrdup("=");
  else
    text =
        psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
  ReleaseSysCache(tuple);
  return text;
}

/*
 * The operators of the valid replica identity's columns, by attribute; sets entry->identity. What relreplident says is
 * not enough: a deferrable key, or an index that was dropped, delivers no old key.
 */
static char** build_identity(LpbmRelation* entry, Relation relation) {
  char** operators = palloc0(Max(1, RelationGetDescr(relation)->natts) * sizeof(char*));
  Oid index_oid;
  Relation index;

  if (relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL) {
    entry->identity = 'f';
    return operators;
  }
  entry->identity = 'n';
  index_oid = RelationGetReplicaIndex(relation);
  if (!OidIsValid(index_oid)) return operators;
  index = RelationIdGetRelation(index_oid);
  if (!RelationIsValid(index)) elog(ERROR, "could not open replica identity index %u", index_oid);
  for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++) {
    AttrNumber attribute = index->rd_index->indkey.values[i];

    if (attribute <= 0) elog(ERROR, "replica identity index %u has a column that is no plain column", index_oid);
    operators[attribute - 1] =
        index->rd_opcintype[i] == RECORDOID ||
                index->rd_indcollation[i] != TupleDescAttr(RelationGetDescr(relation), attribute - 1)->attcollation
            ? "text"
            : operator_text(index->rd_opfamily[i], index->rd_opcintype[i]);
  }
  RelationClose(index);
  entry->identity = 'k';
  return operators;
}

static void append_field(StringInfo buffer, const char* text) {
  appendStringInfoChar(buffer, '\t');
  lpbm_append_escaped(buffer, text, strlen(text));
}

static void build_definition(LpbmRelation* entry, TupleDesc descriptor, char** operators) {
  StringInfoData buffer;

  initStringInfo(&buffer);
  append_field(&buffer, entry->schema);
  append_field(&buffer, entry->name);
  appendStringInfo(&buffer, "\t%c\t%d", entry->identity, entry->column_count);
  for (int i = 0; i < entry->column_count; i++) {
    LpbmColumn* column = &entry->columns[i];
    char* equality = operators[column->index];

    column->key = equality != NULL;
    append_field(&buffer, NameStr(TupleDescAttr(descriptor, column->index)->attname));
    append_field(&buffer, equality != NULL ? equality : "");
    append_field(&buffer,
                 TupleDescAttr(descriptor, column->index)->attidentity == ATTRIBUTE_IDENTITY_ALWAYS ? "a" : "");
  }
  entry->definition = buffer.data;
  entry->definition_length = buffer.len;
}

static void build(LpbmRelation* entry, Relation relation) {
  Oid rewritten = relation->rd_rel->relrewrite;
  Relation original = OidIsValid(rewritten) ? RelationIdGetRelation(rewritten) : relation;
  MemoryContext old;
  char** operators;

  if (!RelationIsValid(original)) elog(ERROR, "could not open relation %u, which is rewritten", rewritten);
  if (entry->context != NULL) MemoryContextDelete(entry->context);
  entry->context = AllocSetContextCreate(relations_context, "lpbm relation", ALLOCSET_SMALL_SIZES);
  old = MemoryContextSwitchTo(entry->context);
  entry->epoch = 0;
  entry->blamed = InvalidXLogRecPtr;
  entry->skipped = is_skipped(relation, original);
  if (!entry->skipped) {
    entry->schema = get_namespace_name(RelationGetNamespace(original));
    if (entry->schema == NULL) elog(ERROR, "schema of relation %u is missing", entry->relid);
    entry->name = pstrdup(RelationGetRelationName(original));
    build_columns(entry, RelationGetDescr(original));
    operators = build_identity(entry, original);
    build_definition(entry, RelationGetDescr(original), operators);
    if (RelationGetDescr(relation)->natts != entry->attributes)
      elog(ERROR, "the rewritten table %u has other columns than its original", entry->relid);
  }
  MemoryContextSwitchTo(old);
  if (original != relation) RelationClose(original);
}

LpbmRelation* lpbm_relation(Relation relation) {
  Oid relid = RelationGetRelid(relation);
  bool found;
  LpbmRelation* entry = hash_search(relations, &relid, HASH_ENTER, &found);

  if (!found) MemSet((char*)entry + sizeof(Oid), 0, sizeof(LpbmRelation) - sizeof(Oid));
  if (!entry->valid) {
    entry->valid = true; /* before: what arrives while it is built makes it invalid again */
    PG_TRY();
    { build(entry, relation); }
    PG_CATCH();
    {
      entry->valid = false;
      PG_RE_THROW();
    }
    PG_END_TRY();
  }
  return entry;
}

void lpbm_relation_define(LpbmRelation* entry) {
  if (entry->epoch == lpbm_record_epoch()) return;
  lpbm_put_text("R");
  lpbm_put_number(entry->relid);
  lpbm_put_raw(entry->definition, entry->definition_length);
  lpbm_put_end();
  entry->epoch = lpbm_record_epoch();
}
