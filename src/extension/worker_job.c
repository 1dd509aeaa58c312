#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid_d.h"
#include "journal_table.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "postmaster/syslogger.h"
#include "settings.h"
#include "utils/acl.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"
#include "worker_internal.h"
#include "worker_settings.h"

/* --- requests to the engine -------------------------------------------------------------------------------------- */

/* A value of a connection string, quoted. */
static void append_parameter(StringInfo out, const char* name, const char* value) {
  appendStringInfo(out, "%s='", name);
  for (; *value != '\0'; value++) {
    if (*value == '\'' || *value == '\\') appendStringInfoChar(out, '\\');
    appendStringInfoChar(out, *value);
  }
  appendStringInfoString(out, "' ");
}

/* The first local socket, or this host where there is none; the setting comes last and wins. */
static char* connection_string(void) {
  StringInfoData out;
  List* directories = NIL;
  char* copy = pstrdup(Unix_socket_directories == NULL ? "" : Unix_socket_directories);
  char port[16];

  initStringInfo(&out);
  if (SplitDirectoriesString(copy, ',', &directories) && directories != NIL)
    append_parameter(&out, "host", linitial(directories));
  else
    append_parameter(&out, "host", "localhost");
  snprintf(port, sizeof(port), "%d", PostPortNumber);
  append_parameter(&out, "port", port);
  append_parameter(&out, "user", GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false));
  append_parameter(&out, "application_name", "lpbm");
  append_parameter(&out, "options", lpbm_worker_session_options());
  appendStringInfoString(&out, lpbm_settings.conninfo);
  return out.data;
}

static void append_path(StringInfo out, const char* name, const char* path) {
  char absolute[MAXPGPATH];

  if (is_absolute_path(path))
    strlcpy(absolute, path, sizeof(absolute));
  else
    snprintf(absolute, sizeof(absolute), "%s/%s", DataDir, path);
  canonicalize_path(absolute);
  appendStringInfo(out, ",\"%s\":", name);
  lpbm_json_text(out, absolute);
}

static void append_settings(StringInfo out) {
  char bindir[MAXPGPATH];

  strlcpy(bindir, lpbm_engine_path(), sizeof(bindir));
  get_parent_directory(bindir);
  appendStringInfoString(out, "\"settings\":{");
  lpbm_settings_json(out, lpbm_mine->name);
  append_path(out, "state", lpbm_own_directory());
  appendStringInfo(out, ",\"share\":%d", (int)(lpbm_mine - lpbm_shared->databases));
  appendStringInfo(out, ",\"system\":\"" UINT64_FORMAT "\",\"conninfo\":", GetSystemIdentifier());
  lpbm_json_text(out, connection_string());
  append_path(out, "bindir", bindir);
  append_path(out, "log_directory", Log_directory);
  append_path(out, "current_logfiles", LOG_METAINFO_DATAFILE);
  append_path(out, "data_directory", DataDir);
  appendStringInfo(out, ",\"encoding\":\"%s\",\"server_version\":%d}", GetDatabaseEncodingName(), PG_VERSION_NUM);
}

static void append_position(StringInfo out, const char* name, const LpbmPosition* position) {
  appendStringInfo(out, ",\"%s\":{\"run\":" UINT64_FORMAT ",\"seq\":" UINT64_FORMAT "}", name, position->run,
                   position->seq);
}

static void append_stream(StringInfo out) {
  appendStringInfo(out, ",\"stream\":\"%s\",\"start\":\"%X/%X\"", lpbm_worker.stream.id,
                   LSN_FORMAT_ARGS(lpbm_worker.stream.start));
}

/* --- starting ---------------------------------------------------------------------------------------------------- */

typedef struct Start {
  LpbmJob* job;
  const char* kind;
  StringInfoData members; /* `,"name":value` of the job itself */
} Start;

