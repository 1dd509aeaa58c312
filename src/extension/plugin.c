/*
 * Transactions: from the callbacks of logical decoding to records.
 */
#include "plugin.h"

#include "access/transam.h"
#include "access/xact.h"
#include "compat.h"
#include "key.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "plugin_internal.h"
#include "record.h"
#include "replication/logical.h"
#include "replication/origin.h"
#include "replication/output_plugin.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks* callbacks);

LpbmTransaction lpbm_transaction;

static LpbmProgress progress;
static MemoryContext plugin_context = NULL;
static XLogRecPtr known_upto = InvalidXLogRecPtr; /* records at or below it exist already */
static XLogRecPtr poison = InvalidXLogRecPtr;
static char poison_cause[LPBM_HOLE_DETAIL_LENGTH];
static bool allowed = false;

LpbmProgress* lpbm_plugin_progress(void) {
  return &progress;
}
void lpbm_plugin_allow(bool allow) {
  allowed = allow;
}

void lpbm_plugin_start(const LpbmDecoderOptions* options) {
  MemSet(&progress, 0, sizeof(progress));
  MemSet(&lpbm_transaction, 0, sizeof(lpbm_transaction));
  progress.last_record = options->last_record;
  known_upto = options->last_record;
  poison = options->poison;
  strlcpy(poison_cause, options->poison_cause != NULL ? options->poison_cause : "", sizeof(poison_cause));
  if (plugin_context != NULL) MemoryContextDelete(plugin_context);
  plugin_context = AllocSetContextCreate(TopMemoryContext, "lpbm plugin", ALLOCSET_DEFAULT_SIZES);
  lpbm_transaction.explained.context = plugin_context;
  lpbm_relations_start(plugin_context);
  lpbm_rows_start(plugin_context);
  lpbm_order_start(options->last_record);
  lpbm_record_start_run(options->stream, options->run);
}

void lpbm_plugin_stop(void) {
  lpbm_transaction.open = false;
  lpbm_relations_stop();
  if (plugin_context != NULL) MemoryContextDelete(plugin_context);
  plugin_context = NULL;
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static void begin_record(XLogRecPtr lsn, uint64 full_xid, TimestampTz time, const char* origin) {
  const int64 epoch_shift = (int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
  char text[32];

  lpbm_put_text("B");
  lpbm_put_lsn(lsn);
  lpbm_put_lsn(progress.last_record);
  lpbm_put_number(full_xid);
  snprintf(text, sizeof(text), INT64_FORMAT, time + epoch_shift);
  lpbm_put_string(text);
  lpbm_put_string(origin);
  lpbm_put_end();
}

static void end_record(XLogRecPtr lsn, uint64 rows) {
  lpbm_put_text("E");
  lpbm_put_number(rows);
  lpbm_put_end();
  progress.last_record = lsn;
  progress.records++;
  progress.rows += rows;
}

static char* origin_name(RepOriginId origin) {
  char* name = NULL;

  if (origin == InvalidRepOriginId) return "";
  if (!replorigin_by_oid(origin, true, &name)) return psprintf("%u", origin);
  return name;
}

void lpbm_record_ensure(void) {
  LpbmTransaction* t = &lpbm_transaction;
  LpbmHold place;

  if (t->begun) return;
  t->begun = true;
  place.position = lpbm_record_mark();
  place.after = progress.last_record;
  lpbm_holds_note(t->txn->xid, place);
  begin_record(t->txn->end_lsn, t->full_xid, t->txn->xact_time.commit_time, origin_name(t->txn->origin_id));
}

void lpbm_hole(const char* code, const char* detail) {
  lpbm_record_ensure();
  lpbm_put_text("H");
  lpbm_put_string(code);
  lpbm_put_string(detail);
  lpbm_put_end();
  if (progress.holes_seen < LPBM_MAX_HOLES) {
    LpbmHole* hole = &progress.holes[progress.holes_seen];

    hole->lsn = lpbm_transaction.txn->end_lsn;
    strlcpy(hole->code, code, sizeof(hole->code));
    strlcpy(hole->detail, detail, sizeof(hole->detail));
    hole->detail[pg_mbcliplen(detail, strlen(detail), sizeof(hole->detail) - 1)] = '\0';
  }
  progress.holes_seen++;
}

void lpbm_note_anchor(const char* nonce) {
  LpbmAnchor* anchor;

  lpbm_record_ensure();
  lpbm_put_text("A");
  lpbm_put_string(nonce);
  lpbm_put_end();
  if (progress.anchors_seen == LPBM_MAX_ANCHORS) {
    memmove(&progress.anchors[0], &progress.anchors[1], sizeof(LpbmAnchor) * (LPBM_MAX_ANCHORS - 1));
    progress.anchors_seen--;
  }
  anchor = &progress.anchors[progress.anchors_seen++];
  strlcpy(anchor->nonce, nonce, sizeof(anchor->nonce));
  anchor->lsn = lpbm_transaction.txn->end_lsn;
}

bool lpbm_plugin_begin_positions(XLogRecPtr lsn) {
  if (lsn <= progress.last_record) return false;
  lpbm_record_mark();
  begin_record(lsn, 0, GetCurrentTimestamp(), "");
  lpbm_transaction.begun = false;
  progress.decoded_upto = Max(progress.decoded_upto, lsn);
  return true;
}

void lpbm_plugin_end_positions(void) {
  end_record(progress.decoded_upto, 0);
}

/* --- callbacks --------------------------------------------------------------------------------------------------- */

static void startup(LogicalDecodingContext* context, OutputPluginOptions* options, bool is_init) {
  (void)context;
  (void)is_init;
  if (!allowed && !IsBinaryUpgrade) /* pg_upgrade makes the slots of the old server; the worker makes its own anew */
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("output plugin \"lpbm\" serves the background worker of lpbm alone"),
                    errhint("For a slot of your own, use another output plugin.")));
  options->output_type = OUTPUT_PLUGIN_TEXTUAL_OUTPUT;
  options->receive_rewrites = true;
}

