#include "postgres.h"

#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "utils/timestamp.h"
#include "worker_internal.h"

/* A fence that does not come this often in a row is no accident any more. */
#define FENCE_PATIENCE 3
/* After so many refreshes in a row that could not be made, a full is taken. */
#define REFRESH_PATIENCE 5
/* The pause after a refresh, in times of what it took. */
#define REFRESH_SHARE 3
/* Unlogged tables that change are refreshed this often by themselves. */
#define UNLOGGED_PAUSE_MS (5 * 60 * 1000)
/* A store that could not be reached at the start is looked at again this often. */
#define STORE_PAUSE_MS (60 * 1000)

/* --- the end of a job -------------------------------------------------------------------------------------------- */

static void save_step(void* argument) {
  (void)argument;
  lpbm_stream_save(&lpbm_worker.stream);
}

static void want_full_for_stale(const LpbmJob* job, const char* reason) {
  lpbm_worker.stale_wanted = job->stale;
  lpbm_worker.stale_wanted_lsn = job->last_record;
  lpbm_want_full(reason, XLogRecPtrIsInvalid(job->full_lsn) ? job->last_record : job->full_lsn);
  if (lpbm_full_is_needed()) lpbm_requests_need_full();
  lpbm_retry_reset(&lpbm_worker.refresh);
  lpbm_tell("refresh", NULL, NULL);
}

static void unlogged_stored(const LpbmJob* job, TimestampTz now) {
  lpbm_worker.unlogged_stored = job->unlogged_sign;
  lpbm_worker.unlogged_after = TimestampTzPlusMilliseconds(now, UNLOGGED_PAUSE_MS);
  lpbm_worker.unlogged_wanted = lpbm_worker.stale > job->stale && lpbm_worker.unlogged_sign != job->unlogged_sign;
}

/* A refresh that cannot be made for long, or not at all, is made up for by a full. */
static void refresh_ended(const LpbmJob* job) {
  TimestampTz now = GetCurrentTimestamp();

  if (job->full[0] != '\0') {
    want_full_for_stale(job, job->full);
  } else if (job->stale_left == 0) {
    lpbm_worker.refreshed = Max(lpbm_worker.refreshed, job->stale);
    if (job->unlogged) unlogged_stored(job, now);
    lpbm_retry_reset(&lpbm_worker.refresh);
    lpbm_worker.refresh.after = now + REFRESH_SHARE * (now - job->started);
    lpbm_tell("refresh", NULL, NULL);
  } else {
    lpbm_retry_later(&lpbm_worker.refresh);
    lpbm_tell("refresh", job->stale_cause, "Tables without a primary key are locked for a moment to be backed up.");
    if (lpbm_worker.refresh.failures >= REFRESH_PATIENCE) {
      char reason[LPBM_TEXT];

      snprintf(reason, sizeof(reason), "no_replica_identity: no refresh was possible: %.800s", job->stale_cause);
      want_full_for_stale(job, reason);
    }
  }
}

/*
 * What the delta has read of the csvlog is done with, but for what the bridge of a full may begin with: that runs, or
 * will. Frames that are done with are so for good, since later ones alone are added to what bridges need.
 */
static void note_needed(const LpbmJob* job) {
  const LpbmJob* full = &lpbm_worker.jobs[LPBM_LANE_LONG];
  LpbmPosition needed = {job->fence.run, job->fence.seq + 1};
  LpbmHold hold;

  if (full->kind == LPBM_JOB_FULL && lpbm_position_is_before(full->hold.position, needed)) needed = full->hold.position;
  if (lpbm_holds_first(&hold) && lpbm_position_is_before(hold.position, needed)) needed = hold.position;
  if (lpbm_position_is_before(lpbm_worker.stream.needed, needed)) lpbm_worker.stream.needed = needed;
}

/* A full that is needed is saved first: what is journalled is not looked at again. */
static void delta_succeeded(const LpbmJob* job) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool good;

  lpbm_worker.holes_known = true;
  if (job->refresh)
    refresh_ended(job);
  else if (job->full[0] != '\0')
    want_full_for_stale(job, job->full);
  lpbm_worker.stream.journalled = Max(lpbm_worker.stream.journalled, job->last_record);
  if (job->globals != 0) lpbm_worker.stream.globals = job->globals;
  if (job->whole) note_needed(job);
  good = lpbm_attempt(save_step, NULL, false, cause, hint); /* else tried again with the next fence */
  lpbm_tell("directory", good ? NULL : cause, good ? NULL : hint);
  lpbm_retry_reset(&lpbm_worker.delta);
  lpbm_tell("delta", NULL, NULL);
  lpbm_tell("csvlog", NULL, NULL);
  if (job->cid[0] != '\0') lpbm_tell("store", NULL, NULL);
  lpbm_requests_note(false, job->cid);
}

