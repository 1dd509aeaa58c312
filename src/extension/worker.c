#include "worker.h"

#include "../engine/schedule/cron_c.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid_d.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "databases.h"
#include "ddl.h"
#include "key.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "pgtime.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "settings.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker_internal.h"
#include "worker_settings.h"

#define LONGEST_SLEEP_MS 10000L
/* While a full waits for its anchor, nobody should have to wait for the next trigger. */
#define LOOK_DURING_FULL_MS 500
/* While a delta waits for an anchor of its own, locks of a refresh may be held. */
#define LOOK_DURING_CUT_MS 50

LpbmWorker lpbm_worker;

/* --- signals ----------------------------------------------------------------------------------------------------- */

/* At rest the loop ends by itself; within a step it is ended as a session would be. */
static void on_terminate(SIGNAL_ARGS) {
  int error = errno;

  if (lpbm_busy) {
    die(postgres_signal_arg);
  } else {
    lpbm_worker.stopping = true;
    SetLatch(MyLatch);
  }
  errno = error;
}

void lpbm_publish(void) {
  const LpbmStream* stream = &lpbm_worker.stream;
  bool behind = lpbm_worker.stream_ready && (lpbm_is_unjournalled() || lpbm_full_is_needed());

  lpbm_shared_lock(true);
  lpbm_mine->decoded_upto = lpbm_worker.written_upto;
  lpbm_mine->confirmed = stream->confirmed;
  lpbm_mine->last_record = lpbm_worker.written_record;
  lpbm_mine->journalled = stream->journalled;
  lpbm_mine->last_trigger = lpbm_worker.last_trigger;
  lpbm_mine->next_trigger = lpbm_worker.next_trigger;
  lpbm_mine->next_full = lpbm_worker.next_full;
  strlcpy(lpbm_mine->full_wanted, stream->full_wanted, sizeof(lpbm_mine->full_wanted));
  lpbm_mine->full_after =
      stream->full_wanted[0] == '\0' || stream->automatic == 0
          ? 0
          : TimestampTzPlusMilliseconds(stream->automatic, lpbm_settings.min_full_interval * INT64CONST(1000));
  if (!behind)
    lpbm_mine->behind_since = 0;
  else if (lpbm_mine->behind_since == 0)
    lpbm_mine->behind_since = GetCurrentTimestamp();
  lpbm_shared_unlock();
}

/* --- schedule ---------------------------------------------------------------------------------------------------- */

static void local_time(int64_t time, struct lpbm_local_time* local, void* argument) {
  pg_time_t stamp = time;
  struct pg_tm* tm = pg_localtime(&stamp, log_timezone);

  (void)argument;
  memset(local, 0, sizeof(*local));
  if (tm == NULL) return;
  local->year = tm->tm_year + 1900;
  local->month = tm->tm_mon + 1;
  local->day = tm->tm_mday;
  local->hour = tm->tm_hour;
  local->minute = tm->tm_min;
  local->second = tm->tm_sec;
}

TimestampTz lpbm_due_after(const char* expression, TimestampTz time, TimestampTz anchor) {
  int64 due = lpbm_cron_next(expression, timestamptz_to_time_t(time), timestamptz_to_time_t(anchor), local_time, NULL);

  return due < 0 ? DT_NOEND : time_t_to_timestamptz((pg_time_t)due);
}

/* A full that fell due while the server was down is due now. */
void lpbm_plan_missed_full(void) {
  static bool planned = false;
  TimestampTz last_full = lpbm_mine->last_full.finished;

  if (!planned && lpbm_mine->last_full.number > 0)
    lpbm_worker.next_full = lpbm_due_after(lpbm_settings.full_backup_cron, last_full, last_full);
  planned = true;
}

static void plan(TimestampTz now) {
  TimestampTz last_full = lpbm_mine->last_full.number > 0 ? lpbm_mine->last_full.finished : now;

  lpbm_worker.next_trigger = lpbm_due_after(lpbm_settings.trigger_cron, now, 0);
  if (lpbm_worker.next_full == 0)
    lpbm_worker.next_full = lpbm_due_after(lpbm_settings.full_backup_cron, now, last_full);
}

static void reload(void) {
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
  lpbm_worker.next_full = 0;
  lpbm_drill_plan();
  lpbm_worker.look_again = true;
  lpbm_retry_reset(&lpbm_worker.init);
  lpbm_retry_reset(&lpbm_worker.delta);
  lpbm_retry_reset(&lpbm_worker.full);
  lpbm_mail_settings_changed();
  plan(GetCurrentTimestamp());
}

/* --- one trigger ------------------------------------------------------------------------------------------------- */

/* What nobody would come back for by itself: a delta was asked for, and positions of sequences are not written yet. */
static void look_again_for_positions(TimestampTz now) {
  if (lpbm_worker.positions_written || !lpbm_requests_undecoded()) return;
  lpbm_worker.look_after = TimestampTzPlusMilliseconds(now, 200);
}