/* The full xid of a transaction that is not older than two thousand million others. */
static uint64 full_xid_of(TransactionId xid) {
  FullTransactionId next = ReadNextFullTransactionId();
  uint32 epoch = EpochFromFullTransactionId(next);

  if (xid > XidFromFullTransactionId(next)) epoch--;
  return ((uint64)epoch << 32) | xid;
}

static void begin_transaction(LogicalDecodingContext* context, ReorderBufferTXN* txn) {
  LpbmTransaction* t = &lpbm_transaction;

  (void)context;
  t->open = true;
  t->passed = txn->end_lsn <= known_upto;
  t->poisoned = !t->passed && poison != InvalidXLogRecPtr && txn->end_lsn == poison;
  t->begun = false;
  t->txn = txn;
  t->rows = 0;
  t->counter = 0;
  t->full_xid = full_xid_of(txn->xid);
  t->brackets = 0;
  t->extensions = 0;
  lpbm_explained_reset(&t->explained);
  lpbm_messages_begin();
  progress.failing = txn->end_lsn;
}

static void commit_transaction(LogicalDecodingContext* context, ReorderBufferTXN* txn, XLogRecPtr commit_lsn) {
  LpbmTransaction* t = &lpbm_transaction;

  (void)context;
  (void)commit_lsn;
  if (t->poisoned) {
    lpbm_hole("poison", poison_cause);
  } else if (!t->passed) {
    const char* code;
    char* detail = NULL;
    bool large_objects = false;

    lpbm_messages_finish();
    code = lpbm_catalog_judge(txn, &t->explained, &large_objects, &detail);
    if (large_objects) lpbm_stale_large_objects();
    if (code != NULL) lpbm_hole(code, detail);
  }
  if (t->begun) end_record(txn->end_lsn, t->rows);
  t->open = false;
  t->txn = NULL;
  progress.failing = InvalidXLogRecPtr;
}

static bool is_silent(void) {
  const LpbmTransaction* t = &lpbm_transaction;

  return !t->open || t->poisoned || t->passed || t->extensions > 0;
}

void lpbm_stale_large_objects(void) {
  if (!lpbm_refreshes()) {
    lpbm_hole("large_object", "large objects were changed");
    return;
  }
  lpbm_record_ensure();
  lpbm_put_text("N");
  lpbm_put_string("l");
  lpbm_put_end();
  progress.stale_seen++;
}

/*
 * A row was changed that cannot be named. Once a transaction, and again after DDL in it, which may have filled the
 * table anew (lpbm_relations_forget).
 */