static void start_step(void* argument) {
  Start* start = argument;
  StringInfoData request;

  StartTransactionCommand(); /* conversions look up their functions */
  initStringInfo(&request);
  appendStringInfo(&request, "{\"job\":\"%s\",", start->kind);
  append_settings(&request);
  appendStringInfo(&request, "%s}\n", start->members.data);
  lpbm_engine_start(&start->job->engine, request.data);
  CommitTransactionCommand();
}

static const char* const kind_names[] = {"", "init", "delta", "full", "restore", "verify", "mail", "drill"};

bool lpbm_job_start(LpbmLane lane, const LpbmJob* job, const char* members) {
  Start step;
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];

  lpbm_worker.jobs[lane] = *job;
  step.job = &lpbm_worker.jobs[lane];
  step.kind = kind_names[job->kind];
  initStringInfo(&step.members);
  appendStringInfoString(&step.members, members);
  step.job->started = GetCurrentTimestamp();
  if (!lpbm_attempt(start_step, &step, false, cause, hint)) {
    lpbm_engine_kill(&step.job->engine);
    memset(step.job, 0, sizeof(*step.job));
    lpbm_tell("engine", cause, hint);
    lpbm_requests_refuse(job->kind, cause, hint);
    return false;
  }
  lpbm_shared_lock(true);
  memset(&lpbm_mine->progress[lane], 0, sizeof(lpbm_mine->progress[lane]));
  lpbm_mine->progress[lane].kind = job->kind;
  lpbm_mine->progress[lane].total = -1;
  lpbm_mine->progress[lane].started = step.job->started;
  lpbm_shared_unlock();
  return true;
}

static void recover_step(void* argument) {
  *(bool*)argument = lpbm_journal_file_recover();
}

/*
 * The journal's file is the engine's; where it is lost, it comes back from the table before any engine looks for it.
 * False where that is for the first worker to do, which has not yet.
 */
static bool recover_journal(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool recovered = false;
  bool good;

  if (!lpbm_is_first()) return lpbm_shared->journal_recovered || access(lpbm_path("journal"), F_OK) == 0;
  good = lpbm_attempt(recover_step, &recovered, false, cause, hint);
  lpbm_tell("journal_table", good ? NULL : cause, good ? NULL : hint);
  if (recovered) ereport(LOG, (errmsg("lpbm: the journal's file was missing and was written from its table")));
  lpbm_shared_lock(true);
  lpbm_shared->journal_recovered = true;
  lpbm_shared_unlock();
  return true;
}

static void start_init(void) {
  LpbmJob job;

  memset(&job, 0, sizeof(job));
  job.kind = LPBM_JOB_INIT;
  lpbm_worker.look_again = false;
  if (!recover_journal() || !lpbm_job_start(LPBM_LANE_LONG, &job, "")) lpbm_retry_later(&lpbm_worker.init);
}

static const LpbmJob* running_full(void) {
  const LpbmJob* job = &lpbm_worker.jobs[LPBM_LANE_LONG];

  return job->kind == LPBM_JOB_FULL ? job : NULL;
}

bool lpbm_globals_changed(void) {
  return lpbm_worker.stream.complete && lpbm_worker.globals_known &&
         lpbm_worker.globals != lpbm_worker.stream.globals && running_full() == NULL;
}

