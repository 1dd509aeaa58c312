#include "sequence.h"

#include <unistd.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "decoder.h"
#include "plugin.h"
#include "plugin_internal.h"
#include "record.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/*
 * A position set back and forth by setval() has the same values again, but another LSN of its page; nextval() that
 * leaves the LSN alone moves the values, and never back to where they were.
 */
typedef struct Known {
  Oid oid; /* hash key */
  Oid file;
  XLogRecPtr page;
  int64 last_value;
  bool called;
} Known;

typedef struct Position {
  Known now;
  NameData schema, name;
} Position;

static char directory_path[MAXPGPATH];
static char stream_id[17];
static HTAB* known = NULL; /* what was written */
static bool unsaved = false;

static MemoryContext context = NULL; /* of the lists below */
static Oid* oids = NULL;             /* the database's sequences */
static int oid_count = 0;
static bool oids_valid = false;
static Position* seen = NULL; /* as they were when read last */
static int seen_count = 0;
static int seen_capacity = 0;

/* --- which sequences there are ----------------------------------------------------------------------------------- */

static void forget_relations(Datum argument, Oid relid) {
  (void)argument;
  (void)relid;
  oids_valid = false;
}

static void prepare(void) {
  if (context != NULL) return;
  context = AllocSetContextCreate(TopMemoryContext, "lpbm sequences", ALLOCSET_DEFAULT_SIZES);
  CacheRegisterRelcacheCallback(forget_relations, (Datum)0);
}

/* Sequences of unlogged tables are unlogged themselves; their positions are read all the same. */
static bool is_ours(HeapTuple tuple) {
  Form_pg_class form = (Form_pg_class)GETSTRUCT(tuple);

  return form->relkind == RELKIND_SEQUENCE && form->relpersistence != RELPERSISTENCE_TEMP &&
         !lpbm_belongs_to_extension(form->oid);
}

