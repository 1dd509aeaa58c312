/*
 * The decoder: reads the WAL through the one replication slot and writes a record for each committed transaction into
 * the csvlog (docs/formats.md). All of it is for the background worker alone, which must be connected to the backed-up
 * database. One decoder at a time in a process.
 *
 * Order of calls at a trigger:
 *     lpbm_sequences_read()        in a transaction (sequence.h)
 *     target = lpbm_decoder_target()
 *     lpbm_decoder_advance(target) outside of a transaction
 *     lpbm_sequences_emit()        in a transaction
 *     lpbm_decoder_flush()         the fence is then lpbm_decoder_progress()->last_frame
 *     ... the engine has read and fsynced up to the fence ...
 *     lpbm_decoder_confirm(lsn)    the slot advances
 *
 * Every function may raise ERROR; run them under PG_TRY or a sigsetjmp. After an ERROR in any of them call
 * lpbm_decoder_abandon() in the handler (it releases the slot and cleans up); then open again, with a higher run.
 */
#ifndef LPBM_DECODER_H
#define LPBM_DECODER_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "hold.h"

#define LPBM_NONCE_LENGTH 32
#define LPBM_MAX_ANCHORS 4
#define LPBM_MAX_HOLES 16
#define LPBM_HOLE_CODE_LENGTH 32
#define LPBM_HOLE_DETAIL_LENGTH 256

typedef struct LpbmAnchor {
  char nonce[LPBM_NONCE_LENGTH + 1];
  XLogRecPtr lsn; /* of its record */
} LpbmAnchor;

typedef struct LpbmHole {
  XLogRecPtr lsn;
  char code[LPBM_HOLE_CODE_LENGTH];
  char detail[LPBM_HOLE_DETAIL_LENGTH]; /* cut to this length, in the database's encoding */
} LpbmHole;

/* What happened since the decoder was opened, or since lpbm_decoder_reset_counts for what is marked (*). */
typedef struct LpbmProgress {
  uint64 records; /* (*) records ended, sequence records included */
  uint64 rows;    /* (*) I, U, u, D, d lines in them */
  uint64 bytes;   /* payload bytes of this run */
  uint64 frames;  /* frames written in this run */
  LpbmPosition
      last_frame; /* valid if frames > 0: the last frame that was written; after flush it holds the last record's end */
  XLogRecPtr last_record;  /* LSN of the last record that was ended: the link of the next one */
  XLogRecPtr decoded_upto; /* all transactions whose commit record ends at or before this are in the records */
  XLogRecPtr failing;      /* LSN (the record's, see formats.md) of the transaction being written, or invalid; kept
                              by lpbm_decoder_abandon: after an error it says at which commit it happened */
  int anchors_seen;        /* (*) entries in `anchors` (older ones are dropped when there are too many) */
  LpbmAnchor anchors[LPBM_MAX_ANCHORS];
  uint64 stale_seen; /* (*) N lines: what only a refresh can carry */
  uint64 holes_seen; /* (*) may be more than LPBM_MAX_HOLES, of which the first are kept */
  LpbmHole holes[LPBM_MAX_HOLES];
} LpbmProgress;

typedef struct LpbmDecoderOptions {
  const char* slot;
  char stream[17];          /* 16 hex digits and a terminator */
  uint64 run;               /* higher than any run used before in this stream */
  XLogRecPtr last_record;   /* LSN of the last record that is known fenced; invalid at the start of a stream.
                               Transactions that end at or below it are passed over, the first record links to it */
  XLogRecPtr poison;        /* the transaction with this LSN becomes a record with nothing but the hole `poison` */
  const char* poison_cause; /* detail of that hole, or NULL; copied */
} LpbmDecoderOptions;

/* --- the slot -------------------------------------------------------------------------------------------------- */

typedef enum LpbmSlotState {
  LPBM_SLOT_MISSING, /* to be created */
  LPBM_SLOT_READY,
  LPBM_SLOT_LOST,    /* its WAL is gone (max_slot_wal_keep_size): drop and create */
  LPBM_SLOT_FOREIGN, /* of another plugin or database: a slot of this name is in the way */
  LPBM_SLOT_BUSY     /* another process holds it */
} LpbmSlotState;

/* State of the slot `name`; confirmed_flush and holder (pid) are filled where they are known. May be called anywhere.
 */
extern LpbmSlotState lpbm_slot_state(const char* name, XLogRecPtr* confirmed_flush, int* holder);
/*
 * Creates the slot and returns the LSN at which its stream starts: every transaction that commits after that is
 * delivered. To be called outside of a transaction (it runs one of its own). Waits for transactions that are running;
 * while it waits it can be interrupted as usual (CHECK_FOR_INTERRUPTS).
 */
extern XLogRecPtr lpbm_slot_create(const char* name);
/* Drops the slot where it exists. Raises where another process holds it. */
extern void lpbm_slot_drop(const char* name);

/* --- decoding -------------------------------------------------------------------------------------------------- */

/* Acquires the slot and opens a decoding context at its confirmed position. Outside of a transaction. */
extern void lpbm_decoder_open(const LpbmDecoderOptions* options);
extern bool lpbm_decoder_is_open(void);
/* The end of all WAL that is inserted at this moment, flushed: every transaction that any session saw committed before
 * the call is before it. */
extern XLogRecPtr lpbm_decoder_target(void);
/* Decodes and writes records until `target`. Interrupts are served within; frames may be written at any time. */
extern void lpbm_decoder_advance(XLogRecPtr target);
/* Writes the last, partial frame. */
extern void lpbm_decoder_flush(void);
/* The slot advances to `lsn`, at most decoded_upto. Only for what has been fenced. */
extern void lpbm_decoder_confirm(XLogRecPtr lsn);
/* Closes the context and releases the slot; nothing is flushed. Harmless where none is open. */
extern void lpbm_decoder_close(void);
/* The same after an ERROR, from within a handler, with whatever state things are in. Call AbortCurrentTransaction after
 * it, as always. Never raises. */
extern void lpbm_decoder_abandon(void);

/* Never NULL; the pointer stays valid, the content is current. */
extern const LpbmProgress* lpbm_decoder_progress(void);
extern void lpbm_decoder_reset_counts(void);

#endif /* LPBM_DECODER_H */
