#include "postgres.h"

#include "journal_table.h"
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

/* --- the journal's table ----------------------------------------------------------------------------------------- */

static void refresh_step(void* argument) {
  *(bool*)argument = lpbm_journal_table_refresh();
}

static void refresh_table(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool found = false;
  bool good = lpbm_attempt(refresh_step, &found, false, cause, hint);

  lpbm_worker.table_known = good && found;
  lpbm_tell("journal_table", good ? NULL : cause, good ? NULL : hint);
}

typedef struct Append {
  uint64 number;
  const char* line;
  bool added;
} Append;

static void append_step(void* argument) {
  Append* append = argument;

  append->added = lpbm_journal_table_append(append->number, append->line);
}

static void append_to_table(uint64 number, const char* line) {
  Append append = {number, line, false};
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];

  if (!lpbm_attempt(append_step, &append, false, cause, hint) || !append.added) refresh_table();
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void show_progress(LpbmLane lane, const LpbmEvent* event) {
  LpbmJobProgress* progress = &lpbm_shared->progress[lane];

  lpbm_shared_lock(true);
  lpbm_copy_text(progress->phase, event->phase == NULL ? "" : event->phase, sizeof(progress->phase));
  lpbm_copy_text(progress->unit, event->unit == NULL ? "" : event->unit, sizeof(progress->unit));
  progress->done = event->done;
  progress->total = event->total;
  lpbm_shared_unlock();
}

static void show_entry(const LpbmEntryLine* entry) {
  LpbmLastEntry* last = entry->full ? &lpbm_shared->last_full : &lpbm_shared->last_delta;

  lpbm_shared_lock(true);
  last->number = entry->number;
  strlcpy(last->cid, entry->cid, sizeof(last->cid));
  last->finished = (TimestampTz)entry->finished - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
  lpbm_shared_unlock();
}

/* The newest full and delta of the journal's file, for lpbm_status after a start. */
static void show_last_entries(void* argument) {
  char* text = lpbm_journal_file_text();
  bool full = false;
  bool delta = false;
  LpbmEntryLine entry;

  (void)argument;
  while (text != NULL && !(full && delta)) {
    size_t length = strlen(text);
    char* line;

    if (length == 0) return;
    text[length - 1] = '\0'; /* its newline */
    line = strrchr(text, '\n');
    if (line == NULL) return; /* the header */
    if (lpbm_entry_parse(line + 1, strlen(line + 1), &entry) && !(entry.full ? full : delta)) {
      show_entry(&entry);
      if (entry.full)
        full = true;
      else
        delta = true;
    }
    line[1] = '\0';
  }
}

/* The journal holds it: that is what a full is for, whatever becomes of the rest of its job. */
static void full_is_journalled(LpbmJob* job, const LpbmEntryLine* entry) {
  LpbmStream* stream = &lpbm_worker.stream;

  stream->complete = true;
  stream->globals = job->globals;
  if (job->automatic) stream->automatic = job->started;
  if (entry->to >= lpbm_worker.wanted_lsn) {
    lpbm_worker.refreshed = Max(lpbm_worker.refreshed, lpbm_worker.stale_wanted);
    stream->full_wanted[0] = '\0';
    lpbm_worker.wanted_lsn = InvalidXLogRecPtr;
  }
  lpbm_stream_save(stream);
}

static void entry_step(void* argument) {
  LpbmJob* job = ((void**)argument)[0];
  LpbmEntryLine* entry = ((void**)argument)[1];

  full_is_journalled(job, entry);
}

static void take_entry(LpbmJob* job, const char* line) {
  LpbmEntryLine entry;
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  void* both[2] = {job, &entry};

  if (!lpbm_entry_parse(line, strlen(line), &entry)) return;
  strlcpy(job->cid, entry.cid, sizeof(job->cid));
  append_to_table(entry.number, line);
  show_entry(&entry);
  lpbm_mail_journal_changed();
  if (job->kind == LPBM_JOB_FULL) {
    bool good = lpbm_attempt(entry_step, both, false, cause, hint);

    lpbm_tell("directory", good ? NULL : cause, good ? NULL : hint);
    (void)lpbm_requests_answer(LPBM_JOB_FULL, 0, entry.cid, NULL, NULL);
    lpbm_requests_note(true, entry.cid);
  }
}

/* What the engine found at its start. An unreachable store alone is no reason not to decode. */
static const char* const init_names[] = {"directory", "encryption", "store", "pg_dump", "pg_dumpall", "connection"};

static void take_init(const LpbmEvent* event) {
  bool blocked = false;

  for (size_t i = 0; i < lengthof(init_names); i++) {
    const LpbmEventRow* found = NULL;

    for (int j = 0; j < event->row_count; j++)
      if (event->rows[j].name != NULL && strcmp(event->rows[j].name, init_names[i]) == 0) found = &event->rows[j];
    lpbm_tell(init_names[i], found == NULL ? NULL : found->problem, found == NULL ? NULL : found->hint);
    if (found == NULL) continue;
    if (strcmp(init_names[i], "store") != 0)
      blocked = true;
    else
      lpbm_worker.look_again = true; /* until it is over; meanwhile the csvlog keeps what is committed */
  }
  lpbm_worker.initialised = !blocked;
  lpbm_shared_lock(true);
  lpbm_copy_text(lpbm_shared->signer, event->key == NULL ? "" : event->key, sizeof(lpbm_shared->signer));
  lpbm_shared_unlock();
}

