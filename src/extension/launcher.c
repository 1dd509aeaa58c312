#include "launcher.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "compat.h"
#include "databases.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "replication/slot.h"
#include "settings.h"
#include "shared.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "stream.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker.h"

#define LOOK_AGAIN_MS 5000L
/* In datconnlimit: a DROP DATABASE was interrupted, and nobody can connect any more. */
#define DROPPED_HALF (-2)

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

/* --- which databases --------------------------------------------------------------------------------------------- */

typedef struct Found {
  Oid oid;
  NameData name;
} Found;

static int by_oid(const void* one, const void* other) {
  const Oid left = ((const Found*)one)->oid;
  const Oid right = ((const Found*)other)->oid;

  return left < right ? -1 : left > right;
}

/* Without a database there are no indexes to look them up by. Counts those that there is no place for, too. */
static int find_databases(Found* found) {
  int count = 0;
  Relation catalog;
  TableScanDesc scan;
  HeapTuple tuple;

  StartTransactionCommand();
  (void)GetTransactionSnapshot();
  catalog = table_open(DatabaseRelationId, AccessShareLock);
  scan = table_beginscan_catalog(catalog, 0, NULL);
  while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection))) {
    Form_pg_database form = (Form_pg_database)GETSTRUCT(tuple);

    if (!lpbm_names_hold(NameStr(form->datname), form->datistemplate, form->datallowconn)) continue;
    if (form->datconnlimit == DROPPED_HALF) continue;
    if (count++ >= LPBM_MAX_DATABASES) continue;
    found[count - 1].oid = form->oid;
    namestrcpy(&found[count - 1].name, NameStr(form->datname));
  }
  table_endscan(scan);
  table_close(catalog, AccessShareLock);
  CommitTransactionCommand();
  qsort(found, Min(count, LPBM_MAX_DATABASES), sizeof(*found), by_oid);
  return count;
}

static const Found* find_by_name(const Found* found, int count, const char* name) {
  for (int i = 0; i < count; i++)
    if (strcmp(NameStr(found[i].name), name) == 0) return &found[i];
  return NULL;
}

/* A place whose worker has gone takes what pg_database says of its name now. */
static void update_place(LpbmDatabase* place, const Found* found) {
  if (place->worker_pid != 0 || place->releases > 0) return;
  if (found != NULL && (place->oid == found->oid || !OidIsValid(place->oid))) {
    place->oid = found->oid;
    return;
  }
  if (found == NULL && !OidIsValid(place->oid) && !lpbm_names()->all) return;
  {
    NameData name;

    namestrcpy(&name, place->name);
    memset(place, 0, sizeof(*place));
    if (found != NULL || !lpbm_names()->all) strlcpy(place->name, NameStr(name), sizeof(place->name));
    if (found != NULL) place->oid = found->oid;
  }
}

static LpbmDatabase* free_place(void) {
  for (int i = 0; i < LPBM_MAX_DATABASES; i++)
    if (lpbm_shared->databases[i].name[0] == '\0') return &lpbm_shared->databases[i];
  return NULL;
}

/* The first in the list, or the oldest, that exists. */
static void choose_first(const Found* found, int count) {
  int first = -1;

  for (int i = 0; i < lpbm_names()->count && first < 0; i++)
    if (find_by_name(found, count, lpbm_names()->names[i]) != NULL) first = i;
  for (int i = 0; i < count && lpbm_names()->all && first < 0; i++) {
    const LpbmDatabase* place = lpbm_database_by_oid(found[i].oid);

    if (place != NULL) first = (int)(place - lpbm_shared->databases);
  }
  if (first >= 0) lpbm_shared->first = first;
}

