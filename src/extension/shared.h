/*
 * What launcher, workers and sessions share: who runs, what it does, what is wrong, and the requests of sessions. Texts
 * here are UTF-8, as sessions of databases with any encoding read them (lpbm_from_utf8).
 *
 * Everything but the latches is protected by the lock; whoever holds it does nothing that can raise.
 */
#ifndef LPBM_SHARED_H
#define LPBM_SHARED_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "databases.h"
#include "datatype/timestamp.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define LPBM_MAX_PROBLEMS 24
#define LPBM_MAX_GOOD 32
#define LPBM_MAX_REQUESTS 32
#define LPBM_NAME 32
#define LPBM_TEXT 1024
#define LPBM_CID 128

typedef enum LpbmState {
  LPBM_STATE_OFF,         /* no worker */
  LPBM_STATE_NO_DATABASE, /* the database does not exist */
  LPBM_STATE_RELEASED,    /* the database was let go for somebody who drops, renames or copies it */
  LPBM_STATE_STARTING,
  LPBM_STATE_BLOCKED,  /* a precondition is missing: see the problems */
  LPBM_STATE_CREATING, /* waits for transactions that were running, to create its slot */
  LPBM_STATE_PAUSED,
  LPBM_STATE_RUNNING
} LpbmState;

/* What is wrong at this moment, by name. */
typedef struct LpbmProblem {
  char name[LPBM_NAME];
  char text[LPBM_TEXT];
  char hint[LPBM_TEXT];
  TimestampTz since;
} LpbmProblem;

typedef enum LpbmJobKind {
  LPBM_JOB_NONE,
  LPBM_JOB_INIT,
  LPBM_JOB_DELTA,
  LPBM_JOB_FULL,
  LPBM_JOB_RESTORE,
  LPBM_JOB_VERIFY,
  LPBM_JOB_MAIL,
  LPBM_JOB_DRILL
} LpbmJobKind;

/* Deltas run beside one other job, and mails and drills beside both. */
typedef enum LpbmLane { LPBM_LANE_DELTA, LPBM_LANE_LONG, LPBM_LANE_MAIL, LPBM_LANE_DRILL, LPBM_LANES } LpbmLane;

typedef struct LpbmJobProgress {
  LpbmJobKind kind; /* NONE: nothing runs in this lane */
  char phase[LPBM_NAME];
  char unit[LPBM_NAME];
  int64 done;
  int64 total; /* negative: unknown */
  TimestampTz started;
} LpbmJobProgress;

typedef enum LpbmRequestState {
  LPBM_REQUEST_FREE,
  LPBM_REQUEST_NEW,
  LPBM_REQUEST_TAKEN, /* seen by the worker */
  LPBM_REQUEST_DONE,  /* result or error is there; the session frees it */
} LpbmRequestState;

typedef struct LpbmRequest {
  LpbmRequestState state;
  LpbmJobKind kind;
  uint64 id;
  bool unattended; /* nobody waits: the worker frees it */
  int pid;         /* of the session */
  int place;       /* of the database whose worker is asked */
  Oid database;    /* which was there, invalid: the launcher has not looked for it yet */
  /* restore: database in UTF-8, path of a journal's file or "", microseconds since 1970 or "" */
  char target[LPBM_NAME * 8];
  char source[LPBM_NAME * 8]; /* the database of the journal, in UTF-8, or "" */
  char here[LPBM_NAME * 8];   /* that of the session */
  char journal[MAXPGPATH];
  char until[LPBM_NAME];
  XLogRecPtr upto; /* delta: the record that must be in the journal */
  uint64 stale;    /* delta: what must have been refreshed (worker_internal.h) */
  bool needs_full; /* delta: it waits for a full, whose CID is the answer */
  bool failed;
  char result[LPBM_CID]; /* CID, "" = none */
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
} LpbmRequest;

/* An entry as it was journalled last. */
typedef struct LpbmLastEntry {
  uint64 number; /* 0: none */
  char cid[LPBM_CID];
  TimestampTz finished;
} LpbmLastEntry;

