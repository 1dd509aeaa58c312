/*
 * The stream of a database: what it belongs to, and how far it is. Kept in the file `position`, which is replaced
 * (fsync, rename, fsync) before the slot advances: the slot is never beyond it. It lies in lpbm.directory, or, where
 * another database's does, in a folder below it whose name is the database's OID, with all that is of this database
 * alone (lpbm_own_path). Other databases' engines read it (job/other_streams.h).
 *
 * The file holds `name value` lines; the first is `lpbm-position 1`, the last `end`, so that a torn file is none.
 */
#ifndef LPBM_STREAM_H
#define LPBM_STREAM_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "decoder.h"
#include "shared.h"

#define LPBM_DATABASE_HEX (8 * NAMEDATALEN + 1)

/* What a stream belongs to. Another value of any of them, and a new stream begins. */
typedef struct LpbmBinding {
  uint64 system;
  uint32 timeline;
  Oid database;
  uint64 inode; /* of the data directory: a copied server has another */
  char path[MAXPGPATH];
  char site[LPBM_CID];
  char name[LPBM_DATABASE_HEX]; /* of the database, in UTF-8 and then in hex; "" in files of before */
} LpbmBinding;

typedef struct LpbmStream {
  LpbmBinding binding;
  char id[17]; /* 16 hex digits */
  char slot[NAMEDATALEN];
  XLogRecPtr start;            /* every transaction that commits after it is in the stream */
  uint64 run;                  /* the last one used */
  XLogRecPtr confirmed;        /* decoded and fenced; the slot is at most there */
  XLogRecPtr last_record;      /* LSN of the last fenced record */
  LpbmPosition fence;          /* the last frame that was fenced; run 0: none yet */
  LpbmPosition needed;         /* frames from there on may still be read; never less than it was */
  XLogRecPtr journalled;       /* records up to there are in the journal, as far as is known */
  XLogRecPtr poison;           /* a transaction that could not be decoded, or invalid */
  uint64 globals;              /* hash of the globals stored last; 0: none */
  TimestampTz automatic;       /* when the last full was begun that nobody asked for */
  bool complete;               /* the journal holds a full of this stream */
  char full_wanted[LPBM_TEXT]; /* reason of a full that must be taken, UTF-8, without newlines; or "" */
} LpbmStream;

/*
 * For the worker's start, once lpbm_mine is set: finds the place of its own files, and makes it where it is missing. In
 * a transaction. Raises where that cannot be.
 */
extern void lpbm_own_directory_find(void);
/* Makes it again where an engine took it for that of a database that is gone. Raises where that cannot be. */
extern void lpbm_own_directory_make(void);
/* Absolute; a static buffer. */
extern const char* lpbm_own_directory(void);
/* The database's name in UTF-8; a static buffer. */
extern const char* lpbm_own_name(void);
/* For the launcher: what tells of the streams of databases that are not among these any more is removed. */
extern void lpbm_streams_forget(const Oid* databases, int count);

/* The binding of this server at this moment. */
extern void lpbm_binding_now(LpbmBinding* binding);
/* What differs, for people and as part of a reason (UTF-8), or NULL. */
extern const char* lpbm_binding_difference(const LpbmBinding* then, const LpbmBinding* now);

/* False where there is no file. Raises where it cannot be read; a damaged one counts as none, with a line in the log.
 */
extern bool lpbm_stream_load(LpbmStream* stream);
/* Durable on return. Raises ERROR. */
extern void lpbm_stream_save(const LpbmStream* stream);
/* A new stream of this server: id, slot name, binding; nothing is saved. */
extern void lpbm_stream_new(LpbmStream* stream);

/* Whether backups are paused: the file `paused` in lpbm.directory, so that it survives a restart. */
extern bool lpbm_paused(void);
/* Durable on return. Raises ERROR. */
extern void lpbm_set_paused(bool paused);

/* Removes what sessions that went away have left of their restores and verifications. For the worker's start. */
extern void lpbm_remove_answers(void);

/* The name of the file in lpbm.directory that holds the answer to a request, into `name` (LPBM_NAME bytes at least). */
extern void lpbm_answer_name(uint64 request, char* name);
/* Removes such a file where it exists. Never raises. */
extern void lpbm_remove_answer(uint64 request);

/* "<directory of this database>/<name>" in a static buffer. */
extern const char* lpbm_own_path(const char* name);
/* "<lpbm.directory>/<name>" in a static buffer. */
extern const char* lpbm_path(const char* name);
/* Replaces the file `name` in lpbm.directory by these bytes, 0600, durable on return. Raises ERROR. */
extern void lpbm_replace_file(const char* name, const char* data, size_t length);
/* The same of any file. */
extern void lpbm_replace_path(const char* path, const char* data, size_t length);

#endif /* LPBM_STREAM_H */
