/*
 * What the parts of the worker share: worker.c (process, loop, schedule), worker_step.c (steps, problems, retries),
 * worker_check.c (preconditions), worker_stream.c (slot, stream, decoding), worker_job.c (the engine's jobs),
 * worker_answer.c (what they answer), worker_end.c (what follows from their end), worker_request.c (requests of
 * sessions), worker_globals.c (roles and the like), worker_mail.c (when mails are due), worker_drill.c (drills).
 */
#ifndef LPBM_WORKER_INTERNAL_H
#define LPBM_WORKER_INTERNAL_H

#include "postgres.h"

#include <signal.h>

#include "decoder.h"
#include "engine.h"
#include "event.h"
#include "shared.h"
#include "stream.h"

/* So begins the comment on a database into which the engine restores, until it is done (job/restore_target.cpp). */
#define LPBM_RESTORE_MARK "lpbm: restore unfinished"

/* A job of the engine. */
typedef struct LpbmJob {
  LpbmJobKind kind; /* NONE: the lane is free */
  LpbmEngine engine;
  TimestampTz started;
  LpbmPosition fence;     /* delta */
  XLogRecPtr upto;        /* delta: what was decoded when it began */
  XLogRecPtr last_record; /* delta: the last record of that */
  bool fenced;
  bool cuts;            /* delta: may end at an anchor of its own, which is to be decoded meanwhile */
  bool whole;           /* delta: it has journalled all that it has read */
  bool refresh;         /* delta: refreshes what is stale */
  bool unlogged;        /* delta: refreshes unlogged tables */
  uint64 unlogged_sign; /* delta: their sign when it began */
  uint64 stale;         /* delta: lpbm_worker.stale when it began */
  int64 stale_left;     /* delta: of it */
  char stale_cause[LPBM_TEXT];
  char full[LPBM_TEXT]; /* delta: reason of a full that is needed, or "" */
  XLogRecPtr full_lsn;  /* delta: where its anchor must be, invalid: behind last_record */
  uint64 globals;       /* hash of the globals that it takes, 0: none */
  LpbmHold hold;        /* full: log files from there on are kept */
  bool automatic;       /* full: counts for lpbm.min_full_interval */
  uint64 request;       /* restore, verify: whose */
  bool answered;        /* result or error has come */
  bool failed;
  LpbmErrorKind error;
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  char cid[LPBM_CID]; /* of the last entry that it made */
} LpbmJob;

/* A pause that grows with each failure in a row. */
typedef struct LpbmRetry {
  int failures;
  TimestampTz after; /* nothing before that */
} LpbmRetry;

typedef struct LpbmWorker {
  LpbmStream stream;
  bool stream_ready; /* position and slot belong together, or were just made */
  bool prepared;     /* the server has what it needs, as of the last trigger */
  bool initialised;  /* the engine found nothing that stands in the way */
  bool look_again;   /* the engine is to look at new settings; backups go on meanwhile */
  bool restoring;    /* the engine is restoring into this database, or has left it unfinished */
  bool stopping;
  bool holds_started; /* by this process */
  bool holes_known; /* the answer of a delta has told of the holes in the journal; what failed since may have made some
                     */
  LpbmRetry init, delta, full, decode, refresh;
  LpbmJob jobs[LPBM_LANES];

  LpbmPosition written;      /* the last frame in the csvlog; run 0: none in this run */
  XLogRecPtr written_record; /* the last record in it */
  XLogRecPtr written_upto;   /* decoded up to there */
  bool positions_written;    /* positions of sequences were written with what was decoded last */
  XLogRecPtr wanted_lsn;     /* a full must have its anchor at or above */
  uint64 stale;           /* grows when something that only a refresh carries was decoded; the first of a process: what
                             it does not know of */
  uint64 refreshed;       /* all up to there was refreshed, or a full made up for it */
  uint64 unlogged_sign;   /* of unlogged tables (unlogged.h), as read last */
  uint64 unlogged_stored; /* the same when they were refreshed last */
  bool unlogged_wanted;   /* the next refresh is to take them, too */
  TimestampTz unlogged_after;
  uint64 stale_wanted; /* what a full makes up for whose anchor is at or above stale_wanted_lsn */
  XLogRecPtr stale_wanted_lsn;
  XLogRecPtr full_anchor; /* of the newest full that this process has seen journalled in this stream */
  uint64 globals;         /* hash as it is now */
  bool globals_known;
  XLogRecPtr failing; /* the transaction at which decoding failed last */
  char failing_cause[LPBM_TEXT];
  TimestampTz confirm_after;

  TimestampTz look_after; /* decode again then, whatever the schedule says; 0: no need */
  TimestampTz next_trigger, next_full, last_trigger, last_full_due;
  bool trigger_now;
  bool table_known; /* the journal's table was there and the same as the file */
} LpbmWorker;

