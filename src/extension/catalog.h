/*
 * Judgement of catalog changes: whether every change that a transaction made to the catalogs is accounted for.
 */
#ifndef LPBM_CATALOG_H
#define LPBM_CATALOG_H

#include "postgres.h"

#include "replication/reorderbuffer.h"

typedef struct LpbmRange {
  XLogRecPtr begin, end; /* begin <= lsn < end */
} LpbmRange;

typedef struct LpbmExplained {
  bool everything;
  int count, capacity;
  LpbmRange* ranges; /* as they came: not sorted, may overlap */
  MemoryContext context;
} LpbmExplained;

extern void lpbm_explained_reset(LpbmExplained* explained);
extern void lpbm_explained_add(LpbmExplained* explained, XLogRecPtr begin, XLogRecPtr end);

/*
 * Looks for a catalog change that is not explained and not neutral in itself (statistics, shared catalogs). Returns the
 * code of a hole with its detail (palloced), or NULL. Under the transaction's historic snapshot. Sets *large_objects
 * where large objects were changed: a refresh tells them.
 */
extern const char* lpbm_catalog_judge(ReorderBufferTXN* txn, LpbmExplained* explained, bool* large_objects,
                                      char** detail);
/*
 * Whether any change of this database's catalogs lies in the range. Ranges are to be asked for in growing order;
 * *cursor, NULL at first, remembers the place, so that many questions cost one walk.
 */
extern bool lpbm_catalog_changed(ReorderBufferTXN* txn, dlist_node** cursor, XLogRecPtr begin, XLogRecPtr end);

#endif /* LPBM_CATALOG_H */
