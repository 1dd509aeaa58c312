#include "functions.h"

#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type_d.h"
#include "commands/dbcommands.h"
#include "databases.h"
#include "event.h"
#include "fmgr.h"
#include "funcapi.h"
#include "journal_table.h"
#include "miscadmin.h"
#include "settings.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "stream.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(lpbm_full_backup);
PG_FUNCTION_INFO_V1(lpbm_delta);
PG_FUNCTION_INFO_V1(lpbm_journal);
PG_FUNCTION_INFO_V1(lpbm_mail_journal);
PG_FUNCTION_INFO_V1(lpbm_restore);
PG_FUNCTION_INFO_V1(lpbm_verify);
PG_FUNCTION_INFO_V1(lpbm_pause);
PG_FUNCTION_INFO_V1(lpbm_resume);

static void demand_primary(void) {
  lpbm_demand_library();
  if (RecoveryInProgress())
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("recovery is in progress"),
                    errhint("lpbm makes backups on the primary server only.")));
}

/* --- what the caller must not hold ------------------------------------------------------------------------------- */

/* Nobody else can see it yet, pg_dump neither. */
static bool is_new(Oid relid) {
  Relation relation = RelationIdGetRelation(relid);
  bool fresh = relation != NULL && relation->rd_createSubid != InvalidSubTransactionId;

  if (relation != NULL) RelationClose(relation);
  return fresh;
}

/* The name of a relation that this session has locked against pg_dump, or NULL. */
static char* exclusive_lock(bool ours) {
  LockData* locks = GetLockStatusData();
  Oid relation = InvalidOid;

  for (int i = 0; i < locks->nelements; i++) {
    const LockInstanceData* lock = &locks->locks[i];

    if (lock->pid != MyProcPid || (lock->holdMask & LOCKBIT_ON(AccessExclusiveLock)) == 0) continue;
    if (lock->locktag.locktag_type != LOCKTAG_RELATION) continue;
    if (lock->locktag.locktag_field1 != InvalidOid && (!ours || lock->locktag.locktag_field1 != MyDatabaseId)) continue;
    if (!is_new(lock->locktag.locktag_field2)) relation = lock->locktag.locktag_field2;
  }
  if (!OidIsValid(relation)) return NULL;
  return get_rel_name(relation) == NULL ? psprintf("%u", relation) : get_rel_name(relation);
}

/* The backup would wait for this transaction, which waits for it. */
static void demand_no_obstacle(void) {
  const LpbmDatabase* database;
  char* locked;
  bool streaming;
  bool ours;

  lpbm_shared_lock(false);
  database = lpbm_asked_database(LPBM_JOB_DELTA);
  streaming = database->stream[0] != '\0' && database->state == LPBM_STATE_RUNNING;
  ours = database->oid == MyDatabaseId;
  lpbm_shared_unlock();
  locked = exclusive_lock(ours);
  if (locked != NULL)
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_IN_USE),
             errmsg("this transaction holds an exclusive lock on \"%s\", for which the backup would wait", locked),
             errhint("Commit first, or do not wait for the backup.")));
  if (!streaming && TransactionIdIsValid(GetTopTransactionIdIfAny()))
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_IN_USE),
         errmsg("this transaction has changed something, and the replication slot cannot be created before it ends"),
         errhint("Commit first, or do not wait for the backup.")));
}

static Datum backup(FunctionCallInfo fcinfo, LpbmJobKind kind) {
  LpbmRequest request;

  demand_primary();
  memset(&request, 0, sizeof(request));
  request.kind = kind;
  request.unattended = !PG_GETARG_BOOL(0);
  if (!request.unattended) demand_no_obstacle();
  lpbm_ask_worker(&request);
  if (request.unattended || request.result[0] == '\0') PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(request.result));
}

Datum lpbm_full_backup(PG_FUNCTION_ARGS) {
  return backup(fcinfo, LPBM_JOB_FULL);
}

Datum lpbm_delta(PG_FUNCTION_ARGS) {
  return backup(fcinfo, LPBM_JOB_DELTA);
}

/* --- journal ----------------------------------------------------------------------------------------------------- */

Datum lpbm_journal(PG_FUNCTION_ARGS) {
  char* text;

  (void)fcinfo;
  lpbm_demand_library();
  text = lpbm_journal_file_text();
  if (text == NULL) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(lpbm_from_utf8(text)));
}

Datum lpbm_mail_journal(PG_FUNCTION_ARGS) {
  LpbmRequest request;

  (void)fcinfo;
  demand_primary();
  if (lpbm_settings.smtp_url[0] == '\0') {
    ereport(NOTICE, (errmsg("the journal is not mailed: lpbm.smtp_url is empty"),
                     errhint("Set lpbm.smtp_url and lpbm.mail_to.")));
    PG_RETURN_BOOL(false);
  }
  memset(&request, 0, sizeof(request));
  request.kind = LPBM_JOB_MAIL;
  lpbm_ask_worker(&request);
  if (request.cause[0] == '\0') PG_RETURN_BOOL(true);
  ereport(WARNING, (errmsg("the journal was not mailed: %s", lpbm_from_utf8(request.cause)),
                    request.hint[0] == '\0' ? 0 : errhint("%s", lpbm_from_utf8(request.hint))));
  PG_RETURN_BOOL(false);
}