/* Names of a list have their places from the start (shared.c). */
static void update_places(const Found* found, int count) {
  lpbm_shared_lock(true);
  for (int i = 0; i < LPBM_MAX_DATABASES; i++) {
    LpbmDatabase* place = &lpbm_shared->databases[i];

    if (place->name[0] != '\0') update_place(place, find_by_name(found, count, place->name));
  }
  for (int i = 0; i < count && lpbm_names()->all; i++) {
    LpbmDatabase* place = lpbm_database_by_name(NameStr(found[i].name)) != NULL ? NULL : free_place();

    if (place == NULL) continue;
    strlcpy(place->name, NameStr(found[i].name), sizeof(place->name));
    place->oid = found[i].oid;
  }
  choose_first(found, count);
  lpbm_shared_unlock();
}

/* --- what is left of others -------------------------------------------------------------------------------------- */

static bool is_among(Oid oid, const Oid* oids, int count) {
  for (int i = 0; i < count; i++)
    if (oids[i] == oid) return true;
  return false;
}

/* Those that exist, and those that a worker has not let go of yet. */
static int list_backed_up(const Found* found, int count, Oid* oids) {
  int all = 0;

  for (int i = 0; i < count; i++) oids[all++] = found[i].oid;
  lpbm_shared_lock(false);
  for (int i = 0; i < LPBM_MAX_DATABASES; i++)
    if (lpbm_shared->databases[i].worker_pid != 0 && !is_among(lpbm_shared->databases[i].oid, oids, all))
      oids[all++] = lpbm_shared->databases[i].oid;
  lpbm_shared_unlock();
  return all;
}

/* A slot of ours on a database that is not backed up any more (renamed, or the setting changed) would keep WAL for
 * ever. */