/* A backed-up database and its worker. */
typedef struct LpbmDatabase {
  char name[NAMEDATALEN]; /* as in pg_database; "": the place is free */
  Oid oid;                /* invalid: it does not exist */
  int worker_pid;
  Latch* worker_latch;
  bool at_top; /* the worker's own files lie in lpbm.directory itself (stream.h) */

  LpbmState state;
  int releases; /* sessions that want the database let go */

  char stream[17];
  char slot[NAMEDATALEN];
  XLogRecPtr decoded_upto, confirmed, last_record, journalled;
  TimestampTz next_trigger, next_full, last_trigger, behind_since;
  char full_wanted[LPBM_TEXT]; /* reason of a full that is due or waits, or "" */
  TimestampTz full_after;      /* it waits until then */
  bool late;                   /* behind for so long that it is a problem */
  LpbmLastEntry last_full, last_delta;

  LpbmProblem problems[LPBM_MAX_PROBLEMS];
  char good[LPBM_MAX_GOOD][LPBM_NAME]; /* names that were looked at, and are no problem */
  LpbmJobProgress progress[LPBM_LANES];
} LpbmDatabase;

typedef struct LpbmShared {
  LWLock lock;
  ConditionVariable answered; /* a request is done, or a process has ended */

  int launcher_pid;
  Latch* launcher_latch;
  bool pausing; /* pause or resume was asked for; the file says the same */

  int first;              /* the database whose worker does what is of the whole server: mails, drills, the journal's
                             table, restores (lpbm_is_first) */
  bool journal_recovered; /* the journal's file was looked for: whoever finds none makes one */
  uint64 journal_changes; /* grows when others than the first have changed the journal */
  uint64 problem_changes; /* the same of problems */
  char signer[LPBM_CID];  /* the site's public key */
  TimestampTz last_mail;  /* with the journal; 0: none */
  TimestampTz last_drill, next_drill;
  char drill[LPBM_TEXT]; /* what the last drill that succeeded found */

  uint64 next_request;
  LpbmRequest requests[LPBM_MAX_REQUESTS];
  LpbmDatabase databases[LPBM_MAX_DATABASES];
} LpbmShared;

/* NULL where the library is not in shared_preload_libraries. */
extern LpbmShared* lpbm_shared;
/* In a worker: its database. Elsewhere NULL. */
extern LpbmDatabase* lpbm_mine;

/* Why there is no usable cluster key, or NULL; set before the first fork. */
extern char* lpbm_key_problem;

/* Asks for the memory; from _PG_init in shared_preload_libraries. */
extern void lpbm_shared_install(void);

extern void lpbm_shared_lock(bool exclusive);
extern void lpbm_shared_unlock(void);

/* Of this worker's database. */
extern void lpbm_set_state(LpbmState state);
/* Sets the latches of processes that run. */
extern void lpbm_wake_worker(const LpbmDatabase* database);
extern void lpbm_wake_workers(void);
extern void lpbm_wake_first(void);
extern void lpbm_wake_launcher(void);

/* Whether this worker's database is the first. */
extern bool lpbm_is_first(void);
/* The place of a database, or NULL. Under the lock. */
extern LpbmDatabase* lpbm_database_by_oid(Oid oid);
extern LpbmDatabase* lpbm_database_by_name(const char* name);
/* Whether a request is one for this worker. Under the lock. */
extern bool lpbm_is_asked(const LpbmRequest* request);
/* Whether more than one is backed up. */
extern bool lpbm_are_several(void);

/*
 * A problem appears, changes, or (text NULL) is over. Returns true where that is news: the caller logs it. Texts are
 * UTF-8 and cut to fit.
 */
extern bool lpbm_problem_set(LpbmDatabase* database, const char* name, const char* text, const char* hint);

/* Copies at most size - 1 bytes and cuts at a character of UTF-8. */
extern void lpbm_copy_text(char* to, const char* from, size_t size);
/* To the encoding of this database (palloced, or `text` itself); what it cannot say becomes '?'. Never raises for that.
 */
extern char* lpbm_from_utf8(const char* text);
/* From it. What is not valid becomes '?'. */
extern char* lpbm_to_utf8(const char* text);

#endif /* LPBM_SHARED_H */
