#include "catalog.h"

#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_largeobject_metadata.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/pg_tablespace_d.h"
#include "compat.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

typedef enum Verdict { NEUTRAL, LARGE_OBJECT, UNEXPLAINED } Verdict;

void lpbm_explained_reset(LpbmExplained* explained) {
  explained->everything = false;
  explained->count = 0;
}

void lpbm_explained_add(LpbmExplained* explained, XLogRecPtr begin, XLogRecPtr end) {
  if (begin >= end) return;
  if (explained->count == explained->capacity) {
    explained->capacity = Max(64, explained->capacity * 2);
    explained->ranges = explained->ranges == NULL
                            ? MemoryContextAlloc(explained->context, explained->capacity * sizeof(LpbmRange))
                            : repalloc_huge(explained->ranges, explained->capacity * sizeof(LpbmRange));
  }
  explained->ranges[explained->count].begin = begin;
  explained->ranges[explained->count].end = end;
  explained->count++;
}

static int compare_ranges(const void* left, const void* right) {
  const LpbmRange* a = left;
  const LpbmRange* b = right;

  return a->begin < b->begin ? -1 : a->begin > b->begin ? 1 : 0;
}

/* Sorted and without overlaps, so that a search finds the only candidate. */
static void normalise(LpbmExplained* explained) {
  int kept = 0;

  qsort(explained->ranges, explained->count, sizeof(LpbmRange), compare_ranges);
  for (int i = 0; i < explained->count; i++) {
    LpbmRange* range = &explained->ranges[i];

    if (kept > 0 && range->begin <= explained->ranges[kept - 1].end)
      explained->ranges[kept - 1].end = Max(explained->ranges[kept - 1].end, range->end);
    else
      explained->ranges[kept++] = *range;
  }
  explained->count = kept;
}

static bool is_explained(const LpbmExplained* explained, XLogRecPtr lsn) {
  int low = 0;
  int high = explained->count;

  while (low < high) {
    int middle = (low + high) / 2;
    const LpbmRange* range = &explained->ranges[middle];

    if (lsn < range->begin)
      high = middle;
    else if (lsn >= range->end)
      low = middle + 1;
    else
      return true;
  }
  return false;
}

static Verdict judge_relation(Oid relid) {
  switch (relid) {
    case StatisticRelationId:
    case StatisticExtDataRelationId:
    case 2840:                      /* TOAST table of pg_statistic */
    case 3430:                      /* TOAST table of pg_statistic_ext_data */
    case SubscriptionRelRelationId: /* progress of a subscription, which no backup carries */
      return NEUTRAL;
    case LargeObjectRelationId:
    case LargeObjectMetadataRelationId:
      return LARGE_OBJECT;
    default:
      /* A user's table that logical decoding plugins may read: its rows come as rows. */
      return relid >= FirstNormalObjectId ? NEUTRAL : UNEXPLAINED;
  }
}

const char* lpbm_catalog_judge(ReorderBufferTXN* txn, LpbmExplained* explained, bool* large_objects, char** detail) {
  dlist_iter iterator;
  Oid last_file = InvalidOid;      /* neutral, or noted */
  Oid last_explained = InvalidOid; /* so, and of no large objects */

  if (dlist_is_empty(&txn->tuplecids)) return NULL;
  normalise(explained);
  dlist_foreach(iterator, &txn->tuplecids) {
    ReorderBufferChange* change = dlist_container(ReorderBufferChange, node, iterator.cur);
    Oid space = LPBM_TUPLECID_SPACE(change);
    Oid file = LPBM_TUPLECID_FILE(change);
    bool known;
    Oid relid;
    char* name;

    if (space == GLOBALTABLESPACE_OID || file == last_file) continue;
    known = explained->everything || is_explained(explained, change->lsn);
    if (known && file == last_explained) continue;
    relid = lpbm_relation_of_file(space == MyDatabaseTableSpace ? InvalidOid : space, file);
    switch (OidIsValid(relid) ? judge_relation(relid) : UNEXPLAINED) {
      case NEUTRAL:
        last_file = file;
        break;
      case LARGE_OBJECT:
        *large_objects = true;
        last_file = file;
        break;
      case UNEXPLAINED:
        last_explained = file;
        if (known) break; /* a function in the command may still have made large objects, which no replay makes again */
        name = OidIsValid(relid) ? get_rel_name(relid) : NULL;
        *detail = psprintf("%s was changed by something else than a command", name != NULL ? name : "a catalog");
        return "catalog";
    }
  }
  return NULL;
}

bool lpbm_catalog_changed(ReorderBufferTXN* txn, dlist_node** cursor, XLogRecPtr begin, XLogRecPtr end) {
  dlist_node* node = *cursor != NULL                   ? *cursor
                     : dlist_is_empty(&txn->tuplecids) ? &txn->tuplecids.head
                                                       : dlist_head_node(&txn->tuplecids);

  while (node != &txn->tuplecids.head) {
    ReorderBufferChange* change = dlist_container(ReorderBufferChange, node, node);

    if (change->lsn >= begin && LPBM_TUPLECID_SPACE(change) != GLOBALTABLESPACE_OID) {
      *cursor = node;
      return change->lsn < end;
    }
    node = node->next;
  }
  *cursor = node;
  return false;
}
