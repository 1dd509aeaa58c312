#include "postgres.h"

#include "event.h"
#include "fmgr.h"
#include "funcapi.h"
#include "functions.h"
#include "journal_table.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(lpbm_status_rows);
PG_FUNCTION_INFO_V1(lpbm_progress_rows);
PG_FUNCTION_INFO_V1(lpbm_journal_lines);

static const char* const job_names[] = {"", "init", "delta", "full", "restore", "verify", "mail", "drill"};

/* --- lpbm_status ------------------------------------------------------------------------------------------------- */

/* The database that the next rows are about, in UTF-8; NULL: the whole server. */
static const char* about = NULL;

static void put(ReturnSetInfo* result, const char* name, const char* value, const char* hint) {
  Datum values[4];
  bool nulls[4] = {false, value == NULL || value[0] == '\0', hint == NULL || hint[0] == '\0', about == NULL};

  values[0] = CStringGetTextDatum(name);
  values[1] = nulls[1] ? (Datum)0 : CStringGetTextDatum(lpbm_from_utf8(value));
  values[2] = nulls[2] ? (Datum)0 : CStringGetTextDatum(lpbm_from_utf8(hint));
  values[3] = nulls[3] ? (Datum)0 : CStringGetTextDatum(lpbm_from_utf8(about));
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static const char* time_text(TimestampTz time) {
  if (time == 0) return NULL;
  if (TIMESTAMP_IS_NOEND(time)) return "never";
  return timestamptz_to_str(time);
}

static const char* lsn_text(XLogRecPtr lsn) {
  return XLogRecPtrIsInvalid(lsn) ? NULL : psprintf("%X/%X", LSN_FORMAT_ARGS(lsn));
}

static const char* state_text(const LpbmDatabase* database) {
  switch (database->state) {
    case LPBM_STATE_OFF:
      return "off";
    case LPBM_STATE_NO_DATABASE:
      return "no database";
    case LPBM_STATE_RELEASED:
      return "released";
    case LPBM_STATE_STARTING:
      return "starting";
    case LPBM_STATE_BLOCKED:
      return "blocked";
    case LPBM_STATE_CREATING:
      return "creating the slot";
    case LPBM_STATE_PAUSED:
      return "paused";
    case LPBM_STATE_RUNNING:
      break;
  }
  if (database->progress[LPBM_LANE_LONG].kind != LPBM_JOB_NONE)
    return job_names[database->progress[LPBM_LANE_LONG].kind];
  return database->progress[LPBM_LANE_DELTA].kind != LPBM_JOB_NONE ? "delta" : "idle";
}

/* The sessions for whose transactions the slot's creation waits. */
static char* waits_for(int worker) {
  ArrayType* pids = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(worker)));
  int count = ArrayGetNItems(ARR_NDIM(pids), ARR_DIMS(pids));
  StringInfoData out;

  initStringInfo(&out);
  appendStringInfoString(&out, count == 0 ? "It waits for transactions that were running."
                                          : "It waits for the transactions of the processes");
  for (int i = 0; i < count; i++)
    appendStringInfo(&out, "%s%d", i == 0 ? " " : ", ", ((const int*)ARR_DATA_PTR(pids))[i]);
  if (count > 0) appendStringInfoChar(&out, '.');
  return out.data;
}

static const char* state_hint(const LpbmDatabase* database) {
  switch (database->state) {
    case LPBM_STATE_OFF:
      return "The worker is not running; see the server's log.";
    case LPBM_STATE_NO_DATABASE:
      return "Create the database, or set lpbm.database and restart the server.";
    case LPBM_STATE_RELEASED:
      return "The database is being dropped, renamed or copied; backups go on afterwards.";
    case LPBM_STATE_BLOCKED:
      return "Something is missing: see the rows named problem.";
    case LPBM_STATE_CREATING:
      return waits_for(database->worker_pid);
    case LPBM_STATE_PAUSED:
      return "WAL is kept meanwhile. Call lpbm_resume() to go on.";
    default:
      return NULL;
  }
}