/* A fence that was read and synchronised before, and is not there any more: nothing of it can be written again. */
static bool is_lost(const LpbmJob* job) {
  return job->error == LPBM_ERROR_FENCE && job->fence.run == lpbm_worker.stream.fence.run &&
         job->fence.seq == lpbm_worker.stream.fence.seq;
}

static void end_by_gap(const LpbmJob* job) {
  char reason[LPBM_TEXT];

  snprintf(reason, sizeof(reason), "gap: %.900s", job->cause);
  lpbm_stream_end(reason);
}

static void delta_failed(const LpbmJob* job) {
  bool patient = job->error == LPBM_ERROR_FENCE && lpbm_worker.delta.failures < FENCE_PATIENCE;

  lpbm_worker.holes_known = false;
  lpbm_retry_later(&lpbm_worker.delta);
  /* Had somebody removed the file, the collector would go on writing into what nobody can open. */
  if (job->error == LPBM_ERROR_FENCE || job->error == LPBM_ERROR_GAP) SendPostmasterSignal(PMSIGNAL_ROTATE_LOGFILE);
  if (job->error == LPBM_ERROR_GAP || is_lost(job)) {
    end_by_gap(job);
    return;
  }
  if (job->error == LPBM_ERROR_FENCE) {
    lpbm_tell("csvlog", job->cause, job->hint);
    lpbm_write_again();
    lpbm_worker.trigger_now = true;
  } else {
    lpbm_tell("delta", job->cause, job->hint);
  }
  if (!patient) lpbm_requests_refuse(LPBM_JOB_DELTA, job->cause, job->hint);
}

static void full_ended(const LpbmJob* job) {
  if (!job->failed) {
    lpbm_retry_reset(&lpbm_worker.full);
    lpbm_tell("full", NULL, NULL);
    lpbm_journal_changed(); /* retention has dropped lines */
    lpbm_mail_journal_changed();
    return;
  }
  lpbm_worker.holes_known = false; /* it was to make up for them */
  lpbm_retry_later(&lpbm_worker.full);
  lpbm_tell("full", job->cause, job->hint);
  lpbm_requests_refuse(LPBM_JOB_FULL, job->cause, job->hint);
  if (job->error == LPBM_ERROR_GAP) end_by_gap(job);
}

static void init_ended(const LpbmJob* job) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];

  lpbm_tell("init", job->failed ? job->cause : NULL, job->failed ? job->hint : NULL);
  if (job->failed) lpbm_worker.initialised = false;
  if (lpbm_worker.initialised) {
    lpbm_retry_reset(&lpbm_worker.init);
    if (lpbm_worker.look_again)
      lpbm_worker.init.after = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STORE_PAUSE_MS);
    lpbm_journal_changed();
    (void)lpbm_attempt(lpbm_show_last_entries, NULL, false, cause, hint);
    lpbm_plan_missed_full();
    lpbm_drill_remember();
  } else {
    lpbm_retry_later(&lpbm_worker.init);
  }
  lpbm_worker.trigger_now = true;
}

void lpbm_job_conclude(LpbmLane lane) {
  LpbmJob job;
  char problem[LPBM_TEXT];

  lpbm_engine_finish(&lpbm_worker.jobs[lane].engine, problem, sizeof(problem));
  job = lpbm_worker.jobs[lane];
  lpbm_job_kill(lane); /* only its memory: the process is gone */
  if (!job.answered) {
    job.failed = true;
    job.error = LPBM_ERROR_RETRYABLE;
    snprintf(job.cause, sizeof(job.cause), "the engine ended without an answer%s%s", problem[0] == '\0' ? "" : ": ",
             problem);
    strlcpy(job.hint, "The job is tried again.", sizeof(job.hint));
  }
  switch (job.kind) {
    case LPBM_JOB_INIT:
      init_ended(&job);
      break;
    case LPBM_JOB_DELTA:
      if (job.failed)
        delta_failed(&job);
      else
        delta_succeeded(&job);
      break;
    case LPBM_JOB_FULL:
      full_ended(&job);
      break;
    case LPBM_JOB_RESTORE:
    case LPBM_JOB_VERIFY:
      if (!lpbm_requests_answer(job.kind, job.request, "", job.failed ? job.cause : NULL, job.hint))
        lpbm_remove_answer(job.request);
      break;
    case LPBM_JOB_MAIL:
      lpbm_mail_ended(&job);
      break;
    case LPBM_JOB_DRILL:
      lpbm_drill_ended(&job);
      break;
    case LPBM_JOB_NONE:
      break;
  }
}
