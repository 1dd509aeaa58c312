/*
 * The output plugin `lpbm`: turns decoded transactions into records (record.h). It serves the decoder of the background
 * worker alone; for any other caller its start raises an error.
 */
#ifndef LPBM_PLUGIN_H
#define LPBM_PLUGIN_H

#include "postgres.h"

#include "decoder.h"

/* Begins a run; `last_record` links the first record. Records that end at or below it are passed over. */
extern void lpbm_plugin_start(const LpbmDecoderOptions* options);
/* Whether a decoding context may be opened with the plugin in this process at this moment. */
extern void lpbm_plugin_allow(bool allow);
/* Forgets caches; their memory context goes with the decoder's. */
extern void lpbm_plugin_stop(void);

/* What the decoder shows of it. */
extern LpbmProgress* lpbm_plugin_progress(void);

/*
 * A record that is no transaction (sequence positions): begins it with xid 0; the caller writes its lines and ends it.
 * False, and nothing is begun, where lsn is not above the last record's.
 */
extern bool lpbm_plugin_begin_positions(XLogRecPtr lsn);
extern void lpbm_plugin_end_positions(void);

#endif /* LPBM_PLUGIN_H */