static void list_sequences(void) {
  Relation catalog = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
  HeapTuple tuple;
  int capacity = 64;

  oids_valid = true; /* before: what changes meanwhile makes it invalid again */
  if (oids != NULL) pfree(oids);
  oids = MemoryContextAlloc(context, capacity * sizeof(Oid));
  oid_count = 0;
  while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
    if (((Form_pg_class)GETSTRUCT(tuple))->relkind != RELKIND_SEQUENCE || !is_ours(tuple)) continue;
    if (oid_count == capacity) {
      capacity *= 2;
      oids = repalloc(oids, capacity * sizeof(Oid));
    }
    oids[oid_count++] = ((Form_pg_class)GETSTRUCT(tuple))->oid;
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

/* --- positions --------------------------------------------------------------------------------------------------- */

static void read_tuple(Relation relation, Known* now) {
  Buffer buffer = ReadBuffer(relation, 0);
  Page page;
  ItemId item;
  HeapTupleData tuple;
  Form_pg_sequence_data data;

  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  page = BufferGetPage(buffer);
  item = PageGetItemId(page, FirstOffsetNumber);
  tuple.t_data = (HeapTupleHeader)PageGetItem(page, item);
  data = (Form_pg_sequence_data)GETSTRUCT(&tuple);
  now->last_value = data->last_value;
  now->called = data->is_called;
  now->page = PageGetLSN(page);
  UnlockReleaseBuffer(buffer);
}

/* False where it is locked exclusively, or gone: the next trigger will see. */
static bool read_position(Oid oid, Position* position) {
  Relation relation;
  char* schema;

  if (!ConditionalLockRelationOid(oid, AccessShareLock)) return false;
  relation = try_relation_open(oid, NoLock);
  if (relation == NULL) {
    UnlockRelationOid(oid, AccessShareLock);
    return false;
  }
  schema = get_namespace_name(RelationGetNamespace(relation));
  if (relation->rd_rel->relkind == RELKIND_SEQUENCE && schema != NULL) {
    position->now.oid = oid;
    position->now.file = relation->rd_rel->relfilenode;
    namestrcpy(&position->schema, schema);
    namestrcpy(&position->name, RelationGetRelationName(relation));
    read_tuple(relation, &position->now);
  } else {
    schema = NULL;
  }
  relation_close(relation, AccessShareLock);
  return schema != NULL;
}

static void add_seen(const Position* position) {
  if (seen_count == seen_capacity) {
    seen_capacity = Max(64, 2 * seen_capacity);
    seen = seen == NULL ? MemoryContextAlloc(context, seen_capacity * sizeof(Position))
                        : repalloc_huge(seen, seen_capacity * sizeof(Position));
  }
  seen[seen_count++] = *position;
}

static bool is_known(const Known* now) {
  Known* before = hash_search(known, &now->oid, HASH_FIND, NULL);

  return before != NULL && before->file == now->file && before->page == now->page &&
         before->last_value == now->last_value && before->called == now->called;
}

void lpbm_sequences_read(void) {
  prepare();
  if (known == NULL) elog(ERROR, "lpbm_sequences_open was not called");
  seen_count = 0;
  if (!oids_valid) list_sequences();
  for (int i = 0; i < oid_count; i++) {
    Position position;

    if (read_position(oids[i], &position)) add_seen(&position);
  }
}

int lpbm_sequences_pending(void) {
  int count = 0;

  for (int i = 0; i < seen_count; i++) count += is_known(&seen[i].now) ? 0 : 1;
  return count;
}

/* Whether it is still what it was when it was read first, and so was at all times in between. */
static bool is_unchanged(const Position* position) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(position->now.oid));
  Form_pg_class form;
  char* schema;
  bool same;

  if (!HeapTupleIsValid(tuple)) return false;
  form = (Form_pg_class)GETSTRUCT(tuple);
  schema = get_namespace_name(form->relnamespace);
  same = form->relfilenode == position->now.file && namestrcmp(&form->relname, NameStr(position->name)) == 0 &&
         schema != NULL && namestrcmp(unconstify(NameData*, &position->schema), schema) == 0;
  ReleaseSysCache(tuple);
  return same;
}

static void note_known(const Known* now) {
  Known* entry = hash_search(known, &now->oid, HASH_ENTER, NULL);

  *entry = *now;
  unsaved = true;
}

bool lpbm_sequences_look_again(void) {
  bool complete = true;
  int kept = 0;

  for (int i = 0; i < seen_count; i++) {
    Position now;

    if (is_unchanged(&seen[i]) && read_position(seen[i].now.oid, &now) && now.now.file == seen[i].now.file)
      seen[kept++] = now;
    else if (!is_known(&seen[i].now))
      complete = false;
  }
  seen_count = kept;
  return complete;
}

bool lpbm_sequences_emit(void) {
  bool begun = false;
  char text[32];

  for (int i = 0; i < seen_count; i++) {
    if (is_known(&seen[i].now)) continue;
    if (!begun && !lpbm_plugin_begin_positions(lpbm_decoder_progress()->decoded_upto)) return false;
    begun = true;
    lpbm_put_text("S");
    lpbm_put_string(NameStr(seen[i].schema));
    lpbm_put_string(NameStr(seen[i].name));
    snprintf(text, sizeof(text), INT64_FORMAT, seen[i].now.last_value);
    lpbm_put_string(text);
    lpbm_put_string(seen[i].now.called ? "t" : "f");
    lpbm_put_end();
    note_known(&seen[i].now);
  }
  if (begun) lpbm_plugin_end_positions();
  return true;
}

/* --- what is known, across restarts ------------------------------------------------------------------------------ */

static void clear_known(void) {
  HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(Known), .hcxt = TopMemoryContext};

  if (known != NULL) hash_destroy(known);
  known = hash_create("lpbm sequences", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  unsaved = false;
}