static void put_behind(ReturnSetInfo* result, const LpbmDatabase* database) {
  const char* since =
      database->behind_since == 0 ? NULL : psprintf("since %s", timestamptz_to_str(database->behind_since));
  const char* hint = NULL;

  if (database->full_wanted[0] != '\0') {
    hint = psprintf("A full backup is needed (%s)%s%s.", database->full_wanted,
                    database->full_after == 0 ? "" : ", not before ",
                    database->full_after == 0 ? "" : timestamptz_to_str(database->full_after));
    if (since == NULL) since = "a full backup is needed";
  }
  if (database->state != LPBM_STATE_RUNNING && database->state != LPBM_STATE_CREATING)
    put(result, "behind", "unknown", "Nothing is decoded at the moment.");
  else
    put(result, "behind", since == NULL ? "no" : since, hint);
}

static void put_entry(ReturnSetInfo* result, const char* name, const LpbmLastEntry* entry) {
  if (entry->number == 0)
    put(result, name, "none", NULL);
  else
    put(result, name, timestamptz_to_str(entry->finished),
        psprintf("Entry " UINT64_FORMAT ", %s", entry->number, entry->cid));
}

static void put_database(ReturnSetInfo* result, const LpbmDatabase* database) {
  about = lpbm_to_utf8(database->name);
  put(result, "state", state_text(database), state_hint(database));
  put_behind(result, database);
  for (int i = 0; i < LPBM_MAX_PROBLEMS; i++)
    if (database->problems[i].name[0] != '\0')
      put(result, "problem", database->problems[i].text, database->problems[i].hint);
  put(result, "database", about, NULL);
}

/* The rest of it: what is of the whole server stands between the two where it always did. */
static void put_stream(ReturnSetInfo* result, const LpbmDatabase* database) {
  about = lpbm_to_utf8(database->name);
  put(result, "stream", database->stream, NULL);
  put(result, "slot", database->slot, NULL);
  put(result, "decoded", lsn_text(database->decoded_upto), NULL);
  put(result, "confirmed", lsn_text(database->confirmed), NULL);
  put_entry(result, "last_full", &database->last_full);
  put_entry(result, "last_delta", &database->last_delta);
  put(result, "last_trigger", time_text(database->last_trigger), NULL);
  put(result, "next_trigger", time_text(database->next_trigger), NULL);
  put(result, "next_full", time_text(database->next_full), NULL);
}

static void put_server(ReturnSetInfo* result, const LpbmShared* shared) {
  about = NULL;
  put(result, "site", lpbm_site(), NULL);
  put(result, "store", lpbm_settings.store, NULL);
  put(result, "signer", shared->signer, shared->signer[0] == '\0' ? NULL : "Give it to restore as --signer.");
  if (lpbm_settings.smtp_url[0] != '\0')
    put(result, "last_mail", shared->last_mail == 0 ? "none" : time_text(shared->last_mail), NULL);
  if (shared->last_drill != 0)
    put(result, "last_drill", time_text(shared->last_drill), shared->drill);
  else if (shared->next_drill != 0 && !TIMESTAMP_IS_NOEND(shared->next_drill))
    put(result, "last_drill", "none", NULL);
  put(result, "next_drill", time_text(shared->next_drill), NULL);
}

/* The first database, the server, and the other databases. */
static void put_all(ReturnSetInfo* result, const LpbmShared* shared) {
  const LpbmDatabase* first = &shared->databases[shared->first];

  about = NULL;
  if (first->name[0] == '\0')
    put(result, "state", "off", "No database to back up has been found yet.");
  else
    put_database(result, first);
  put_server(result, shared);
  if (first->name[0] != '\0') put_stream(result, first);
  for (int i = 0; i < LPBM_MAX_DATABASES; i++) {
    const LpbmDatabase* database = &shared->databases[i];

    if (database == first || database->name[0] == '\0') continue;
    put_database(result, database);
    put_stream(result, database);
  }
}

