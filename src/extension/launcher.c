#include "launcher.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/slot.h"
#include "settings.h"
#include "shared.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker.h"

#define LOOK_AGAIN_MS 5000L

void lpbm_launcher_register(void) {
  BackgroundWorker worker;

  memset(&worker, 0, sizeof(worker));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = 5;
  strlcpy(worker.bgw_library_name, "lpbm", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "lpbm_launcher_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, "LPBM launcher", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "LPBM launcher", sizeof(worker.bgw_type));
  RegisterBackgroundWorker(&worker);
}

/* Without a database there are no indexes to look it up by. */
static Oid find_database(const char* name) {
  Oid found = InvalidOid;
  Relation catalog;
  TableScanDesc scan;
  HeapTuple tuple;

  StartTransactionCommand();
  (void)GetTransactionSnapshot();
  catalog = table_open(DatabaseRelationId, AccessShareLock);
  scan = table_beginscan_catalog(catalog, 0, NULL);
  while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection))) {
    Form_pg_database form = (Form_pg_database)GETSTRUCT(tuple);

    if (strcmp(NameStr(form->datname), name) == 0) found = form->oid;
  }
  table_endscan(scan);
  table_close(catalog, AccessShareLock);
  CommitTransactionCommand();
  return found;
}

/* A slot of ours on a database that is not backed up any more (renamed, or the setting changed) would keep WAL for
 * ever. */
static void drop_stale_slots(Oid database) {
  for (int i = 0; i < max_replication_slots; i++) {
    NameData name;
    bool stale;
    ReplicationSlot* slot = &ReplicationSlotCtl->replication_slots[i];

    LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
    SpinLockAcquire(&slot->mutex);
    stale = slot->in_use && slot->active_pid == 0 && slot->data.database != InvalidOid &&
            slot->data.database != database && strcmp(NameStr(slot->data.plugin), "lpbm") == 0 &&
            strncmp(NameStr(slot->data.name), "lpbm_", strlen("lpbm_")) == 0;
    name = slot->data.name;
    SpinLockRelease(&slot->mutex);
    LWLockRelease(ReplicationSlotControlLock);
    if (!stale) continue;
    ReplicationSlotDrop(NameStr(name), true);
    ereport(LOG, (errmsg("lpbm dropped its replication slot \"%s\" on a database that it does not back up any more",
                         NameStr(name))));
  }
}

static void say_missing(bool missing) {
  char text[LPBM_TEXT];

  snprintf(text, sizeof(text), "database \"%s\" does not exist", lpbm_settings.database);
  if (missing) {
    if (lpbm_problem_set("database", lpbm_to_utf8(text),
                         "Create the database, or set lpbm.database and restart the server."))
      ereport(LOG, (errmsg("lpbm makes no backups: %s", text),
                    errhint("Create the database, or set lpbm.database and restart the server.")));
  } else if (lpbm_problem_set("database", NULL, NULL)) {
    ereport(LOG, (errmsg("lpbm: database \"%s\" is there now", lpbm_settings.database)));
  }
}

static BackgroundWorkerHandle* start_worker(Oid database) {
  BackgroundWorker worker;
  BackgroundWorkerHandle* handle = NULL;

  memset(&worker, 0, sizeof(worker));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  worker.bgw_notify_pid = MyProcPid;
  strlcpy(worker.bgw_library_name, "lpbm", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "lpbm_worker_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, "lpbm worker", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "lpbm worker", sizeof(worker.bgw_type));
  if (!RegisterDynamicBackgroundWorker(&worker, &handle)) handle = NULL;
  if (lpbm_problem_set("worker", handle != NULL ? NULL : "no background worker is free",
                       "Increase max_worker_processes and restart the server.") &&
      handle == NULL)
    ereport(LOG, (errmsg("lpbm makes no backups: no background worker is free"),
                  errhint("Increase max_worker_processes and restart the server.")));
  return handle;
}

static bool is_released(void) {
  bool released;

  lpbm_shared_lock(false);
  released = lpbm_shared->releases > 0;
  lpbm_shared_unlock();
  return released;
}

static void leave(int code, Datum argument) {
  (void)code;
  (void)argument;
  lpbm_shared_lock(true);
  lpbm_shared->launcher_pid = 0;
  lpbm_shared->launcher_latch = NULL;
  lpbm_shared_unlock();
}

static void enter(void) {
  lpbm_shared_lock(true);
  lpbm_shared->launcher_pid = MyProcPid;
  lpbm_shared->launcher_latch = MyLatch;
  lpbm_shared_unlock();
  before_shmem_exit(leave, (Datum)0);
}

/* Whether a worker runs, or may be about to. */
static bool worker_lives(BackgroundWorkerHandle** handle) {
  pid_t pid;

  if (*handle == NULL) { /* perhaps one of an earlier launcher */
    lpbm_shared_lock(false);
    pid = lpbm_shared->worker_pid;
    lpbm_shared_unlock();
    return pid != 0;
  }
  if (GetBackgroundWorkerPid(*handle, &pid) != BGWH_STOPPED) return true;
  pfree(*handle);
  *handle = NULL;
  return false;
}

static void look(BackgroundWorkerHandle** handle, TimestampTz* last_start) {
  Oid database;

  if (worker_lives(handle)) return;
  if (is_released()) {
    lpbm_set_state(LPBM_STATE_RELEASED);
    return;
  }
  database = find_database(lpbm_settings.database);
  drop_stale_slots(database);
  say_missing(!OidIsValid(database));
  if (!OidIsValid(database)) {
    lpbm_set_state(LPBM_STATE_NO_DATABASE);
    return;
  }
  if (!TimestampDifferenceExceeds(*last_start, GetCurrentTimestamp(), 1000)) return;
  *last_start = GetCurrentTimestamp();
  *handle = start_worker(database);
}

void lpbm_launcher_main(Datum argument) {
  BackgroundWorkerHandle* handle = NULL;
  TimestampTz last_start = 0;
  MemoryContext context;

  (void)argument;
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(NULL, NULL, 0);
  enter();
  context = AllocSetContextCreate(TopMemoryContext, "lpbm launcher", ALLOCSET_DEFAULT_SIZES);
  while (!ShutdownRequestPending) {
    MemoryContextSwitchTo(TopMemoryContext);
    look(&handle, &last_start);
    MemoryContextSwitchTo(context);
    MemoryContextReset(context);
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                    handle != NULL ? 10 * LOOK_AGAIN_MS : 1000L, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
  }
  proc_exit(0);
}