/* --- restore and verify ------------------------------------------------------------------------------------------ */

/* The result line that the worker has left for this request, parsed; the file is removed. */
static void take_answer(uint64 id, LpbmEvent* event) {
  char name[LPBM_NAME];
  char path[MAXPGPATH];
  FILE* file;
  StringInfoData text;
  char buffer[8192];
  size_t got;

  lpbm_answer_name(id, name);
  strlcpy(path, lpbm_path(name), sizeof(path));
  file = AllocateFile(path, PG_BINARY_R);
  if (file == NULL) ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
  initStringInfo(&text);
  while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0) appendBinaryStringInfo(&text, buffer, (int)got);
  FreeFile(file);
  unlink(path);
  lpbm_event_parse(text.data, text.len, event);
}

/* Another engine reads the given journal, so it goes by a file of its own. */
static void pass_journal(LpbmRequest* request, text* journal) {
  char name[64];
  char* utf8 = lpbm_to_utf8(text_to_cstring(journal));

  snprintf(name, sizeof(name), "restore-%d.journal", MyProcPid);
  lpbm_replace_file(name, utf8, strlen(utf8));
  strlcpy(request->journal, lpbm_path(name), sizeof(request->journal));
}

static void prepare_restore(FunctionCallInfo fcinfo, LpbmRequest* request) {
  char* target = text_to_cstring(PG_GETARG_TEXT_PP(0));

  memset(request, 0, sizeof(*request));
  request->kind = LPBM_JOB_RESTORE;
  if (target[0] == '\0' || strlen(target) >= NAMEDATALEN)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" cannot be the name of a database", target)));
  if (!lpbm_names()->all && lpbm_names_hold(target, false, true))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("database \"%s\" is the one that lpbm backs up", target),
             errhint("Restore into another, empty database, and rename the two.")));
  lpbm_copy_text(request->target, lpbm_to_utf8(target), sizeof(request->target));
  lpbm_copy_text(request->here, lpbm_to_utf8(get_database_name(MyDatabaseId)), sizeof(request->here));
  /* The function of an earlier version of the extension has not this argument. */
  if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
    lpbm_copy_text(request->source, lpbm_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(3))), sizeof(request->source));
  if (!PG_ARGISNULL(2)) {
    TimestampTz until = PG_GETARG_TIMESTAMPTZ(2);

    if (TIMESTAMP_NOT_FINITE(until))
      ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("until must be a finite time")));
    snprintf(request->until, sizeof(request->until), INT64_FORMAT,
             (int64)(until + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY));
  }
}

static void remove_journal(int code, Datum argument) {
  char name[64];

  (void)code;
  (void)argument;
  snprintf(name, sizeof(name), "restore-%d.journal", MyProcPid);
  unlink(lpbm_path(name));
}

Datum lpbm_restore(PG_FUNCTION_ARGS) {
  LpbmRequest request;
  LpbmEvent event;
  int64 applied;

  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("only superusers can restore a backup")));
  if (PG_ARGISNULL(0))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("into_database must not be null")));
  demand_primary();
  prepare_restore(fcinfo, &request);
  PG_ENSURE_ERROR_CLEANUP(remove_journal, (Datum)0);
  {
    if (!PG_ARGISNULL(1)) pass_journal(&request, PG_GETARG_TEXT_PP(1));
    lpbm_ask_worker(&request);
  }
  PG_END_ENSURE_ERROR_CLEANUP(remove_journal, (Datum)0);
  remove_journal(0, (Datum)0);
  take_answer(request.id, &event);
  for (int i = 0; i < event.row_count; i++)
    ereport(NOTICE, (errmsg("%s", lpbm_from_utf8(event.rows[i].problem == NULL ? "" : event.rows[i].problem))));
  applied = event.applied;
  lpbm_event_free(&event);
  PG_RETURN_INT64(applied);
}

Datum lpbm_verify(PG_FUNCTION_ARGS) {
  ReturnSetInfo* result = (ReturnSetInfo*)fcinfo->resultinfo;
  LpbmRequest request;
  LpbmEvent event;

  demand_primary();
  InitMaterializedSRF(fcinfo, 0);
  memset(&request, 0, sizeof(request));
  request.kind = LPBM_JOB_VERIFY;
  lpbm_ask_worker(&request);
  take_answer(request.id, &event);
  for (int i = 0; i < event.row_count; i++) {
    const LpbmEventRow* row = &event.rows[i];
    Datum values[3] = {Int64GetDatum(row->entry), 0, 0};
    bool nulls[3] = {row->entry < 0, row->cid == NULL, row->problem == NULL};

    if (!nulls[1]) values[1] = CStringGetTextDatum(lpbm_from_utf8(row->cid));
    if (!nulls[2]) values[2] = CStringGetTextDatum(lpbm_from_utf8(row->problem));
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  lpbm_event_free(&event);
  return (Datum)0;
}

/* --- pause ------------------------------------------------------------------------------------------------------- */

static void set_pause(bool paused) {
  demand_primary();
  lpbm_set_paused(paused);
  lpbm_shared_lock(true);
  lpbm_shared->pausing = paused;
  lpbm_shared_unlock();
  lpbm_wake_workers();
}

Datum lpbm_pause(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  set_pause(true);
  PG_RETURN_VOID();
}

Datum lpbm_resume(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  set_pause(false);
  PG_RETURN_VOID();
}