static void keep_answer(void* argument) {
  void** both = argument;
  LpbmJob* job = both[0];
  const char* line = both[1];
  char name[LPBM_NAME];

  lpbm_answer_name(job->request, name);
  lpbm_replace_file(name, line, strlen(line));
}

static void take_result(LpbmJob* job, const LpbmEvent* event, const char* line) {
  const void* both[2] = {job, line};

  job->answered = true;
  job->stale_left = event->stale;
  lpbm_copy_text(job->stale_cause, event->stale_cause == NULL ? "" : event->stale_cause, sizeof(job->stale_cause));
  lpbm_copy_text(job->full, event->full == NULL ? "" : event->full, sizeof(job->full));
  if (job->kind == LPBM_JOB_INIT) take_init(event);
  if (job->kind == LPBM_JOB_MAIL) lpbm_mail_take_result(job, event);
  if (job->kind != LPBM_JOB_RESTORE && job->kind != LPBM_JOB_VERIFY) return;
  if (!lpbm_attempt(keep_answer, both, false, job->cause, job->hint)) job->failed = true;
}

static void take_error(LpbmJob* job, const LpbmEvent* event) {
  char cause[2 * LPBM_TEXT];

  job->answered = job->failed = true;
  job->error = event->error;
  snprintf(cause, sizeof(cause), "%s%s%s", event->what == NULL ? "" : event->what,
           event->what == NULL || event->what[0] == '\0' ? "" : ": ", event->cause == NULL ? "" : event->cause);
  lpbm_copy_text(job->cause, cause, sizeof(job->cause));
  lpbm_copy_text(job->hint, event->hint == NULL ? "" : event->hint, sizeof(job->hint));
}

static void take_line(char* line, size_t length, void* argument) {
  LpbmLane lane = *(LpbmLane*)argument;
  LpbmJob* job = &lpbm_worker.jobs[lane];
  LpbmEvent event;
  char* copy = job->kind == LPBM_JOB_RESTORE || job->kind == LPBM_JOB_VERIFY ? pstrdup(line) : line;

  lpbm_event_parse(line, length, &event);
  switch (event.kind) {
    case LPBM_EVENT_PROGRESS:
      show_progress(lane, &event);
      break;
    case LPBM_EVENT_FENCED:
      if (job->kind == LPBM_JOB_DELTA && !job->fenced) {
        job->fenced = true;
        lpbm_advance(job);
      }
      break;
    case LPBM_EVENT_ENTRY:
      if (event.line != NULL) take_entry(job, event.line);
      break;
    case LPBM_EVENT_RESULT:
      take_result(job, &event, copy);
      break;
    case LPBM_EVENT_ERROR:
      take_error(job, &event);
      break;
    case LPBM_EVENT_INVALID:
      break;
  }
  lpbm_event_free(&event);
}

/* --- the end of a job -------------------------------------------------------------------------------------------- */

static void save_step(void* argument) {
  (void)argument;
  lpbm_stream_save(&lpbm_worker.stream);
}

static void want_full_for_stale(const LpbmJob* job, const char* reason) {
  lpbm_worker.stale_wanted = job->stale;
  lpbm_want_full(reason, job->last_record);
  lpbm_requests_need_full();
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

static void delta_succeeded(const LpbmJob* job) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool good;

  lpbm_worker.stream.journalled = Max(lpbm_worker.stream.journalled, job->last_record);
  if (job->globals != 0) lpbm_worker.stream.globals = job->globals;
  good = lpbm_attempt(save_step, NULL, false, cause, hint); /* else tried again with the next fence */
  lpbm_tell("directory", good ? NULL : cause, good ? NULL : hint);
  lpbm_retry_reset(&lpbm_worker.delta);
  lpbm_tell("delta", NULL, NULL);
  lpbm_tell("csvlog", NULL, NULL);
  if (job->cid[0] != '\0') lpbm_tell("store", NULL, NULL);
  lpbm_requests_note(false, job->cid);
  if (job->refresh)
    refresh_ended(job);
  else if (job->full[0] != '\0')
    want_full_for_stale(job, job->full);
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
    refresh_table(); /* retention has dropped lines */
    lpbm_mail_journal_changed();
    return;
  }
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
    refresh_table();
    (void)lpbm_attempt(show_last_entries, NULL, false, cause, hint);
    lpbm_plan_missed_full();
  } else {
    lpbm_retry_later(&lpbm_worker.init);
  }
  lpbm_worker.trigger_now = true;
}

static void conclude(LpbmLane lane) {
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
    case LPBM_JOB_NONE:
      break;
  }
}

void lpbm_job_read(LpbmLane lane) {
  LpbmJob* job = &lpbm_worker.jobs[lane];

  if (job->kind == LPBM_JOB_NONE) return;
  lpbm_engine_read(&job->engine, take_line, &lane);
  if (job->kind != LPBM_JOB_NONE && job->engine.ended) conclude(lane);
}
