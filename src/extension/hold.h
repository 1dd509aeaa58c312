/*
 * Transactions that are committed in the WAL, but which new snapshots do not see yet: they wait for a synchronous
 * standby, or are between the two steps. A full backup, whose snapshot does not see them either, must find their
 * records (docs/formats.md, Bridge). For the background worker alone.
 */
#ifndef LPBM_HOLD_H
#define LPBM_HOLD_H

#include "postgres.h"

#include "access/xlogdefs.h"

/* Place of a frame in its stream. */
typedef struct LpbmPosition {
  uint64 run;
  uint64 seq;
} LpbmPosition;

static inline bool lpbm_position_is_before(LpbmPosition one, LpbmPosition other) {
  return one.run < other.run || (one.run == other.run && one.seq < other.seq);
}

/* Where a full backup's bridge begins to read: log files with frames from there on must be kept for it. */
typedef struct LpbmHold {
  LpbmPosition position;
  XLogRecPtr after; /* of the record before: the first one above it must link to it, or something is missing */
} LpbmHold;

/*
 * The process begins to write a stream, or begins another: what was committed before and is not visible yet has its
 * records elsewhere or nowhere. Call it when the stream's start is fixed and before anything is decoded.
 */
extern void lpbm_holds_start(void);
/* The record of xid begins at `place`. */
extern void lpbm_holds_note(TransactionId xid, LpbmHold place);
/* Whether the record of an invisible transaction is known; then *place is the first of them. */
extern bool lpbm_holds_first(LpbmHold* place);
/* The full xids of the invisible transactions whose records are known, as JSON numbers with commas between. */
struct StringInfoData;
extern void lpbm_holds_list(struct StringInfoData* out);
/* Whether there is an invisible transaction whose record is not known: no full backup may begin before it is seen. */
extern bool lpbm_holds_unknown(void);

#endif /* LPBM_HOLD_H */
