#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker_internal.h"

#define LONGEST_PAUSE_S 60

MemoryContext lpbm_loop_context = NULL;
volatile sig_atomic_t lpbm_busy = false;

static int attempt_code = 0;

static void keep_error(ErrorData* error, char* cause, char* hint) {
  StringInfoData text;

  initStringInfo(&text);
  appendStringInfoString(&text, error->message == NULL ? "unknown error" : error->message);
  if (error->detail != NULL) appendStringInfo(&text, " (%s)", error->detail);
  lpbm_copy_text(cause, lpbm_to_utf8(text.data), LPBM_TEXT);
  lpbm_copy_text(hint, error->hint == NULL ? "" : lpbm_to_utf8(error->hint), LPBM_TEXT);
}

bool lpbm_attempt(LpbmStep step, void* argument, bool decoding, char* cause, char* hint) {
  volatile bool good = true;

  lpbm_busy = true;
  PG_TRY();
  { step(argument); }
  PG_CATCH();
  {
    ErrorData* error;

    HOLD_INTERRUPTS();
    MemoryContextSwitchTo(lpbm_loop_context);
    error = CopyErrorData();
    FlushErrorState();
    attempt_code = error->sqlerrcode;
    if (decoding) lpbm_decoder_abandon();
    AbortCurrentTransaction();
    MemoryContextSwitchTo(lpbm_loop_context);
    keep_error(error, cause, hint);
    FreeErrorData(error);
    good = false;
    RESUME_INTERRUPTS();
  }
  PG_END_TRY();
  lpbm_busy = false;
  MemoryContextSwitchTo(lpbm_loop_context);
  return good;
}

int lpbm_attempt_code(void) {
  return attempt_code;
}

/* Of these every worker would find the same. */
static const char* const of_server[] = {"wal_level",
                                        "logging_collector",
                                        "log_destination",
                                        "log_filename",
                                        "engine",
                                        "output_plugin_libraries",
                                        "cluster_key",
                                        "recipients",
                                        "max_replication_slots",
                                        "encryption",
                                        "store",
                                        "pg_dump",
                                        "pg_dumpall",
                                        "journal_table",
                                        "mail",
                                        "drill"};

static bool is_of_server(const char* name) {
  for (size_t i = 0; i < lengthof(of_server); i++)
    if (strcmp(name, of_server[i]) == 0) return true;
  return false;
}

void lpbm_forget_problems_of_server(void) {
  if (lpbm_is_first()) return;
  for (size_t i = 0; i < lengthof(of_server); i++) (void)lpbm_problem_set(lpbm_mine, of_server[i], NULL, NULL);
}

const char* lpbm_label(void) {
  return lpbm_are_several() ? psprintf("lpbm (database \"%s\")", lpbm_mine->name) : "lpbm";
}

void lpbm_tell(const char* name, const char* cause, const char* hint) {
  bool news;

  if (!lpbm_is_first() && is_of_server(name)) return;
  news = lpbm_problem_set(lpbm_mine, name, cause, hint);
  lpbm_mail_note(name, cause == NULL, news);
  if (!news) return;
  if (cause == NULL)
    ereport(LOG, (errmsg("%s: problem \"%s\" is over", lpbm_label(), name)));
  else
    ereport(LOG, (errmsg("%s: %s", lpbm_label(), lpbm_from_utf8(cause)),
                  hint == NULL || hint[0] == '\0' ? 0 : errhint("%s", lpbm_from_utf8(hint))));
}

void lpbm_retry_later(LpbmRetry* retry) {
  int pause = retry->failures < 6 ? 1 << retry->failures : LONGEST_PAUSE_S;

  retry->failures++;
  retry->after = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause * INT64CONST(1000));
}

void lpbm_retry_reset(LpbmRetry* retry) {
  memset(retry, 0, sizeof(*retry));
}

bool lpbm_retry_due(const LpbmRetry* retry) {
  return retry->after <= GetCurrentTimestamp();
}