static void file_path(char* path, const char* suffix) {
  if (snprintf(path, MAXPGPATH, "%s/sequences%s", directory_path, suffix) >= MAXPGPATH)
    elog(ERROR, "the path in lpbm.directory is too long");
}

/* Reads what was saved; false where it is of another stream, or not whole. */
static bool load(FILE* file) {
  char line[128];
  char expected[64];
  unsigned count = 0;

  snprintf(expected, sizeof(expected), "lpbm-sequences 2 %s\n", stream_id);
  if (fgets(line, sizeof(line), file) == NULL || strcmp(line, expected) != 0) return false;
  while (fgets(line, sizeof(line), file) != NULL) {
    Known now = {0};
    unsigned total;
    int called;

    if (sscanf(line, "end %u", &total) == 1) return total == count && strchr(line, '\n') != NULL;
    if (sscanf(line, "%u %u " UINT64_FORMAT " " INT64_FORMAT " %d", &now.oid, &now.file, &now.page, &now.last_value,
               &called) != 5)
      return false;
    now.called = called != 0;
    note_known(&now);
    count++;
  }
  return false;
}

void lpbm_sequences_rewind(void) {
  char path[MAXPGPATH];
  FILE* file;

  prepare();
  clear_known();
  seen_count = 0;
  if (directory_path[0] == '\0') return;
  file_path(path, "");
  file = AllocateFile(path, PG_BINARY_R);
  if (file == NULL) {
    if (errno != ENOENT) ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
    return;
  }
  if (!load(file)) clear_known();
  FreeFile(file);
  unsaved = false;
}

void lpbm_sequences_open(const char* directory, const char* stream) {
  strlcpy(directory_path, directory, sizeof(directory_path));
  strlcpy(stream_id, stream, sizeof(stream_id));
  lpbm_sequences_rewind();
}

static bool write_all(FILE* file) {
  HASH_SEQ_STATUS status;
  Known* entry;
  unsigned count = 0;

  fprintf(file, "lpbm-sequences 2 %s\n", stream_id);
  hash_seq_init(&status, known);
  while ((entry = hash_seq_search(&status)) != NULL) {
    fprintf(file, "%u %u " UINT64_FORMAT " " INT64_FORMAT " %d\n", entry->oid, entry->file, entry->page,
            entry->last_value, entry->called ? 1 : 0);
    count++;
  }
  fprintf(file, "end %u\n", count);
  return fflush(file) == 0 && ferror(file) == 0;
}

/* Sequences that are gone need not be remembered. */
static void forget_dropped(void) {
  HASH_SEQ_STATUS status;
  Known* entry;

  if (!oids_valid || hash_get_num_entries(known) <= oid_count) return;
  hash_seq_init(&status, known);
  while ((entry = hash_seq_search(&status)) != NULL) {
    bool listed = false;

    for (int i = 0; i < oid_count && !listed; i++) listed = oids[i] == entry->oid;
    if (!listed) hash_search(known, &entry->oid, HASH_REMOVE, NULL);
  }
}

void lpbm_sequences_confirm(void) {
  char path[MAXPGPATH];
  char temporary[MAXPGPATH];
  FILE* file;

  if (!unsaved || directory_path[0] == '\0') return;
  forget_dropped();
  file_path(path, "");
  file_path(temporary, ".new");
  file = AllocateFile(temporary, PG_BINARY_W);
  if (file == NULL) ereport(ERROR, (errcode_for_file_access(), errmsg("could not create file \"%s\": %m", temporary)));
  if (!write_all(file))
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", temporary)));
  FreeFile(file);
  durable_rename(temporary, path, ERROR);
  unsaved = false;
}

void lpbm_sequences_baseline(void) {
  lpbm_sequences_read();
  for (int i = 0; i < seen_count; i++) note_known(&seen[i].now);
  seen_count = 0;
  lpbm_sequences_confirm();
}
