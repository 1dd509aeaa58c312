#include "postgres.h"

#include "commands/dbcommands.h"
#include "databases.h"
#include "functions.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "settings.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "stream.h"
#include "utils/wait_event.h"

#define LOOK_AGAIN_MS 1000

void lpbm_demand_library(void) {
  if (lpbm_shared == NULL)
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("lpbm is not in shared_preload_libraries"),
             errhint("Add lpbm to shared_preload_libraries and restart the server.")));
}

/* The database's own name, once it was asked for; it cannot change while somebody is connected. */
static char own_name_known[NAMEDATALEN];

static void note_own_name(void) {
  if (own_name_known[0] == '\0') strlcpy(own_name_known, get_database_name(MyDatabaseId), sizeof(own_name_known));
}

/* With `*` the launcher looks for databases now and then. */
static void demand_known(LpbmJobKind kind) {
  bool known;

  if ((kind != LPBM_JOB_DELTA && kind != LPBM_JOB_FULL) || !lpbm_is_backed_up()) return;
  note_own_name();
  lpbm_shared_lock(false);
  known = lpbm_database_by_oid(MyDatabaseId) != NULL || lpbm_database_by_name(own_name_known) != NULL;
  lpbm_shared_unlock();
  if (!known)
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("lpbm does not back up this database yet"),
             errhint("Databases are looked for about once a minute: try again then.")));
}

/* By its name where it was not looked up yet since the server was started. */
LpbmDatabase* lpbm_asked_database(LpbmJobKind kind) {
  LpbmDatabase* here = lpbm_database_by_oid(MyDatabaseId);

  if (here == NULL && own_name_known[0] != '\0') here = lpbm_database_by_name(own_name_known);
  if (here != NULL && (kind == LPBM_JOB_DELTA || kind == LPBM_JOB_FULL)) return here;
  return &lpbm_shared->databases[lpbm_shared->first];
}

/* NULL where its place is another's now. */
static const LpbmDatabase* asked(const LpbmRequest* request) {
  const LpbmDatabase* database = &lpbm_shared->databases[request->place];

  return OidIsValid(request->database) && request->database != database->oid ? NULL : database;
}

/* Why nobody would answer, or NULL. Under the lock. */
static const char* nobody_home(const LpbmDatabase* database) {
  if (database == NULL || database->name[0] == '\0') return "lpbm knows of no such database to back up";
  switch (database->state) {
    case LPBM_STATE_NO_DATABASE:
      return "the database that lpbm backs up does not exist";
    case LPBM_STATE_RELEASED:
      return "lpbm has let go of its database, which is being dropped, renamed or copied";
    default:
      return NULL;
  }
}

static void refuse(const char* cause) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", cause),
                  errhint("See the view lpbm_status.")));
}

static LpbmRequest* find(uint64 id) {
  for (int i = 0; i < LPBM_MAX_REQUESTS; i++)
    if (lpbm_shared->requests[i].state != LPBM_REQUEST_FREE && lpbm_shared->requests[i].id == id)
      return &lpbm_shared->requests[i];
  return NULL;
}

static void submit(LpbmRequest* request) {
  LpbmRequest* place = NULL;
  LpbmDatabase* database;
  const char* cause;

  demand_known(request->kind);
  lpbm_shared_lock(true);
  database = lpbm_asked_database(request->kind);
  cause = nobody_home(database);
  for (int i = 0; i < LPBM_MAX_REQUESTS && place == NULL; i++)
    if (lpbm_shared->requests[i].state == LPBM_REQUEST_FREE) place = &lpbm_shared->requests[i];
  if (cause == NULL && place != NULL) {
    request->state = LPBM_REQUEST_NEW;
    request->id = ++lpbm_shared->next_request;
    request->pid = MyProcPid;
    request->place = (int)(database - lpbm_shared->databases);
    request->database = database->oid;
    *place = *request;
  }
  lpbm_shared_unlock();
  if (cause != NULL) refuse(cause);
  if (place == NULL) refuse("too many sessions wait for lpbm");
  lpbm_wake_worker(database);
}

/*
 * The session goes, by an error or for good. What nobody has begun is withdrawn; otherwise the job goes on, and its
 * answer is for nobody.
 */
static void abandon(int code, Datum argument) {
  uint64 id = DatumGetUInt64(argument);
  LpbmRequest* request;
  bool answered = false;

  (void)code;
  lpbm_shared_lock(true);
  request = find(id);
  if (request != NULL && request->state == LPBM_REQUEST_TAKEN) {
    request->unattended = true;
  } else if (request != NULL) {
    answered = request->state == LPBM_REQUEST_DONE;
    memset(request, 0, sizeof(*request));
  }
  lpbm_shared_unlock();
  if (answered) lpbm_remove_answer(id);
}

/* True when the answer is in *request. A worker that dies answers everything; one that was killed leaves no shared
 * memory behind. */
static bool fetch(LpbmRequest* request, const char** cause) {
  LpbmRequest* place;
  bool done = false;

  lpbm_shared_lock(true);
  place = find(request->id);
  *cause = place == NULL ? "the request was lost" : NULL;
  if (place != NULL && place->state == LPBM_REQUEST_DONE) {
    *request = *place;
    memset(place, 0, sizeof(*place));
    done = true;
  } else if (place != NULL && place->state == LPBM_REQUEST_NEW) {
    *cause = nobody_home(asked(request));
  }
  lpbm_shared_unlock();
  return done;
}

void lpbm_ask_worker(LpbmRequest* request) {
  const char* cause = NULL;

  submit(request);
  if (request->unattended) return;
  PG_ENSURE_ERROR_CLEANUP(abandon, UInt64GetDatum(request->id));
  {
    ConditionVariablePrepareToSleep(&lpbm_shared->answered);
    while (!fetch(request, &cause)) {
      if (cause != NULL) refuse(cause);
      (void)ConditionVariableTimedSleep(&lpbm_shared->answered, LOOK_AGAIN_MS, PG_WAIT_EXTENSION);
    }
    ConditionVariableCancelSleep();
  }
  PG_END_ENSURE_ERROR_CLEANUP(abandon, UInt64GetDatum(request->id));
  if (request->failed)
    ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("%s", lpbm_from_utf8(request->cause)),
                    request->hint[0] == '\0' ? 0 : errhint("%s", lpbm_from_utf8(request->hint))));
}