extern LpbmWorker lpbm_worker;

/* --- worker_step.c
 * ---------------------------------------------------------------------------------------------------- */

/* In a step that may take long and serves interrupts: a signal to end is then an interrupt too. */
extern volatile sig_atomic_t lpbm_busy;
/* What the loop allocates; reset at each turn. */
extern MemoryContext lpbm_loop_context;

typedef void (*LpbmStep)(void* argument);
/*
 * Runs a step; an error is caught, everything is aborted (the decoder too where `decoding`), and its text kept: false
 * then, with cause and hint (LPBM_TEXT bytes each) in UTF-8.
 */
extern bool lpbm_attempt(LpbmStep step, void* argument, bool decoding, char* cause, char* hint);
/* SQLSTATE of the error that the last lpbm_attempt caught. */
extern int lpbm_attempt_code(void);
/*
 * A problem appears, changes or (cause NULL) is over: into lpbm_status, and into the log where it is news. What is of
 * the whole server the first worker tells alone.
 */
extern void lpbm_tell(const char* name, const char* cause, const char* hint);
/* A worker that is not the first any more, or not yet, leaves such problems to the other. */
extern void lpbm_forget_problems_of_server(void);
/* What lines of the log begin with: where there are several databases, it names this one. */
extern const char* lpbm_label(void);
extern void lpbm_retry_later(LpbmRetry* retry);
extern void lpbm_retry_reset(LpbmRetry* retry);
extern bool lpbm_retry_due(const LpbmRetry* retry);

/* --- worker.c ---------------------------------------------------------------------------------------------------- */

/* Once the journal's last entries are known. */
extern void lpbm_plan_missed_full(void);
/* When a cron expression is due next after `time`; `anchor`: where @every counts from. DT_NOEND: never. */
extern TimestampTz lpbm_due_after(const char* expression, TimestampTz time, TimestampTz anchor);
/* Shows what lpbm_status shows of the worker. */
extern void lpbm_publish(void);

/* --- worker_check.c ---------------------------------------------------------------------------------------------- */

/* Whether everything that the server must offer is there; tells what is not. */
extern bool lpbm_preconditions(void);

/* --- worker_stream.c --------------------------------------------------------------------------------------------- */

/* Makes sure that there is a stream with its slot, and an open decoder. False where that failed (told). */
extern bool lpbm_stream_ensure(void);
/* Decodes what was committed, writes its records, and notes what must be stored. False where that failed (told). */
extern bool lpbm_decode(void);
/* Everything from the slot on is written again, in a new run. */
extern void lpbm_write_again(void);
/* The stream has ended; the next lpbm_stream_ensure() begins another. `reason`: UTF-8. */
extern void lpbm_stream_end(const char* reason);
/* What the running delta was to read is durable: position and slot advance. */
extern void lpbm_advance(const LpbmJob* job);
/* The slot advances although there was nothing to write. */
extern void lpbm_advance_idle(void);
/* A full must be taken, with its anchor at or above lsn (invalid: any); not where there is one. */
extern void lpbm_want_full(const char* reason, XLogRecPtr lsn);
extern bool lpbm_is_unjournalled(void);
/* Whether the next delta is to refresh what is stale. */
extern bool lpbm_refresh_due(void);
/* Whether roles and the like are others than those stored last, and nobody is storing them. */
extern bool lpbm_globals_changed(void);
/* Whether a full is needed without which the deltas since are worth nothing. */
extern bool lpbm_full_is_needed(void);

/* --- worker_job.c ------------------------------------------------------------------------------------------------ */

/* Starts what is due and can be started. */
extern void lpbm_jobs_start(void);
/* Starts one; `members`: `,"name":value` of the job itself. False, with a problem told, where that failed. */
extern bool lpbm_job_start(LpbmLane lane, const LpbmJob* job, const char* members);
extern void lpbm_job_kill(LpbmLane lane);
extern bool lpbm_job_runs(LpbmJobKind kind);