static void start_delta(void) {
  const LpbmJob* full = running_full();
  LpbmHold keep;
  LpbmJob job;
  StringInfoData members;

  memset(&job, 0, sizeof(job));
  job.kind = LPBM_JOB_DELTA;
  job.fence = lpbm_worker.written.run != 0 ? lpbm_worker.written : lpbm_worker.stream.fence;
  job.upto = lpbm_worker.written_upto;
  job.last_record = Max(lpbm_worker.written_record, lpbm_worker.stream.last_record);
  job.globals = lpbm_globals_changed() ? lpbm_worker.globals : 0;
  initStringInfo(&members);
  append_stream(&members);
  append_position(&members, "fence", &job.fence);
  if (full != NULL)
    append_position(&members, "keep", &full->hold.position);
  else if (lpbm_holds_first(&keep))
    append_position(&members, "keep", &keep.position);
  else
    appendStringInfoString(&members, ",\"keep\":null");
  appendStringInfo(&members, ",\"globals\":%s", job.globals != 0 ? "true" : "false");
  if (!lpbm_worker.holes_known) appendStringInfoString(&members, ",\"recheck\":true");
  job.refresh = lpbm_refresh_due();
  job.stale = lpbm_worker.stale;
  job.cuts = job.refresh || (lpbm_settings.proof_limit > 0 && !lpbm_holds_unknown());
  if (job.cuts) {
    appendStringInfoString(&members, ",\"prove\":true,\"invisible\":[");
    lpbm_holds_list(&members);
    appendStringInfoChar(&members, ']');
  }
  if (job.refresh) {
    job.unlogged = lpbm_worker.unlogged_wanted;
    job.unlogged_sign = lpbm_worker.unlogged_sign;
    appendStringInfo(&members, ",\"refresh\":true,\"unlogged\":%s", job.unlogged ? "true" : "false");
  }
  if (!lpbm_job_start(LPBM_LANE_DELTA, &job, members.data)) lpbm_retry_later(&lpbm_worker.delta);
}

/* Where reading for the bridge must begin: at the first record that new snapshots do not see yet, or at the next one.
 */
static LpbmHold first_hold(void) {
  LpbmHold hold;

  if (lpbm_holds_first(&hold)) return hold;
  hold.position.run = lpbm_worker.stream.run;
  hold.position.seq = lpbm_decoder_progress()->frames;
  hold.after = lpbm_decoder_progress()->last_record;
  return hold;
}

static void start_full(const char* reason, bool automatic) {
  LpbmJob job;
  StringInfoData members;
  unsigned char nonce[LPBM_NONCE_LENGTH / 2];

  memset(&job, 0, sizeof(job));
  job.kind = LPBM_JOB_FULL;
  job.hold = first_hold();
  job.automatic = automatic;
  job.globals = lpbm_worker.globals;
  if (!pg_strong_random(nonce, sizeof(nonce))) elog(ERROR, "could not generate a random number");
  initStringInfo(&members);
  append_stream(&members);
  appendStringInfoString(&members, ",\"nonce\":\"");
  for (size_t i = 0; i < sizeof(nonce); i++) appendStringInfo(&members, "%02x", nonce[i]);
  appendStringInfoString(&members, "\",\"reason\":");
  escape_json(&members, reason); /* UTF-8 already */
  append_position(&members, "hold", &job.hold.position);
  appendStringInfo(&members, ",\"after\":\"%X/%X\"", LSN_FORMAT_ARGS(job.hold.after));
  lpbm_requests_take(LPBM_JOB_FULL);
  if (!lpbm_job_start(LPBM_LANE_LONG, &job, members.data)) lpbm_retry_later(&lpbm_worker.full);
}

/* `name` is UTF-8 already, or empty for none. */
static void append_name(StringInfo out, const char* member, const char* name) {
  if (name[0] == '\0') return;
  appendStringInfo(out, ",\"%s\":", member);
  escape_json(out, name);
}

/* The two jobs that a session asks for with arguments of its own. */
static void start_asked(void) {
  LpbmRequest request;
  LpbmJob job;
  StringInfoData members;

  if (!lpbm_request_next(&request)) return;
  memset(&job, 0, sizeof(job));
  job.kind = request.kind;
  job.request = request.id;
  initStringInfo(&members);
  if (request.kind == LPBM_JOB_RESTORE) {
    appendStringInfoString(&members, ",\"target\":");
    escape_json(&members, request.target);
    appendStringInfoString(&members, ",\"journal\":");
    if (request.journal[0] == '\0')
      appendStringInfoString(&members, "null");
    else
      lpbm_json_text(&members, request.journal);
    append_name(&members, "database", request.source);
    append_name(&members, "session_database", request.here);
    appendStringInfo(&members, ",\"until\":%s", request.until[0] == '\0' ? "null" : request.until);
  }
  (void)lpbm_job_start(LPBM_LANE_LONG, &job, members.data);
}

