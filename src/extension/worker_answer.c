#include "postgres.h"

#include "journal_table.h"
#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "utils/timestamp.h"
#include "worker_internal.h"

/* --- the journal's table ----------------------------------------------------------------------------------------- */

static void refresh_step(void* argument) {
  *(bool*)argument = lpbm_journal_table_refresh();
}

static void tell_first(void) {
  lpbm_shared_lock(true);
  lpbm_shared->journal_changes++;
  lpbm_shared_unlock();
  lpbm_wake_first();
}

void lpbm_journal_changed(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool found = false;
  bool good;

  if (!lpbm_is_first()) {
    tell_first();
    return;
  }
  good = lpbm_attempt(refresh_step, &found, false, cause, hint);

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

  if (!lpbm_is_first() || !lpbm_attempt(append_step, &append, false, cause, hint) || !append.added)
    lpbm_journal_changed();
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void show_progress(LpbmLane lane, const LpbmEvent* event) {
  LpbmJobProgress* progress = &lpbm_mine->progress[lane];

  lpbm_shared_lock(true);
  lpbm_copy_text(progress->phase, event->phase == NULL ? "" : event->phase, sizeof(progress->phase));
  lpbm_copy_text(progress->unit, event->unit == NULL ? "" : event->unit, sizeof(progress->unit));
  progress->done = event->done;
  progress->total = event->total;
  lpbm_shared_unlock();
}

static void show_entry(const LpbmEntryLine* entry) {
  LpbmLastEntry* last = entry->full ? &lpbm_mine->last_full : &lpbm_mine->last_delta;

  lpbm_shared_lock(true);
  last->number = entry->number;
  strlcpy(last->cid, entry->cid, sizeof(last->cid));
  last->finished = (TimestampTz)entry->finished - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
  lpbm_shared_unlock();
}

/* Lines of a server that had one database alone name none: it is the one whose files lie at the top. */
static bool is_ours(const LpbmEntryLine* entry) {
  if (entry->database[0] == '\0') return lpbm_mine->at_top;
  return strcmp(entry->database, lpbm_own_name()) == 0;
}

/* The newest full and delta of the journal's file, for lpbm_status after a start. */
void lpbm_show_last_entries(void* argument) {
  char* text = lpbm_journal_file_text();
  size_t end = text == NULL ? 0 : strlen(text); /* behind the newline of a line */
  bool full = false;
  bool delta = false;
  LpbmEntryLine entry;

  (void)argument;
  while (end > 0 && !(full && delta)) {
    size_t begin = end - 1;

    while (begin > 0 && text[begin - 1] != '\n') begin--;
    if (begin == 0) return; /* the header */
    if (lpbm_entry_parse(text + begin, end - 1 - begin, &entry) && is_ours(&entry) && !(entry.full ? full : delta)) {
      show_entry(&entry);
      if (entry.full)
        full = true;
      else
        delta = true;
    }
    end = begin;
  }
}

/* The journal holds it: that is what a full is for, whatever becomes of the rest of its job. */
static void full_is_journalled(LpbmJob* job, const LpbmEntryLine* entry) {
  LpbmStream* stream = &lpbm_worker.stream;

  lpbm_worker.full_anchor = Max(lpbm_worker.full_anchor, entry->to);
  stream->complete = true;
  stream->globals = job->globals;
  if (job->automatic) stream->automatic = job->started;
  if (entry->to >= lpbm_worker.stale_wanted_lsn)
    lpbm_worker.refreshed = Max(lpbm_worker.refreshed, lpbm_worker.stale_wanted);
  if (entry->to >= lpbm_worker.wanted_lsn) {
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
  job->whole = event->whole;
  job->stale_left = event->stale;
  lpbm_copy_text(job->stale_cause, event->stale_cause == NULL ? "" : event->stale_cause, sizeof(job->stale_cause));
  lpbm_copy_text(job->full, event->full == NULL ? "" : event->full, sizeof(job->full));
  job->full_lsn = event->full_lsn;
  if (job->kind == LPBM_JOB_INIT) take_init(event);
  if (job->kind == LPBM_JOB_MAIL) lpbm_mail_take_result(job, event);
  if (job->kind == LPBM_JOB_DRILL) lpbm_drill_take_result(event, line);
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
  bool kept = job->kind == LPBM_JOB_RESTORE || job->kind == LPBM_JOB_VERIFY || job->kind == LPBM_JOB_DRILL;
  char* copy = kept ? pstrdup(line) : line;

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

/* --- reading ----------------------------------------------------------------------------------------------------- */

void lpbm_job_read(LpbmLane lane) {
  LpbmJob* job = &lpbm_worker.jobs[lane];

  if (job->kind == LPBM_JOB_NONE) return;
  lpbm_engine_read(&job->engine, take_line, &lane);
  if (job->kind != LPBM_JOB_NONE && job->engine.ended) lpbm_job_conclude(lane);
}