static void drop_stale_slots(const Oid* databases, int count) {
  for (int i = 0; i < max_replication_slots; i++) {
    NameData name;
    bool stale;
    ReplicationSlot* slot = &ReplicationSlotCtl->replication_slots[i];

    LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
    SpinLockAcquire(&slot->mutex);
    stale = slot->in_use && slot->active_pid == 0 && slot->data.database != InvalidOid &&
            !is_among(slot->data.database, databases, count) && strcmp(NameStr(slot->data.plugin), "lpbm") == 0 &&
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

/* --- problems ---------------------------------------------------------------------------------------------------- */

static void say_missing(LpbmDatabase* database) {
  bool missing = !OidIsValid(database->oid);
  char text[LPBM_TEXT];

  snprintf(text, sizeof(text), "database \"%s\" does not exist", database->name);
  if (missing) {
    if (lpbm_problem_set(database, "database", lpbm_to_utf8(text),
                         "Create the database, or set lpbm.database and restart the server."))
      ereport(LOG, (errmsg("lpbm makes no backups%s: %s", lpbm_are_several() ? " of it" : "", text),
                    errhint("Create the database, or set lpbm.database and restart the server.")));
  } else if (lpbm_problem_set(database, "database", NULL, NULL)) {
    ereport(LOG, (errmsg("lpbm: database \"%s\" is there now", database->name)));
  }
}

/* What is of the whole server stands with the first database. */
static void say(const char* name, bool wrong, const char* text, const char* hint) {
  LpbmDatabase* first = &lpbm_shared->databases[lpbm_shared->first];

  if (lpbm_problem_set(first, name, wrong ? text : NULL, hint) && wrong)
    ereport(LOG, (errmsg("lpbm: %s", text), errhint("%s", hint)));
}

/* Where it is plain that not all can have theirs; who fails for want of a slot says so too. */
static void say_too_many(int databases) {
  char text[LPBM_TEXT];

  snprintf(text, sizeof(text), "there are %d databases, of which %d are backed up", databases, LPBM_MAX_DATABASES);
  say("databases", databases > LPBM_MAX_DATABASES, text, "Name those that are to be backed up in lpbm.database.");
  snprintf(text, sizeof(text), "%d databases need as many replication slots, and max_replication_slots is %d",
           databases, max_replication_slots);
  say("replication_slots", max_replication_slots > 0 && databases > max_replication_slots, text,
      "Increase max_replication_slots and restart the server.");
}

static BackgroundWorkerHandle* start_worker(LpbmDatabase* database) {
  BackgroundWorker worker;
  BackgroundWorkerHandle* handle = NULL;

  memset(&worker, 0, sizeof(worker));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_main_arg = Int32GetDatum((int32)(database - lpbm_shared->databases));
  worker.bgw_notify_pid = MyProcPid;
  strlcpy(worker.bgw_library_name, "lpbm", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "lpbm_worker_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, "lpbm worker", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "lpbm worker", sizeof(worker.bgw_type));
  if (!RegisterDynamicBackgroundWorker(&worker, &handle)) handle = NULL;
  if (lpbm_problem_set(database, "worker", handle != NULL ? NULL : "no background worker is free",
                       "Increase max_worker_processes and restart the server.") &&
      handle == NULL)
    ereport(LOG, (errmsg("lpbm makes no backups of database \"%s\": no background worker is free", database->name),
                  errhint("Increase max_worker_processes and restart the server.")));
  return handle;
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

/* --- workers ----------------------------------------------------------------------------------------------------- */

/* What the launcher knows of the worker in each place. */
static BackgroundWorkerHandle* handles[LPBM_MAX_DATABASES];
static TimestampTz starts[LPBM_MAX_DATABASES];

/* Whether a worker runs, or may be about to. */
static bool worker_lives(int place) {
  pid_t pid;

  if (handles[place] == NULL) { /* perhaps one of an earlier launcher */
    lpbm_shared_lock(false);
    pid = lpbm_shared->databases[place].worker_pid;
    lpbm_shared_unlock();
    return pid != 0;
  }
  if (GetBackgroundWorkerPid(handles[place], &pid) != BGWH_STOPPED) return true;
  pfree(handles[place]);
  handles[place] = NULL;
  return false;
}

static bool is_released(const LpbmDatabase* database) {
  bool released;

  lpbm_shared_lock(false);
  released = database->releases > 0;
  lpbm_shared_unlock();
  return released;
}

static void set_state(LpbmDatabase* database, LpbmState state) {
  lpbm_shared_lock(true);
  database->state = state;
  lpbm_shared_unlock();
}

static void look_at(int place) {
  LpbmDatabase* database = &lpbm_shared->databases[place];

  if (database->name[0] == '\0' || worker_lives(place)) return;
  if (is_released(database)) {
    set_state(database, LPBM_STATE_RELEASED);
    return;
  }
  say_missing(database);
  if (!OidIsValid(database->oid)) {
    set_state(database, LPBM_STATE_NO_DATABASE);
    return;
  }
  if (!TimestampDifferenceExceeds(starts[place], GetCurrentTimestamp(), 1000)) return;
  starts[place] = GetCurrentTimestamp();
  handles[place] = start_worker(database);
}

/* A place may not be given to another while a worker is about to start in it. */
static bool all_are_known(void) {
  for (int place = 0; place < LPBM_MAX_DATABASES; place++)
    if (worker_lives(place) && lpbm_shared->databases[place].worker_pid == 0) return false;
  return true;
}

/* Where each worker runs there is nothing to do but to look for databases that are new or gone. */
static bool all_run(void) {
  for (int place = 0; place < LPBM_MAX_DATABASES; place++)
    if (lpbm_shared->databases[place].name[0] != '\0' && handles[place] == NULL) return false;
  return true;
}

static void look(void) {
  static Found found[LPBM_MAX_DATABASES];
  static Oid oids[2 * LPBM_MAX_DATABASES];
  int count;
  int total;
  int all;

  if (lpbm_names()->all || !all_run()) {
    total = find_databases(found);
    count = Min(total, LPBM_MAX_DATABASES);
    if (all_are_known()) update_places(found, count);
    all = list_backed_up(found, count, oids);
    drop_stale_slots(oids, all);
    lpbm_streams_forget(oids, all);
    say_too_many(total);
  }
  for (int place = 0; place < LPBM_MAX_DATABASES; place++) look_at(place);
}

void lpbm_launcher_main(Datum argument) {
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
    look();
    MemoryContextSwitchTo(context);
    MemoryContextReset(context);
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, all_run() ? 10 * LOOK_AGAIN_MS : 1000L,
                    PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
  }
  proc_exit(0);
}
