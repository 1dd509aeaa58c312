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

/* What was committed and is not stored so long after is a problem, even where nothing has failed. */
#define LATE_MS (15 * 60 * 1000)
#define EPOCH_SHIFT ((int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static struct {
  bool problems_changed, journal_changed, again;
  bool told_again;           /* `again`, as the running job was told */
  TimestampTz next;          /* look again then; DT_NOEND: no need */
  TimestampTz journal_after; /* a new journal can wait so long */
  LpbmRetry retry;           /* of an engine that fails altogether */
  uint64 seen;               /* of lpbm_shared->problem_changes */
} mail = {.problems_changed = true, .journal_changed = true, .next = DT_NOEND};

void lpbm_mail_journal_changed(void) {
  mail.journal_changed = true;
}

void lpbm_mail_settings_changed(void) {
  mail.again = true;
  lpbm_retry_reset(&mail.retry);
}

/* The first worker mails what all have found. */
static void tell_news(void) {
  if (lpbm_is_first()) {
    mail.problems_changed = true;
    return;
  }
  lpbm_shared_lock(true);
  lpbm_shared->problem_changes++;
  lpbm_shared_unlock();
  lpbm_wake_first();
}

/* Whether the name was not among the good ones and is now. Under the lock. */
static bool set_good(const char* name, bool good) {
  char* free_one = NULL;

  for (int i = 0; i < LPBM_MAX_GOOD; i++) {
    if (strcmp(lpbm_mine->good[i], name) == 0) {
      if (!good) lpbm_mine->good[i][0] = '\0';
      return false;
    }
    if (lpbm_mine->good[i][0] == '\0' && free_one == NULL) free_one = lpbm_mine->good[i];
  }
  if (good && free_one != NULL) strlcpy(free_one, name, LPBM_NAME);
  return good && free_one != NULL;
}

void lpbm_mail_note(const char* name, bool good, bool news) {
  bool fresh;

  if (strcmp(name, "mail") == 0) return;
  lpbm_shared_lock(true);
  fresh = set_good(name, good); /* a problem of before the start may be over */
  lpbm_shared_unlock();
  if (news || fresh) tell_news();
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
  TimestampTz since = lpbm_mine->behind_since;

  return since != 0 && !lpbm_shared->pausing && !lpbm_job_runs(LPBM_JOB_FULL) && lpbm_mine->full_after <= now &&
         TimestampDifferenceExceeds(since, now, LATE_MS);
}

/* What a problem is called in mails: those of other databases than the first are told apart by their names. */
static const char* name_of(const LpbmDatabase* database, const char* name) {
  return database == lpbm_mine ? name : psprintf("%s of %s", name, lpbm_to_utf8(database->name));
}

static const char* text_of(const LpbmDatabase* database, const char* text) {
  return database == lpbm_mine && !lpbm_are_several() ? text
                                                      : psprintf("database %s: %s", lpbm_to_utf8(database->name), text);
}

static void append_problems_of(StringInfo out, const LpbmDatabase* database, const LpbmDatabase* copy) {
  for (int i = 0; i < LPBM_MAX_PROBLEMS; i++) {
    const LpbmProblem* problem = &copy->problems[i];

    if (problem->name[0] != '\0' && strcmp(problem->name, "mail") != 0)
      append_problem(out, name_of(database, problem->name), text_of(database, problem->text), problem->hint,
                     problem->since);
  }
  if (copy->late)
    append_problem(out, name_of(database, "behind"),
                   text_of(database, psprintf("what was committed since %s is not backed up",
                                              timestamptz_to_str(copy->behind_since))),
                   "See the views lpbm_status and lpbm_progress.", copy->behind_since);
}

static void append_good_of(StringInfo out, const LpbmDatabase* database, const LpbmDatabase* copy) {
  for (int i = 0; i < LPBM_MAX_GOOD; i++) {
    if (copy->good[i][0] == '\0') continue;
    if (out->data[out->len - 1] != '[') appendStringInfoChar(out, ',');
    escape_json(out, name_of(database, copy->good[i]));
  }
}

/* Memory is taken before the lock, since whoever holds that must not raise. */
static void append_problems(StringInfo out) {
  static LpbmDatabase copy;
  StringInfoData good;

  initStringInfo(&good);
  appendStringInfoString(&good, "],\"good\":[");
  appendStringInfoString(out, ",\"problems\":[");
  for (int i = 0; i < LPBM_MAX_DATABASES; i++) {
    const LpbmDatabase* database = &lpbm_shared->databases[i];

    lpbm_shared_lock(false);
    memcpy(&copy, database, sizeof(copy));
    lpbm_shared_unlock();
    if (copy.name[0] == '\0') continue;
    append_problems_of(out, database, &copy);
    append_good_of(&good, database, &copy);
  }
  appendStringInfo(out, "%s]", good.data);
}

/* --- when -------------------------------------------------------------------------------------------------------- */

static TimestampTz due_at(void) {
  TimestampTz due = mail.next;

  if (!lpbm_is_first() || lpbm_settings.smtp_url[0] == '\0') return DT_NOEND;
  if (lpbm_worker.jobs[LPBM_LANE_MAIL].kind != LPBM_JOB_NONE) return DT_NOEND;
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

/* A problem that has no step of its own that would find it. */
static void look_for_late(TimestampTz now) {
  bool late = is_late(now);

  if (late == lpbm_mine->late) return;
  lpbm_shared_lock(true);
  lpbm_mine->late = late;
  lpbm_shared_unlock();
  lpbm_mail_note("behind", !late, true);
}

void lpbm_mail_start_if_due(void) {
  TimestampTz now = GetCurrentTimestamp();

  look_for_late(now);
  if (!lpbm_is_first()) return;
  if (mail.seen != lpbm_shared->problem_changes) mail.problems_changed = true;
  mail.seen = lpbm_shared->problem_changes;
  if (lpbm_settings.smtp_url[0] == '\0') {
    lpbm_tell("mail", NULL, NULL);
    lpbm_requests_refuse(LPBM_JOB_MAIL, "lpbm.smtp_url is empty", "Set lpbm.smtp_url and lpbm.mail_to.");
    return;
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
