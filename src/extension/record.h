/*
 * Writer of records and their frames into the csvlog (docs/formats.md, Frames and Records). For the worker alone.
 * Fields are given in pieces, in order; lines are ended with lpbm_put_end. At most one frame is buffered, whatever the
 * size of a field. Writing a frame may raise ERROR; the run must then be given up.
 */
#ifndef LPBM_RECORD_H
#define LPBM_RECORD_H

#include "postgres.h"

#include "decoder.h"

/* Begins a run: forgets what is buffered. `stream`: 16 hex digits. */
extern void lpbm_record_start_run(const char* stream, uint64 run);

/*
 * Notes that a record begins here and returns the frame it begins in. Relations must be defined again when the epoch
 * (below) has changed.
 */
extern LpbmPosition lpbm_record_mark(void);
/* Changes whenever readers forget definitions. Never 0. */
extern uint64 lpbm_record_epoch(void);

/* Bytes as they are. */
extern void lpbm_put_raw(const char* data, size_t length);
extern void lpbm_put_text(const char* text);
/* A TAB and a field, escaped. */
extern void lpbm_put_field(const char* data, size_t length);
extern void lpbm_put_string(const char* text);
extern void lpbm_put_number(uint64 number);
extern void lpbm_put_lsn(XLogRecPtr lsn);
extern void lpbm_put_null(void);
extern void lpbm_put_end(void);
/* Length of a field's text with its escapes. */
extern size_t lpbm_escaped_length(const char* data, size_t length);
/* The same escapes into a buffer. */
struct StringInfoData;
extern void lpbm_append_escaped(struct StringInfoData* buffer, const char* data, size_t length);

/* Writes what is buffered as a frame; nothing where nothing is. */
extern void lpbm_record_flush(void);

/* Frames and payload bytes of this run, and the last frame written (valid if frames > 0). */
extern uint64 lpbm_record_frames(void);
extern uint64 lpbm_record_bytes(void);
extern LpbmPosition lpbm_record_last_frame(void);

#endif /* LPBM_RECORD_H */