/* Decodes, and starts what follows from it. */
static void trigger(TimestampTz now) {
  bool full_due = now >= lpbm_worker.next_full;

  lpbm_worker.last_trigger = now;
  lpbm_worker.trigger_now = false;
  lpbm_worker.look_after = 0;
  lpbm_worker.prepared = lpbm_preconditions();
  if (!lpbm_worker.prepared) {
    lpbm_decoder_close();
    lpbm_set_state(LPBM_STATE_BLOCKED);
    lpbm_requests_refuse_for_problem();
    return;
  }
  if (!lpbm_worker.initialised) {
    if (lpbm_worker.init.failures > 0) {
      lpbm_set_state(LPBM_STATE_BLOCKED);
      lpbm_requests_refuse_for_problem();
    }
    return;
  }
  if (lpbm_shared->pausing) {
    lpbm_set_state(LPBM_STATE_PAUSED);
    lpbm_requests_refuse_backups("backups are paused", "Call lpbm_resume().");
    return;
  }
  if (!lpbm_retry_due(&lpbm_worker.decode) || !lpbm_stream_ensure()) {
    if (lpbm_worker.decode.failures > 1) lpbm_requests_refuse_for_problem();
    return;
  }
  lpbm_set_state(LPBM_STATE_RUNNING);
  lpbm_requests_take(LPBM_JOB_DELTA); /* whatever is committed by now is before the end of the WAL, found next */
  if (!lpbm_decode()) return;
  if (lpbm_worker.positions_written) lpbm_requests_decoded();
  if (lpbm_full_left_to_us())
    lpbm_want_full("requested", lpbm_worker.written_upto); /* it survives a restart that way */
  if (full_due) {
    lpbm_want_full("scheduled", InvalidXLogRecPtr);
    lpbm_worker.next_full = lpbm_due_after(lpbm_settings.full_backup_cron, now, lpbm_worker.next_full);
  }
  lpbm_advance_idle();
  look_again_for_positions(now);
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static bool requests_wait(void) {
  for (LpbmJobKind kind = LPBM_JOB_DELTA; kind <= LPBM_JOB_VERIFY; kind++)
    if (lpbm_requested(kind)) return true;
  return false;
}

static bool is_due(TimestampTz now) {
  if (now >= lpbm_worker.next_trigger || lpbm_worker.trigger_now || requests_wait()) return true;
  if (lpbm_worker.look_after != 0 && now >= lpbm_worker.look_after) return true;
  if (lpbm_worker.decode.failures > 0 && lpbm_retry_due(&lpbm_worker.decode)) return true;
  if (lpbm_worker.jobs[LPBM_LANE_DELTA].cuts &&
      TimestampDifferenceExceeds(lpbm_worker.last_trigger, now, LOOK_DURING_CUT_MS))
    return true;
  return lpbm_job_runs(LPBM_JOB_FULL) && TimestampDifferenceExceeds(lpbm_worker.last_trigger, now, LOOK_DURING_FULL_MS);
}

static long sleep_ms(void) {
  TimestampTz now = GetCurrentTimestamp();
  long sleep = LONGEST_SLEEP_MS;

  if (lpbm_worker.next_trigger != DT_NOEND)
    sleep = Min(sleep, TimestampDifferenceMilliseconds(now, lpbm_worker.next_trigger) + 1);
  if (lpbm_job_runs(LPBM_JOB_FULL)) sleep = Min(sleep, LOOK_DURING_FULL_MS);
  if (lpbm_worker.jobs[LPBM_LANE_DELTA].cuts) sleep = Min(sleep, LOOK_DURING_CUT_MS);
  if (lpbm_worker.look_after != 0 || !lpbm_worker.initialised || lpbm_worker.delta.failures > 0 ||
      lpbm_worker.full.failures > 0 || lpbm_worker.decode.failures > 0)
    sleep = Min(sleep, lpbm_worker.look_after != 0 ? 200 : 500);
  sleep = Min(sleep, lpbm_mail_sleep_ms(now));
  return Max(sleep, 1);
}

static void wait_for_something(void) {
  WaitEventSet* set = lpbm_wait_event_set(2 + LPBM_LANES);
  WaitEvent event;
  bool runs = false;

  AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
  AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
  for (int lane = 0; lane < LPBM_LANES; lane++) {
    const LpbmJob* job = &lpbm_worker.jobs[lane];

    if (job->kind == LPBM_JOB_NONE) continue;
    AddWaitEventToSet(set, WL_SOCKET_READABLE, job->engine.output, NULL, NULL);
    runs = true;
  }
  pgstat_report_activity(runs ? STATE_RUNNING : STATE_IDLE, NULL);
  (void)WaitEventSetWait(set, sleep_ms(), &event, 1, PG_WAIT_EXTENSION);
  FreeWaitEventSet(set);
  ResetLatch(MyLatch);
}

static bool is_released(void) {
  bool released;

  lpbm_shared_lock(false);
  released = lpbm_mine->releases > 0;
  lpbm_shared_unlock();
  return released;
}

/*
 * Whether the stream that the position file tells of is this database's and has a full. Then no restore began in it
 * since, and its owner, who may write the comment, cannot stop its backups by that.
 */
static bool is_backed_up(void) {
  LpbmStream stream;

  return lpbm_stream_load(&stream) && stream.complete && stream.binding.database == MyDatabaseId;
}

/* Another name, or no more of those that * means: it is not a database that is to be backed up any more. */
static void look_at_database(void* argument) {
  char* name;

  StartTransactionCommand();
  name = get_database_name(MyDatabaseId);
  *(bool*)argument = name != NULL && strcmp(name, lpbm_mine->name) == 0 && lpbm_is_backed_up();
  lpbm_worker.restoring = lpbm_database_comment_begins(LPBM_RESTORE_MARK) && !is_backed_up();
  CommitTransactionCommand();
}

static bool is_still_ours(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool ours = true;

  (void)lpbm_attempt(look_at_database, &ours, false, cause, hint);
  return ours;
}

/* Once for each change of what the first one does for all. */
static void look_at_others(void) {
  static bool was_first = true;
  static uint64 journal_changes = 0;

  if (lpbm_is_first() != was_first) {
    was_first = lpbm_is_first();
    journal_changes = 0;
    lpbm_forget_problems_of_server();
    if (was_first) lpbm_drill_plan();
  }
  if (!was_first || journal_changes == lpbm_shared->journal_changes || !lpbm_worker.initialised) return;
  journal_changes = lpbm_shared->journal_changes;
  lpbm_journal_changed();
  lpbm_mail_journal_changed();
}

static void turn(void) {
  TimestampTz now;

  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) reload();
  look_at_others();
  for (LpbmLane lane = 0; lane < LPBM_LANES; lane++) lpbm_job_read(lane);
  now = GetCurrentTimestamp();
  if (is_due(now)) {
    pgstat_report_activity(STATE_RUNNING, "decoding");
    if (!is_still_ours()) {
      lpbm_worker.stopping = true;
      return;
    }
    trigger(now);
    plan(GetCurrentTimestamp());
  }
  lpbm_jobs_start();
  lpbm_requests_settle();
  lpbm_publish();
}

