#include "postgres.h"

#include "lib/stringinfo.h"
#include "settings.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "worker_internal.h"

/*
 * When mails may be due: the engine decides what is, from its own state and from what it is told here. It is started
 * when something has changed, or at the time that it has named.
 */

#define MAX_NAMES 32
/* What was committed and is not stored so long after is a problem, even where nothing has failed. */
#define LATE_MS (15 * 60 * 1000)
#define EPOCH_SHIFT ((int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static struct {
  bool problems_changed, journal_changed, again;
  bool told_again;           /* `again`, as the running job was told */
  TimestampTz next;          /* look again then; DT_NOEND: no need */
  TimestampTz journal_after; /* a new journal can wait so long */
  LpbmRetry retry;           /* of an engine that fails altogether */
  bool late;
  const char* good[MAX_NAMES]; /* looked at, and no problem */
  int good_count;
} mail = {.problems_changed = true, .journal_changed = true, .next = DT_NOEND};

void lpbm_mail_journal_changed(void) {
  mail.journal_changed = true;
}

void lpbm_mail_settings_changed(void) {
  mail.again = true;
  lpbm_retry_reset(&mail.retry);
}

void lpbm_mail_note(const char* name, bool good, bool news) {
  int place = 0;

  if (strcmp(name, "mail") == 0) return;
  mail.problems_changed |= news;
  while (place < mail.good_count && strcmp(mail.good[place], name) != 0) place++;
  if (!good && place < mail.good_count) mail.good[place] = mail.good[--mail.good_count];
  if (!good || place < mail.good_count || place == MAX_NAMES) return;
  mail.good[mail.good_count++] = name;
  mail.problems_changed = true; /* a problem of before the start may be over */
}

/* --- what is to be told ------------------------------------------------------------------------------------------ */

static void append_problem(StringInfo out, const char* name, const char* text, const char* hint, TimestampTz since) {
  if (out->data[out->len - 1] != '[') appendStringInfoChar(out, ',');
  appendStringInfoString(out, "{\"name\":");
  escape_json(out, name);
  appendStringInfoString(out, ",\"problem\":"); /* UTF-8 already */
  escape_json(out, text);
  appendStringInfoString(out, ",\"hint\":");
  escape_json(out, hint);
  appendStringInfo(out, ",\"since\":" INT64_FORMAT "}", (int64)since + EPOCH_SHIFT);
}

/* Behind for long, and not because a full runs or waits for its time, or somebody wanted a pause. */
static bool is_late(TimestampTz now) {
  TimestampTz since = lpbm_shared->behind_since;

  return since != 0 && !lpbm_shared->pausing && !lpbm_job_runs(LPBM_JOB_FULL) && lpbm_shared->full_after <= now &&
         TimestampDifferenceExceeds(since, now, LATE_MS);
}

/* Memory is taken before the lock, since whoever holds that must not raise. */
static void append_problems(StringInfo out) {
  static LpbmProblem copy[LPBM_MAX_PROBLEMS];

  lpbm_shared_lock(false);
  memcpy(copy, lpbm_shared->problems, sizeof(copy));
  lpbm_shared_unlock();
  appendStringInfoString(out, ",\"problems\":[");
  for (int i = 0; i < LPBM_MAX_PROBLEMS; i++)
    if (copy[i].name[0] != '\0' && strcmp(copy[i].name, "mail") != 0)
      append_problem(out, copy[i].name, copy[i].text, copy[i].hint, copy[i].since);
  if (mail.late)
    append_problem(
        out, "behind",
        psprintf("what was committed since %s is not backed up", timestamptz_to_str(lpbm_shared->behind_since)),
        "See the views lpbm_status and lpbm_progress.", lpbm_shared->behind_since);
  appendStringInfoString(out, "],\"good\":[");
  for (int i = 0; i < mail.good_count; i++) {
    if (i > 0) appendStringInfoChar(out, ',');
    escape_json(out, mail.good[i]);
  }
  appendStringInfoChar(out, ']');
}

/* --- when -------------------------------------------------------------------------------------------------------- */

static TimestampTz due_at(void) {
  TimestampTz due = mail.next;

  if (lpbm_settings.smtp_url[0] == '\0' || lpbm_worker.jobs[LPBM_LANE_MAIL].kind != LPBM_JOB_NONE) return DT_NOEND;
  if (lpbm_requested(LPBM_JOB_MAIL)) return 0;
  if (mail.journal_changed) due = Min(due, mail.journal_after);
  if (mail.problems_changed || mail.again) due = 0;
  return Max(due, mail.retry.after);
}

long lpbm_mail_sleep_ms(TimestampTz now) {
  TimestampTz due = due_at();

  return due == DT_NOEND ? LONG_MAX : TimestampDifferenceMilliseconds(now, due) + 1;
}

static void start(void) {
  LpbmJob job;
  StringInfoData members;

  memset(&job, 0, sizeof(job));
  job.kind = LPBM_JOB_MAIL;
  initStringInfo(&members);
  appendStringInfo(&members, ",\"asked\":%s,\"again\":%s", lpbm_requested(LPBM_JOB_MAIL) ? "true" : "false",
                   mail.again ? "true" : "false");
  append_problems(&members);
  mail.told_again = mail.again;
  mail.problems_changed = mail.journal_changed = mail.again = false;
  mail.next = DT_NOEND;
  lpbm_requests_take(LPBM_JOB_MAIL);
  if (!lpbm_job_start(LPBM_LANE_MAIL, &job, members.data)) {
    mail.problems_changed = true;
    mail.again = mail.told_again;
    lpbm_retry_later(&mail.retry);
  }
}

void lpbm_mail_start_if_due(void) {
  TimestampTz now = GetCurrentTimestamp();
  bool late = is_late(now);

  if (lpbm_settings.smtp_url[0] == '\0') {
    lpbm_tell("mail", NULL, NULL);
    lpbm_requests_refuse(LPBM_JOB_MAIL, "lpbm.smtp_url is empty", "Set lpbm.smtp_url and lpbm.mail_to.");
    return;
  }
  if (late != mail.late) {
    mail.late = late;
    lpbm_mail_note("behind", !late, true);
  }
  if (due_at() <= now) start();
}

/* --- what came of it --------------------------------------------------------------------------------------------- */

void lpbm_mail_take_result(LpbmJob* job, const LpbmEvent* event) {
  mail.next = event->next < 0 ? DT_NOEND : (TimestampTz)event->next - EPOCH_SHIFT;
  mail.journal_after = (TimestampTz)event->journal_after - EPOCH_SHIFT;
  lpbm_copy_text(job->cause, event->cause == NULL ? "" : event->cause, sizeof(job->cause));
  lpbm_copy_text(job->hint, event->hint == NULL ? "" : event->hint, sizeof(job->hint));
  lpbm_shared_lock(true);
  lpbm_shared->last_mail = event->mailed == 0 ? 0 : (TimestampTz)event->mailed - EPOCH_SHIFT;
  lpbm_shared_unlock();
}

void lpbm_mail_ended(const LpbmJob* job) {
  const char* cause = job->cause[0] == '\0' ? NULL : job->cause;

  if (job->failed) {
    mail.problems_changed = mail.journal_changed = true; /* nothing is known of what was due */
    mail.again = mail.again || mail.told_again;
    lpbm_retry_later(&mail.retry);
  } else {
    lpbm_retry_reset(&mail.retry);
  }
  lpbm_tell("mail", cause, job->hint);
  lpbm_requests_answer(LPBM_JOB_MAIL, 0, NULL, cause, job->hint);
}