/* --- what is due ------------------------------------------------------------------------------------------------- */

static bool is_automatic(const char* reason) {
  return reason[0] != '\0' && strcmp(reason, "scheduled") != 0 && strcmp(reason, "requested") != 0;
}

bool lpbm_full_is_needed(void) {
  return !lpbm_worker.stream.complete || is_automatic(lpbm_worker.stream.full_wanted);
}

static bool delta_due(void) {
  if (!lpbm_worker.stream_ready || !lpbm_decoder_is_open() || !lpbm_retry_due(&lpbm_worker.delta)) return false;
  if (lpbm_worker.written.run == 0 && lpbm_worker.stream.fence.run == 0) return false;
  return lpbm_is_unjournalled() || lpbm_globals_changed();
}

/* When an automatic full may begin: not too soon after the last one, unless somebody waits for what needs it. */
static TimestampTz automatic_after(void) {
  if (lpbm_worker.stream.automatic == 0 || lpbm_requested(LPBM_JOB_FULL)) return 0;
  lpbm_shared_lock(false);
  for (int i = 0; i < LPBM_MAX_REQUESTS; i++) {
    const LpbmRequest* request = &lpbm_shared->requests[i];

    if (lpbm_is_asked(request) && request->state == LPBM_REQUEST_TAKEN && request->kind == LPBM_JOB_DELTA &&
        request->needs_full) {
      lpbm_shared_unlock();
      return 0;
    }
  }
  lpbm_shared_unlock();
  return TimestampTzPlusMilliseconds(lpbm_worker.stream.automatic, lpbm_settings.min_full_interval * INT64CONST(1000));
}

static void start_full_if_due(void) {
  const char* reason = lpbm_worker.stream.full_wanted;
  bool requested = lpbm_requested(LPBM_JOB_FULL);

  if (!lpbm_worker.stream_ready || !lpbm_decoder_is_open()) return;
  if (reason[0] == '\0' && !requested) return;
  if (!requested && !lpbm_retry_due(&lpbm_worker.full)) return;
  if (is_automatic(reason) && GetCurrentTimestamp() < automatic_after()) return;
  if (lpbm_holds_unknown()) {
    lpbm_tell("invisible", "a full backup waits: transactions are committed, but not visible yet",
              "They wait for a synchronous standby: see synchronous_standby_names and pg_stat_replication.");
    return;
  }
  lpbm_tell("invisible", NULL, NULL);
  start_full(reason[0] == '\0' ? "requested" : reason, is_automatic(reason));
}

void lpbm_jobs_start(void) {
  const LpbmJob* long_job = &lpbm_worker.jobs[LPBM_LANE_LONG];

  if (lpbm_worker.prepared && lpbm_worker.initialised && !lpbm_shared->pausing) {
    if (lpbm_worker.jobs[LPBM_LANE_DELTA].kind == LPBM_JOB_NONE && delta_due()) start_delta();
    if (long_job->kind == LPBM_JOB_NONE) start_full_if_due();
  }
  if (lpbm_worker.prepared && long_job->kind == LPBM_JOB_NONE && lpbm_retry_due(&lpbm_worker.init) &&
      (!lpbm_worker.initialised || lpbm_worker.look_again))
    start_init();
  if (long_job->kind == LPBM_JOB_NONE) start_asked();
  lpbm_mail_start_if_due();
  lpbm_drill_start_if_due();
}

void lpbm_job_kill(LpbmLane lane) {
  lpbm_engine_kill(&lpbm_worker.jobs[lane].engine);
  memset(&lpbm_worker.jobs[lane], 0, sizeof(lpbm_worker.jobs[lane]));
  lpbm_shared_lock(true);
  memset(&lpbm_mine->progress[lane], 0, sizeof(lpbm_mine->progress[lane]));
  lpbm_shared_unlock();
}

bool lpbm_job_runs(LpbmJobKind kind) {
  for (int lane = 0; lane < LPBM_LANES; lane++)
    if (lpbm_worker.jobs[lane].kind == kind) return true;
  return false;
}
