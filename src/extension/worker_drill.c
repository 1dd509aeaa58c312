#include "postgres.h"

#include "settings.h"
#include "storage/fd.h"
#include "utils/timestamp.h"
#include "worker_internal.h"

#define EPOCH_SHIFT ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
/* The last result is kept there, so that a restart neither forgets it nor delays the next one. */
#define RESULT_FILE "drill"
#define RESULT_LIMIT (64 * 1024)
/* So often a drill is tried again before its next time; each may take hours. */
#define RETRIES 2

static TimestampTz next_drill;
static LpbmRetry retry;

static void show(void) {
  if (!lpbm_is_first()) return;
  lpbm_shared_lock(true);
  lpbm_shared->next_drill = next_drill;
  lpbm_shared_unlock();
}

/* One that fell due while the server was down is due now. */
void lpbm_drill_plan(void) {
  TimestampTz last = lpbm_shared->last_drill == 0 ? GetCurrentTimestamp() : lpbm_shared->last_drill;

  next_drill = lpbm_due_after(lpbm_settings.drill_cron, last, last);
  lpbm_retry_reset(&retry);
  show();
}

static void take(const LpbmEvent* event) {
  lpbm_shared_lock(true);
  lpbm_shared->last_drill = (TimestampTz)event->finished - EPOCH_SHIFT;
  lpbm_copy_text(lpbm_shared->drill, event->summary == NULL ? "" : event->summary, sizeof(lpbm_shared->drill));
  lpbm_shared_unlock();
}

static void remember_step(void* argument) {
  const char* path = lpbm_path(RESULT_FILE);
  FILE* file = AllocateFile(path, PG_BINARY_R);
  char* text = palloc(RESULT_LIMIT);
  LpbmEvent event;

  (void)argument;
  if (file == NULL && errno == ENOENT) return;
  if (file == NULL) ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
  lpbm_event_parse(text, fread(text, 1, RESULT_LIMIT, file), &event);
  FreeFile(file);
  if (event.kind == LPBM_EVENT_RESULT && event.finished > 0) take(&event);
  lpbm_event_free(&event);
}

void lpbm_drill_remember(void) {
  static bool known = false;
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];

  if (known || !lpbm_is_first()) return;
  known = true;
  if (!lpbm_attempt(remember_step, NULL, false, cause, hint)) lpbm_tell("directory", cause, hint);
  lpbm_drill_plan();
}

/* Not before there is a backup; beside all other jobs, since it disturbs none of them. */
void lpbm_drill_start_if_due(void) {
  LpbmJob job;

  if (!lpbm_is_first()) return;
  if (lpbm_worker.jobs[LPBM_LANE_DRILL].kind != LPBM_JOB_NONE || next_drill == 0 || next_drill > GetCurrentTimestamp())
    return;
  if (!lpbm_worker.initialised || !lpbm_worker.stream.complete || lpbm_shared->pausing || !lpbm_retry_due(&retry))
    return;
  memset(&job, 0, sizeof(job));
  job.kind = LPBM_JOB_DRILL;
  if (!lpbm_job_start(LPBM_LANE_DRILL, &job, "")) lpbm_retry_later(&retry);
}

static void keep_step(void* argument) {
  const char* line = argument;

  lpbm_replace_file(RESULT_FILE, line, strlen(line));
}

void lpbm_drill_take_result(const LpbmEvent* event, const char* line) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  char* copy = pstrdup(strlen(line) < RESULT_LIMIT ? line : "");
  bool good;

  take(event);
  good = lpbm_attempt(keep_step, copy, false, cause, hint);
  lpbm_tell("directory", good ? NULL : cause, good ? NULL : hint);
  ereport(LOG, (errmsg("lpbm: drill: the backup was restored: %s", lpbm_from_utf8(lpbm_shared->drill))));
}

void lpbm_drill_ended(const LpbmJob* job) {
  char cause[2 * LPBM_TEXT];

  snprintf(cause, sizeof(cause), "the backup could not be restored in a drill: %s", job->cause);
  lpbm_tell("drill", job->failed ? cause : NULL, job->failed ? job->hint : NULL);
  if (job->failed && job->error == LPBM_ERROR_RETRYABLE && retry.failures < RETRIES) {
    lpbm_retry_later(&retry);
    return;
  }
  lpbm_retry_reset(&retry);
  next_drill = lpbm_due_after(lpbm_settings.drill_cron, GetCurrentTimestamp(), job->started);
  show();
}
