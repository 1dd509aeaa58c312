#include "hold.h"

#include "access/transam.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/standby.h"
#include "utils/memutils.h"

typedef struct Hold {
  dlist_node node;
  TransactionId xid;
  LpbmHold place;
} Hold;

static dlist_head holds = DLIST_STATIC_INIT(holds);

/* Transactions that were running at lpbm_holds_start() and have had no record since. */
static TransactionId* running = NULL;
static int running_count = 0;

static void forget(void) {
  dlist_mutable_iter iterator;

  dlist_foreach_modify(iterator, &holds) {
    Hold* hold = dlist_container(Hold, node, iterator.cur);

    dlist_delete(&hold->node);
    pfree(hold);
  }
  if (running != NULL) pfree(running);
  running = NULL;
  running_count = 0;
}

void lpbm_holds_start(void) {
  RunningTransactions found;

  forget();
  found = GetRunningTransactionData(); /* with these two locks taken */
  LWLockRelease(ProcArrayLock);
  LWLockRelease(XidGenLock);
  running = MemoryContextAlloc(TopMemoryContext, sizeof(TransactionId) * Max(found->xcnt, 1));
  running_count = found->xcnt; /* the top-level ones come first */
  memcpy(running, found->xids, sizeof(TransactionId) * running_count);
}

void lpbm_holds_note(TransactionId xid, LpbmHold place) {
  Hold* hold;

  for (int i = 0; i < running_count; i++)
    if (running[i] == xid) running[i] = InvalidTransactionId;
  if (!TransactionIdIsInProgress(xid)) return;
  hold = MemoryContextAlloc(TopMemoryContext, sizeof(Hold));
  hold->xid = xid;
  hold->place = place;
  dlist_push_tail(&holds, &hold->node);
}

bool lpbm_holds_first(LpbmHold* place) {
  dlist_mutable_iter iterator;
  bool any = false;

  dlist_foreach_modify(iterator, &holds) {
    Hold* hold = dlist_container(Hold, node, iterator.cur);

    if (!TransactionIdIsInProgress(hold->xid)) {
      dlist_delete(&hold->node);
      pfree(hold);
    } else if (!any) {
      any = true;
      *place = hold->place;
    }
  }
  return any;
}

void lpbm_holds_list(StringInfo out) {
  FullTransactionId next = ReadNextFullTransactionId();
  dlist_iter iterator;
  LpbmHold first;

  (void)lpbm_holds_first(&first); /* drops those that are visible */
  dlist_foreach(iterator, &holds) {
    TransactionId xid = dlist_container(Hold, node, iterator.cur)->xid;
    uint64 epoch = EpochFromFullTransactionId(next) - (xid > XidFromFullTransactionId(next) ? 1 : 0);

    appendStringInfo(out, "%s" UINT64_FORMAT, iterator.cur == dlist_head_node(&holds) ? "" : ",", (epoch << 32) | xid);
  }
}

/*
 * RecordTransactionCommit() sets the flag, writes the WAL, sets the status in pg_xact, clears the flag, and waits for
 * standbys while others still see the transaction running. So the flag is to be read before the status. (The one who
 * commits a prepared transaction does so in his own name, where the flag cannot be found; between WAL and status are
 * microseconds, and the process that saw that WAL has ended since.)
 */
static bool is_committing(TransactionId xid) {
  int pid = BackendXidGetPid(xid);
  PGPROC* process = pid == 0 ? NULL : BackendPidGetProc(pid);

  return process != NULL && (process->delayChkptFlags & DELAY_CHKPT_START) != 0;
}

bool lpbm_holds_unknown(void) {
  bool unknown = false;

  for (int i = 0; i < running_count; i++) {
    if (!TransactionIdIsValid(running[i])) continue;
    if (!TransactionIdIsInProgress(running[i]))
      running[i] = InvalidTransactionId;
    else if (is_committing(running[i]) || TransactionIdDidCommit(running[i]))
      unknown = true;
  }
  return unknown;
}
