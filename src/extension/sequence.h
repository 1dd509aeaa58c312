/*
 * Positions of sequences. nextval() alone leaves nothing that logical decoding delivers, so positions are compared at
 * each trigger, and those that changed become a record of their own (docs/formats.md, Records, S).
 */
#ifndef LPBM_SEQUENCE_H
#define LPBM_SEQUENCE_H

#include "postgres.h"

/*
 * Reads the positions of all permanent sequences of the database. In a transaction, before lpbm_decoder_target().
 * Sequences that somebody has locked exclusively are left for the next trigger.
 */
extern void lpbm_sequences_read(void);
/* Number of positions, as read last, that are to be written. */
extern int lpbm_sequences_pending(void);
/*
 * Reads them again, in a transaction, after lpbm_decoder_advance(): no row that was decoded has a value from beyond a
 * position read after it. Only of sequences that are still the same (oid, name, file) as before that, and so were there
 * at the decoded position; false where one with a new position is not, and is left for the next trigger.
 */
extern bool lpbm_sequences_look_again(void);
/*
 * Writes one record with the positions that differ from those last written, as read last. False, with nothing written,
 * while the decoded position is not above the last record's LSN.
 */
extern bool lpbm_sequences_emit(void);
/*
 * What was written becomes what is known, once it is fenced: stored (fsynced) in `directory`/sequences, so that a new
 * start of the worker does not write everything again. Without this call (writing again, an error) it is written again.
 */
extern void lpbm_sequences_confirm(void);
/*
 * Takes the positions of this moment as known without writing them: for a new stream, after its slot was created and
 * before its first full backup, which then holds positions at least as new. In a transaction.
 */
extern void lpbm_sequences_baseline(void);
/* Forgets what was not confirmed (call it with lpbm_decoder_open). */
extern void lpbm_sequences_rewind(void);
/* Loads what is known for this stream; of another stream, or where the file is missing or damaged, nothing is known. */
extern void lpbm_sequences_open(const char* directory, const char* stream);

#endif /* LPBM_SEQUENCE_H */
