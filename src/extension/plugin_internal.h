/*
 * What the parts of the output plugin share: plugin.c (transactions), plugin_relation.c (relations as the plugin knows
 * them), plugin_row.c (rows), plugin_message.c (DDL messages).
 */
#ifndef LPBM_PLUGIN_INTERNAL_H
#define LPBM_PLUGIN_INTERNAL_H

#include "postgres.h"

#include "access/htup.h"
#include "catalog.h"
#include "fmgr.h"
#include "replication/reorderbuffer.h"
#include "utils/rel.h"

/* --- relations --------------------------------------------------------------------------------------------------- */

typedef enum LpbmOutput {
  LPBM_OUT_FUNCTION,
  LPBM_OUT_INT2,
  LPBM_OUT_INT4,
  LPBM_OUT_INT8,
  LPBM_OUT_BOOL,
  LPBM_OUT_TEXT
} LpbmOutput;

typedef struct LpbmColumn {
  int index; /* in the tuple descriptor, from 0 */
  LpbmOutput output;
  bool varlena;
  bool key;
  FmgrInfo function;
} LpbmColumn;

typedef struct LpbmText {
  const char* data;
  size_t length;
  char kind; /* v = value, N = null, u = unchanged TOAST */
} LpbmText;

typedef struct LpbmRelation {
  Oid relid; /* hash key */
  bool valid;
  bool skipped;       /* its rows are none of ours */
  char identity;      /* k, f, n */
  uint64 epoch;       /* in which it was defined last (record.h) */
  XLogRecPtr emptied; /* transaction in which its W was written */
  XLogRecPtr blamed;  /* transaction in which it was said that its rows are not told */
  MemoryContext context;
  char* schema;
  char* name;
  char* definition; /* the R line from its schema on, without its end */
  size_t definition_length;
  int attributes; /* of the tuple descriptor */
  int column_count;
  LpbmColumn* columns;
  Datum* values[2]; /* old and new */
  bool* nulls[2];
  LpbmText* texts[2];
} LpbmRelation;

extern void lpbm_relations_start(MemoryContext context);
extern void lpbm_relations_stop(void);
extern void lpbm_relations_forget(void);
extern LpbmRelation* lpbm_relation(Relation relation);
/*
 * Whether a relation belongs to an extension that would not have its rows dumped; those of the library never are.
 */
extern bool lpbm_belongs_to_extension(Oid relid);
/* Writes its R line where the reader does not know it. Inside of a record. */
extern void lpbm_relation_define(LpbmRelation* entry);

/* --- rows -------------------------------------------------------------------------------------------------------- */

extern void lpbm_rows_start(MemoryContext context);
/* One line I, U or D (u, d where it is large). old may be NULL (I; U where the key is unchanged). */
extern void lpbm_row_write(char kind, LpbmRelation* entry, TupleDesc descriptor, HeapTuple old_tuple,
                           HeapTuple new_tuple);
/* Text of one value of a column as a field, or NULL's. */
extern void lpbm_value_write(const LpbmColumn* column, Datum value, bool null);

/* --- the transaction being decoded -------------------------------------------------------------------------------- */

typedef struct LpbmTransaction {
  bool open;     /* between begin and commit */
  bool poisoned; /* nothing but a hole */
  bool passed;   /* known already: nothing at all */
  bool begun;    /* its B line was written */
  uint64 full_xid;
  uint64 rows;
  uint64 counter; /* of the last message of ours in it */
  int brackets;   /* depth */
  int extensions; /* brackets of extension scripts around: their rows are not ours */
  ReorderBufferTXN* txn;
  LpbmExplained explained; /* catalog changes that are accounted for */
} LpbmTransaction;

extern LpbmTransaction lpbm_transaction;

/* Begins the record where that has not been done. */
extern void lpbm_record_ensure(void);
extern void lpbm_hole(const char* code, const char* detail);
/* Large objects were changed, and only a refresh can tell how. */
extern void lpbm_stale_large_objects(void);
extern void lpbm_note_anchor(const char* nonce);

/* --- messages ---------------------------------------------------------------------------------------------------- */

/* What was committed up to there is not known. */
extern void lpbm_order_start(XLogRecPtr upto);
extern void lpbm_messages_begin(void);
extern void lpbm_message(XLogRecPtr lsn, const char* data, size_t length);
/* Called before a row is written, and at commit. */
extern void lpbm_messages_settle(void);
extern void lpbm_messages_finish(void);

#endif /* LPBM_PLUGIN_INTERNAL_H */
