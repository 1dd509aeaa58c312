#include "postgres.h"

#include "settings.h"
#include "storage/condition_variable.h"
#include "worker_internal.h"

/* Those of this worker. */
#define FOR_REQUESTS(request)                                                                                        \
  for (LpbmRequest* request = lpbm_shared->requests; request < lpbm_shared->requests + LPBM_MAX_REQUESTS; request++) \
    if (lpbm_is_asked(request))

static bool is_open(const LpbmRequest* request, LpbmJobKind kind) {
  return request->kind == kind && (request->state == LPBM_REQUEST_NEW || request->state == LPBM_REQUEST_TAKEN);
}

/* Under the lock. */
static void answer(LpbmRequest* request, const char* result, const char* cause, const char* hint) {
  if (request->unattended) {
    memset(request, 0, sizeof(*request));
    return;
  }
  /* A mail that was not sent is an answer, not an error. */
  request->failed = cause != NULL && request->kind != LPBM_JOB_MAIL;
  if (result != NULL) lpbm_copy_text(request->result, result, sizeof(request->result));
  lpbm_copy_text(request->cause, cause == NULL ? "" : cause, sizeof(request->cause));
  lpbm_copy_text(request->hint, hint == NULL ? "" : hint, sizeof(request->hint));
  request->state = LPBM_REQUEST_DONE;
}

static void finish(bool any) {
  lpbm_shared_unlock();
  if (any) ConditionVariableBroadcast(&lpbm_shared->answered);
}

bool lpbm_requested(LpbmJobKind kind) {
  bool found = false;

  lpbm_shared_lock(false);
  FOR_REQUESTS(request) found |= request->kind == kind && request->state == LPBM_REQUEST_NEW;
  lpbm_shared_unlock();
  return found;
}

bool lpbm_full_left_to_us(void) {
  bool found = false;

  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->kind != LPBM_JOB_FULL || request->state != LPBM_REQUEST_NEW || !request->unattended) continue;
    memset(request, 0, sizeof(*request));
    found = true;
  }
  lpbm_shared_unlock();
  return found;
}

#define UNDECODED PG_UINT64_MAX

void lpbm_requests_take(LpbmJobKind kind) {
  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->kind != kind || request->state != LPBM_REQUEST_NEW) continue;
    request->state = LPBM_REQUEST_TAKEN;
    request->upto = UNDECODED;
  }
  lpbm_shared_unlock();
}

bool lpbm_requests_undecoded(void) {
  bool found = false;

  lpbm_shared_lock(false);
  FOR_REQUESTS(request) {
    found |= request->kind == LPBM_JOB_DELTA && request->state == LPBM_REQUEST_TAKEN && request->upto == UNDECODED;
  }
  lpbm_shared_unlock();
  return found;
}

void lpbm_requests_decoded(void) {
  bool needs_full = lpbm_full_is_needed();

  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->kind != LPBM_JOB_DELTA || request->state != LPBM_REQUEST_TAKEN || request->upto != UNDECODED) continue;
    request->upto = Max(lpbm_worker.written_record, lpbm_worker.stream.last_record);
    request->stale = lpbm_worker.stale;
    request->needs_full = needs_full;
  }
  lpbm_shared_unlock();
}

/* Under the lock. */
static bool waits_for_refresh(const LpbmRequest* request) {
  return request->kind == LPBM_JOB_DELTA && request->state == LPBM_REQUEST_TAKEN && !request->needs_full &&
         request->upto != UNDECODED && lpbm_refreshes() && request->stale > lpbm_worker.refreshed;
}

bool lpbm_requests_need_refresh(void) {
  bool found = false;

  lpbm_shared_lock(false);
  FOR_REQUESTS(request) found |= waits_for_refresh(request);
  lpbm_shared_unlock();
  return found;
}

void lpbm_requests_need_full(void) {
  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (waits_for_refresh(request)) request->needs_full = true;
  }
  lpbm_shared_unlock();
}