static void blame_identity(LpbmRelation* entry) {
  if (entry->blamed == lpbm_transaction.txn->end_lsn) return;
  entry->blamed = lpbm_transaction.txn->end_lsn;
  if (!lpbm_refreshes()) {
    char* name = psprintf("%s.%s", entry->schema, entry->name);

    lpbm_hole("no_replica_identity", name);
    pfree(name);
    return;
  }
  lpbm_record_ensure();
  lpbm_put_text("N");
  lpbm_put_string("t");
  lpbm_put_number(entry->relid);
  lpbm_put_string(entry->schema);
  lpbm_put_string(entry->name);
  lpbm_put_end();
  progress.stale_seen++;
}

static void change_row(LogicalDecodingContext* context, ReorderBufferTXN* txn, Relation relation,
                       ReorderBufferChange* change) {
  LpbmRelation* entry;
  HeapTuple old_tuple = LPBM_TUPLE(change->data.tp.oldtuple);
  HeapTuple new_tuple = LPBM_TUPLE(change->data.tp.newtuple);
  bool update = change->action == REORDER_BUFFER_CHANGE_UPDATE;
  bool insert = change->action == REORDER_BUFFER_CHANGE_INSERT;

  (void)context;
  CHECK_FOR_INTERRUPTS();
  if (is_silent()) return;
  entry = lpbm_relation(relation);
  if (entry->skipped) return;
  lpbm_messages_settle();
  if (insert ? new_tuple == NULL
             : (entry->identity == 'n' || (old_tuple == NULL && !(update && entry->identity == 'k')))) {
    blame_identity(entry);
    return;
  }
  lpbm_record_ensure();
  lpbm_relation_define(entry);
  if (OidIsValid(relation->rd_rel->relrewrite) && entry->emptied != txn->end_lsn) {
    entry->emptied = txn->end_lsn;
    lpbm_put_text("W");
    lpbm_put_number(entry->relid);
    lpbm_put_end();
  }
  lpbm_row_write(insert   ? 'I'
                 : update ? 'U'
                          : 'D',
                 entry, RelationGetDescr(relation), insert ? NULL : old_tuple, insert || update ? new_tuple : NULL);
  lpbm_transaction.rows++;
}

static void truncate_tables(LogicalDecodingContext* context, ReorderBufferTXN* txn, int count, Relation relations[],
                            ReorderBufferChange* change) {
  LpbmRelation** entries;
  int kept = 0;
  bool cascade = change->data.truncate.cascade;
  bool restart = change->data.truncate.restart_seqs;

  (void)context;
  (void)txn;
  if (is_silent()) return;
  entries = palloc(count * sizeof(LpbmRelation*));
  for (int i = 0; i < count; i++) {
    LpbmRelation* entry = lpbm_relation(relations[i]);

    if (!entry->skipped) entries[kept++] = entry;
  }
  if (kept > 0) {
    lpbm_messages_settle();
    lpbm_record_ensure();
    lpbm_put_text("T");
    lpbm_put_string(cascade && restart ? "cr" : cascade ? "c" : restart ? "r" : "-");
    lpbm_put_number(kept);
    for (int i = 0; i < kept; i++) {
      lpbm_put_string(entries[i]->schema);
      lpbm_put_string(entries[i]->name);
    }
    lpbm_put_end();
  }
  pfree(entries);
}

static void take_message(LogicalDecodingContext* context, ReorderBufferTXN* txn, XLogRecPtr lsn, bool transactional,
                         const char* prefix, Size length, const char* message) {
  (void)context;
  (void)txn;
  if (!transactional || strcmp(prefix, "lpbm") != 0) return;
  if (!lpbm_transaction.open || lpbm_transaction.poisoned || lpbm_transaction.passed) return;
  lpbm_message(lsn, message, length);
}

/* The library's own transactions carry the origin that nobody else can have (lpbm_ddl_exempt_process). */
static bool filter_origin(LogicalDecodingContext* context, RepOriginId origin) {
  (void)context;
  return origin == DoNotReplicateId;
}

void _PG_output_plugin_init(OutputPluginCallbacks* callbacks) {
  callbacks->startup_cb = startup;
  callbacks->begin_cb = begin_transaction;
  callbacks->change_cb = change_row;
  callbacks->truncate_cb = truncate_tables;
  callbacks->commit_cb = commit_transaction;
  callbacks->message_cb = take_message;
  callbacks->filter_by_origin_cb = filter_origin;
}