static void find_directory_step(void* argument) {
  (void)argument;
  StartTransactionCommand();
  lpbm_own_directory_find();
  CommitTransactionCommand();
}

/* --- the process ------------------------------------------------------------------------------------------------- */

static void leave(int code, Datum argument) {
  (void)code;
  (void)argument;
  for (LpbmLane lane = 0; lane < LPBM_LANES; lane++) lpbm_engine_kill(&lpbm_worker.jobs[lane].engine);
  lpbm_shared_lock(true);
  lpbm_mine->worker_pid = 0;
  lpbm_mine->worker_latch = NULL;
  lpbm_mine->at_top = false;
  if (lpbm_mine->state != LPBM_STATE_NO_DATABASE) lpbm_mine->state = LPBM_STATE_OFF;
  memset(lpbm_mine->progress, 0, sizeof(lpbm_mine->progress));
  lpbm_shared_unlock();
  for (LpbmJobKind kind = LPBM_JOB_DELTA; kind <= LPBM_JOB_MAIL; kind++)
    lpbm_requests_refuse(kind, "lpbm's worker has stopped", "See the server's log.");
  lpbm_wake_launcher();
}

static void enter(void) {
  lpbm_shared_lock(true);
  lpbm_mine->worker_pid = MyProcPid;
  lpbm_mine->worker_latch = MyLatch;
  lpbm_mine->state = LPBM_STATE_STARTING;
  lpbm_shared->pausing = lpbm_paused();
  lpbm_shared_unlock();
  before_shmem_exit(leave, (Datum)0);
  if (lpbm_is_first()) lpbm_remove_answers();
}

/* True where the worker can go on; else it ends, and the launcher starts another. */
static bool find_directory(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool good = lpbm_attempt(find_directory_step, NULL, false, cause, hint);

  lpbm_tell("directory", good ? NULL : cause, good ? NULL : "lpbm.directory must be writable for the server.");
  return good;
}

void lpbm_worker_main(Datum argument) {
  lpbm_mine = &lpbm_shared->databases[DatumGetInt32(argument)];
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, on_terminate);
  pqsignal(SIGPIPE, SIG_IGN); /* an engine that has died */
  BackgroundWorkerUnblockSignals();
  lpbm_worker_settings_keep();
  lpbm_busy = true;
  BackgroundWorkerInitializeConnectionByOid(lpbm_mine->oid, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
  lpbm_busy = false;
  lpbm_loop_context = AllocSetContextCreate(TopMemoryContext, "lpbm worker", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(lpbm_loop_context);
  lpbm_worker_settings_restore();
  enter();
  lpbm_ddl_exempt_process();
  lpbm_worker.stopping = !find_directory();
  plan(GetCurrentTimestamp());
  lpbm_worker.stale = 1;
  lpbm_worker.next_trigger = GetCurrentTimestamp();
  while (!lpbm_worker.stopping && !is_released()) {
    turn();
    MemoryContextReset(lpbm_loop_context);
    if (!lpbm_worker.stopping && !is_released()) wait_for_something();
  }
  lpbm_decoder_close();
  proc_exit(0);
}