void lpbm_requests_again(void) {
  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->state != LPBM_REQUEST_TAKEN) continue;
    if (request->kind == LPBM_JOB_DELTA) request->upto = UNDECODED;
    if (request->kind == LPBM_JOB_FULL) request->state = LPBM_REQUEST_NEW;
  }
  lpbm_shared_unlock();
}

bool lpbm_request_next(LpbmRequest* copy) {
  LpbmRequest* oldest = NULL;

  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->state != LPBM_REQUEST_NEW) continue;
    if (request->kind != LPBM_JOB_RESTORE && request->kind != LPBM_JOB_VERIFY) continue;
    if (oldest == NULL || request->id < oldest->id) oldest = request;
  }
  if (oldest != NULL) {
    oldest->state = LPBM_REQUEST_TAKEN;
    *copy = *oldest;
  }
  lpbm_shared_unlock();
  return oldest != NULL;
}

bool lpbm_requests_answer(LpbmJobKind kind, uint64 id, const char* result, const char* cause, const char* hint) {
  bool any = false;

  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->kind != kind || request->state != LPBM_REQUEST_TAKEN || (id != 0 && request->id != id)) continue;
    any |= !request->unattended;
    answer(request, result, cause, hint);
  }
  finish(any);
  return any;
}

void lpbm_requests_note(bool full, const char* cid) {
  if (cid[0] == '\0') return;
  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->kind == LPBM_JOB_DELTA && request->state == LPBM_REQUEST_TAKEN && request->needs_full == full)
      strlcpy(request->result, cid, sizeof(request->result));
  }
  lpbm_shared_unlock();
}

void lpbm_requests_refuse(LpbmJobKind kind, const char* cause, const char* hint) {
  bool any = false;

  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    bool waits_for_full = kind == LPBM_JOB_FULL && request->needs_full && is_open(request, LPBM_JOB_DELTA);

    if (!is_open(request, kind) && !waits_for_full) continue;
    answer(request, NULL, cause, hint);
    any = true;
  }
  finish(any);
}

/* Restoring and verifying need nothing of what stands in the way of backups. */
void lpbm_requests_refuse_backups(const char* cause, const char* hint) {
  lpbm_requests_refuse(LPBM_JOB_DELTA, cause, hint);
  lpbm_requests_refuse(LPBM_JOB_FULL, cause, hint);
}

/* The first in the list. Under the lock. */
static void copy_problem(const LpbmDatabase* database, LpbmProblem* first) {
  for (int i = LPBM_MAX_PROBLEMS - 1; i >= 0; i--)
    if (database->problems[i].name[0] != '\0') *first = database->problems[i];
}

/* What is wrong with the whole server is told by the first worker alone (lpbm_tell). */
void lpbm_requests_refuse_for_problem(void) {
  LpbmProblem first;

  memset(&first, 0, sizeof(first));
  lpbm_shared_lock(false);
  copy_problem(lpbm_mine, &first);
  if (first.name[0] == '\0') copy_problem(&lpbm_shared->databases[lpbm_shared->first], &first);
  lpbm_shared_unlock();
  lpbm_requests_refuse_backups(first.name[0] == '\0' ? "backups cannot be made at the moment" : first.text, first.hint);
}

void lpbm_requests_settle(void) {
  bool needed = lpbm_full_is_needed();
  bool globals = lpbm_globals_changed();
  bool any = false;

  lpbm_shared_lock(true);
  FOR_REQUESTS(request) {
    if (request->kind != LPBM_JOB_DELTA || request->state != LPBM_REQUEST_TAKEN) continue;
    if (request->upto > lpbm_worker.stream.journalled || globals || (request->needs_full && needed)) continue;
    if (waits_for_refresh(request)) continue;
    answer(request, NULL, NULL, NULL);
    any = true;
  }
  finish(any);
}
