/*
 * The border to C++: parses what the engine says (docs/formats.md, Worker and engine) and lines of the journal. Nothing
 * is thrown and nothing longjmps across it. Texts are UTF-8, allocated by malloc, NULL where the member is missing.
 */
#ifndef LPBM_EVENT_H
#define LPBM_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum LpbmEventKind {
  LPBM_EVENT_INVALID, /* not a line of the engine's */
  LPBM_EVENT_PROGRESS,
  LPBM_EVENT_FENCED,
  LPBM_EVENT_ENTRY,
  LPBM_EVENT_RESULT,
  LPBM_EVENT_ERROR
} LpbmEventKind;

typedef enum LpbmErrorKind {
  LPBM_ERROR_RETRYABLE,
  LPBM_ERROR_PERMANENT,
  LPBM_ERROR_FENCE,
  LPBM_ERROR_GAP
} LpbmErrorKind;

/* A problem (init, verify) or a note (restore: only `problem`). */
typedef struct LpbmEventRow {
  char* name;
  char* problem;
  char* hint;
  char* cid;
  int64_t entry; /* negative: none */
} LpbmEventRow;

typedef struct LpbmEvent {
  LpbmEventKind kind;
  char* phase;
  char* unit;
  int64_t done;
  int64_t total; /* negative: unknown */
  char* line;    /* entry */
  LpbmErrorKind error;
  char* what;
  char* cause;
  char* hint;
  char* key;       /* init's result */
  int64_t applied; /* restore's result; negative: none */
  /* mail's result, microseconds since 1970: look again then (negative: no need), a new journal can wait so long, and
   * the last mail with one (0: none); cause and hint where a mail could not be sent */
  int64_t next;
  int64_t journal_after;
  int64_t mailed;
  /* delta's result: what waits for a refresh, and why; the reason of a full that is needed instead, or NULL */
  bool whole; /* nothing was read that it has not journalled */
  int64_t stale;
  char* stale_cause;
  char* full;
  uint64_t full_lsn; /* its anchor must be there or above; 0: behind all that the delta was to hold */
  char* summary;     /* drill's result, and when, in microseconds since 1970 */
  int64_t finished;
  int row_count;
  LpbmEventRow* rows;
} LpbmEvent;

/* Parses a line (without its newline). Whatever it holds, the event is to be freed. Never fails: see INVALID. */
void lpbm_event_parse(const char* line, size_t length, LpbmEvent* event);
void lpbm_event_free(LpbmEvent* event);

/* What the extension needs of a journal's line. */
typedef struct LpbmEntryLine {
  uint64_t number;
  bool full;
  char stream[17];
  char database[512]; /* its name; empty: the line has none */
  char cid[128];
  uint64_t to;      /* LSN */
  int64_t finished; /* microseconds since 1970 */
} LpbmEntryLine;

/* False where it is no entry's line. */
bool lpbm_entry_parse(const char* line, size_t length, LpbmEntryLine* entry);

#ifdef __cplusplus
}
#endif

#endif /* LPBM_EVENT_H */