/* --- worker_answer.c --------------------------------------------------------------------------------------------- */

/* Reads what the engine of a lane has said, and ends the job where it is over. */
extern void lpbm_job_read(LpbmLane lane);

/* The journal has other lines than were added one by one: its table follows, by the first worker. */
extern void lpbm_journal_changed(void);
/* A step: shows the newest full and delta of the journal's file in lpbm_status. */
extern void lpbm_show_last_entries(void* argument);

/* --- worker_end.c ------------------------------------------------------------------------------------------------ */

/* The engine of this lane has ended: its answer, or that there is none, takes effect. */
extern void lpbm_job_conclude(LpbmLane lane);

/* --- worker_request.c -------------------------------------------------------------------------------------------- */

/* Whether a request of this kind waits to be taken. */
extern bool lpbm_requested(LpbmJobKind kind);
/* Takes all requests of a kind, which one job answers; for deltas before the end of what is to be decoded is known. */
extern void lpbm_requests_take(LpbmJobKind kind);
/* What the deltas taken asked for has been decoded: what was written up to now answers them. */
extern void lpbm_requests_decoded(void);
/* Whether somebody asked for a full and does not wait: it is forgotten as a request, and to be wanted instead. */
extern bool lpbm_full_left_to_us(void);
/* Whether a delta that was taken still waits for that. */
extern bool lpbm_requests_undecoded(void);
/* A new stream: what was taken is to be answered by its jobs. */
extern void lpbm_requests_again(void);
/* Takes the oldest restore or verification; false where there is none. */
extern bool lpbm_request_next(LpbmRequest* copy);
/*
 * Answers requests of a kind that were taken; `id` 0: all of them. cause NULL: success. Texts are UTF-8. False where
 * nobody waits for the answer.
 */
extern bool lpbm_requests_answer(LpbmJobKind kind, uint64 id, const char* result, const char* cause, const char* hint);
/* What a job has made is noted for deltas that it may answer: those that need a full, or those that do not. */
extern void lpbm_requests_note(bool full, const char* cid);
/* Answers all that wait, taken or not; for full: also deltas that need one. */
extern void lpbm_requests_refuse(LpbmJobKind kind, const char* cause, const char* hint);
/* Refuses deltas and fulls. */
extern void lpbm_requests_refuse_backups(const char* cause, const char* hint);
/* The same, for the first of the problems. */
extern void lpbm_requests_refuse_for_problem(void);
/* What is stale needs a full: deltas that wait for its refresh wait for that. */
extern void lpbm_requests_need_full(void);
/* Whether a delta that was taken waits for a refresh. */
extern bool lpbm_requests_need_refresh(void);
/* Answers deltas that have nothing more to wait for. */
extern void lpbm_requests_settle(void);

/* --- worker_mail.c ----------------------------------------------------------------------------------------------- */

/* Starts the engine for mails where any may be due, and none is under way. */
extern void lpbm_mail_start_if_due(void);
/* How long nothing can be due. */
extern long lpbm_mail_sleep_ms(TimestampTz now);
extern void lpbm_mail_journal_changed(void);
extern void lpbm_mail_settings_changed(void);
/* A problem was looked at: it is there or not, and that is news or not. `name` is a literal. */
extern void lpbm_mail_note(const char* name, bool good, bool news);
extern void lpbm_mail_take_result(LpbmJob* job, const LpbmEvent* event);
extern void lpbm_mail_ended(const LpbmJob* job);

/* --- worker_drill.c ---------------------------------------------------------------------------------------------- */

/* The last drill as the file in lpbm.directory tells it; once, when the engine has found all in order. */
extern void lpbm_drill_remember(void);
/* The schedule may be another. */
extern void lpbm_drill_plan(void);
extern void lpbm_drill_start_if_due(void);
/* `line`: the event as it came, to be kept. */
extern void lpbm_drill_take_result(const LpbmEvent* event, const char* line);
extern void lpbm_drill_ended(const LpbmJob* job);

/* --- worker_globals.c -------------------------------------------------------------------------------------------- */

/* Hash of the roles, tablespaces and the database's properties, never 0. In a transaction. */
extern uint64 lpbm_globals_hash(void);
/* Whether the comment on this database begins so. In a transaction. */
extern bool lpbm_database_comment_begins(const char* words);

#endif /* LPBM_WORKER_INTERNAL_H */