Datum lpbm_status_rows(PG_FUNCTION_ARGS) {
  ReturnSetInfo* result = (ReturnSetInfo*)fcinfo->resultinfo;
  LpbmShared* copy;

  InitMaterializedSRF(fcinfo, 0);
  if (lpbm_shared == NULL) {
    about = NULL;
    put(result, "state", "off", "Add lpbm to shared_preload_libraries and restart the server.");
    put(result, "problem", "lpbm is not in shared_preload_libraries", "Add it and restart the server.");
    return (Datum)0;
  }
  copy = palloc(sizeof(*copy));
  lpbm_shared_lock(false);
  memcpy(copy, lpbm_shared, sizeof(*copy));
  lpbm_shared_unlock();
  put_all(result, copy);
  return (Datum)0;
}

/* --- lpbm_progress ----------------------------------------------------------------------------------------------- */

static void put_progress(ReturnSetInfo* result, const char* database, const LpbmJobProgress* p) {
  Datum values[7];
  bool nulls[7] = {false, p->phase[0] == '\0', false, p->total < 0, p->unit[0] == '\0', false, false};

  values[0] = CStringGetTextDatum(job_names[p->kind]);
  values[1] = CStringGetTextDatum(lpbm_from_utf8(p->phase));
  values[2] = Int64GetDatum(p->done);
  values[3] = Int64GetDatum(p->total);
  values[4] = CStringGetTextDatum(lpbm_from_utf8(p->unit));
  values[5] = TimestampTzGetDatum(p->started);
  values[6] = CStringGetTextDatum(lpbm_from_utf8(database));
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum lpbm_progress_rows(PG_FUNCTION_ARGS) {
  ReturnSetInfo* result = (ReturnSetInfo*)fcinfo->resultinfo;
  LpbmJobProgress progress[LPBM_LANES];
  char name[NAMEDATALEN];

  InitMaterializedSRF(fcinfo, 0);
  for (int i = 0; i < LPBM_MAX_DATABASES && lpbm_shared != NULL; i++) {
    lpbm_shared_lock(false);
    memcpy(progress, lpbm_shared->databases[i].progress, sizeof(progress));
    strlcpy(name, lpbm_shared->databases[i].name, sizeof(name));
    lpbm_shared_unlock();
    for (int lane = 0; lane < LPBM_LANES; lane++)
      if (progress[lane].kind != LPBM_JOB_NONE) put_progress(result, lpbm_to_utf8(name), &progress[lane]);
  }
  return (Datum)0;
}

/* --- lpbm_entries ------------------------------------------------------------------------------------------------ */

/* The entries' lines of the journal's file: CID, name and JSON. */
Datum lpbm_journal_lines(PG_FUNCTION_ARGS) {
  ReturnSetInfo* result = (ReturnSetInfo*)fcinfo->resultinfo;
  char* text;
  char* line;

  InitMaterializedSRF(fcinfo, 0);
  if (lpbm_shared == NULL) return (Datum)0;
  text = lpbm_journal_file_text();
  line = text == NULL ? NULL : strchr(text, '\n');
  for (line = line == NULL ? NULL : line + 1; line != NULL && *line != '\0';) {
    char* newline = strchr(line, '\n');
    char* name = strchr(line, ' ');
    char* json = name == NULL || name > newline ? NULL : strchr(name + 1, ' ');
    bool nulls[3] = {false, false, false};
    Datum values[3];

    *newline = '\0';
    if (json != NULL && json < newline) {
      *name = *json = '\0';
      values[0] = CStringGetTextDatum(line);
      values[1] = CStringGetTextDatum(name + 1);
      values[2] = CStringGetTextDatum(lpbm_from_utf8(json + 1));
      tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    line = newline + 1;
  }
  return (Datum)0;
}
