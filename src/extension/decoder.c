#include "decoder.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogutils.h"
#include "catalog/pg_type_d.h"
#include "compat.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "plugin.h"
#include "record.h"
#include "replication/decode.h"
#include "replication/logical.h"
#include "replication/slot.h"
#include "sequence.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"

static LogicalDecodingContext* decoding = NULL;
static MemoryContext decoder_context = NULL;

/* --- the slot ---------------------------------------------------------------------------------------------------- */

LpbmSlotState lpbm_slot_state(const char* name, XLogRecPtr* confirmed_flush, int* holder) {
  ReplicationSlot* slot;
  ReplicationSlotPersistentData data;
  pid_t active;

  *confirmed_flush = InvalidXLogRecPtr;
  *holder = 0;
  LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
  slot = SearchNamedReplicationSlot(name, false);
  if (slot == NULL) {
    LWLockRelease(ReplicationSlotControlLock);
    return LPBM_SLOT_MISSING;
  }
  SpinLockAcquire(&slot->mutex);
  data = slot->data;
  active = slot->active_pid;
  SpinLockRelease(&slot->mutex);
  LWLockRelease(ReplicationSlotControlLock);
  *confirmed_flush = data.confirmed_flush;
  *holder = (int)active;
  if (data.database != MyDatabaseId || strcmp(NameStr(data.plugin), "lpbm") != 0) return LPBM_SLOT_FOREIGN;
  if (lpbm_slot_invalidated(&data)) return LPBM_SLOT_LOST;
  if (active != 0 && active != MyProcPid) return LPBM_SLOT_BUSY;
  return LPBM_SLOT_READY;
}

XLogRecPtr lpbm_slot_create(const char* name) {
  Oid types[] = {NAMEOID};
  Datum values[1];
  NameData slot_name;
  XLogRecPtr start;
  bool null = true;

  namestrcpy(&slot_name, name);
  values[0] = NameGetDatum(&slot_name);
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  SPI_connect();
  lpbm_plugin_allow(true);
  PG_TRY();
  {
    if (SPI_execute_with_args("SELECT lsn FROM pg_catalog.pg_create_logical_replication_slot($1, 'lpbm')", 1, types,
                              values, NULL, false, 1) != SPI_OK_SELECT ||
        SPI_processed != 1)
      elog(ERROR, "replication slot \"%s\" was not created", name);
  }
  PG_FINALLY();
  { lpbm_plugin_allow(false); }
  PG_END_TRY();
  start = DatumGetLSN(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
  if (null) elog(ERROR, "replication slot \"%s\" has no start", name);
  return start;
}

void lpbm_slot_drop(const char* name) {
  if (SearchNamedReplicationSlot(name, true) != NULL) ReplicationSlotDrop(name, true);
}

/* --- settings of the values' text -------------------------------------------------------------------------------- */

/* What output functions depend on; kept while a decoder is open. Only the worker's own process sees them. */
static void fix_output_settings(void) {
  static const char* const settings[][2] = {{"DateStyle", "ISO, YMD"},     {"IntervalStyle", "postgres"},
                                            {"TimeZone", "UTC"},           {"extra_float_digits", "3"},
                                            {"bytea_output", "hex"},       {"lc_monetary", "C"},
                                            {"lc_numeric", "C"},           {"xmlbinary", "base64"},
                                            {"search_path", "pg_catalog"}, {"quote_all_identifiers", "off"},
                                            {"xmloption", "content"}};

  for (size_t i = 0; i < lengthof(settings); i++)
    SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

/* --- decoding ---------------------------------------------------------------------------------------------------- */

/*
 * A process that decodes outside of a transaction is passed over when the oldest xid that anybody needs is computed. We
 * hold the slot all the time, and run ordinary transactions in between, whose snapshots must count.
 */
static void let_snapshots_count(void) {
  LWLockAcquire(ProcArrayLock, LW_EXCLUSIVE);
  MyProc->statusFlags &= ~PROC_IN_LOGICAL_DECODING;
  ProcGlobal->statusFlags[MyProc->pgxactoff] = MyProc->statusFlags;
  LWLockRelease(ProcArrayLock);
}

/* Nothing is written through the decoding context: the plugin writes records. */
static void no_write(LogicalDecodingContext* context, XLogRecPtr lsn, TransactionId xid, bool last) {
  (void)context;
  (void)lsn;
  (void)xid;
  (void)last;
}

void lpbm_decoder_open(const LpbmDecoderOptions* options) {
  MemoryContext old;

  if (decoding != NULL) elog(ERROR, "the decoder is open already");
  fix_output_settings();
  lpbm_plugin_start(options);
  lpbm_sequences_rewind();
  if (decoder_context == NULL)
    decoder_context = AllocSetContextCreate(TopMemoryContext, "lpbm decoder", ALLOCSET_DEFAULT_SIZES);
  old = MemoryContextSwitchTo(decoder_context);
  lpbm_slot_acquire(options->slot);
  lpbm_plugin_allow(true);
  decoding = CreateDecodingContext(InvalidXLogRecPtr, NIL, false,
                                   XL_ROUTINE(.page_read = read_local_xlog_page, .segment_open = wal_segment_open,
                                              .segment_close = wal_segment_close),
                                   no_write, no_write, NULL);
  lpbm_plugin_allow(false);
  let_snapshots_count();
  XLogBeginRead(decoding->reader, MyReplicationSlot->data.restart_lsn);
  decoding->reader->EndRecPtr = MyReplicationSlot->data.restart_lsn;
  InvalidateSystemCaches();
  MemoryContextSwitchTo(old);
  lpbm_plugin_progress()->decoded_upto = MyReplicationSlot->data.confirmed_flush;
}

bool lpbm_decoder_is_open(void) {
  return decoding != NULL;
}

/* GetXLogInsertRecPtr() says where the next record would begin: behind the header of a page that holds nothing yet. */
static XLogRecPtr end_of_inserted(void) {
  XLogRecPtr lsn = GetXLogInsertRecPtr();

  if (XLogSegmentOffset(lsn, wal_segment_size) == SizeOfXLogLongPHD) return lsn - SizeOfXLogLongPHD;
  if (lsn % XLOG_BLCKSZ == SizeOfXLogShortPHD) return lsn - SizeOfXLogShortPHD;
  return lsn;
}

/*
 * Positions of sequences need an LSN of their own, between those of two commits: a message that no decoder delivers
 * makes one, but only where there are any to write.
 */
XLogRecPtr lpbm_decoder_target(void) {
  XLogRecPtr target = lpbm_sequences_pending() > 0 ? lpbm_log_message("lpbm", "positions", strlen("positions"), false)
                                                   : end_of_inserted();

  XLogFlush(target);
  return target;
}

static void note_counts(void) {
  LpbmProgress* progress = lpbm_plugin_progress();

  progress->frames = lpbm_record_frames();
  progress->last_frame = lpbm_record_last_frame();
}

void lpbm_decoder_advance(XLogRecPtr target) {
  LpbmProgress* progress = lpbm_plugin_progress();
  MemoryContext old;

  if (decoding == NULL) elog(ERROR, "the decoder is not open");
  old = MemoryContextSwitchTo(decoding->context);
  while (decoding->reader->EndRecPtr < target) {
    char* problem = NULL;
    XLogRecord* record = XLogReadRecord(decoding->reader, &problem);

    if (problem != NULL)
      elog(ERROR, "could not read the WAL at %X/%X: %s", LSN_FORMAT_ARGS(decoding->reader->EndRecPtr), problem);
    if (record != NULL) LogicalDecodingProcessRecord(decoding, decoding->reader);
    CHECK_FOR_INTERRUPTS();
  }
  MemoryContextSwitchTo(old);
  progress->decoded_upto = Max(progress->decoded_upto, decoding->reader->EndRecPtr);
  note_counts();
}

void lpbm_decoder_flush(void) {
  lpbm_record_flush();
  note_counts();
}

void lpbm_decoder_confirm(XLogRecPtr lsn) {
  if (decoding == NULL || lsn > lpbm_plugin_progress()->decoded_upto) elog(ERROR, "what is confirmed was not decoded");
  if (lsn > MyReplicationSlot->data.confirmed_flush) LogicalConfirmReceivedLocation(lsn);
}

void lpbm_decoder_close(void) {
  if (decoding != NULL) {
    FreeDecodingContext(decoding);
    decoding = NULL;
    ReplicationSlotRelease();
    InvalidateSystemCaches();
  }
  lpbm_plugin_stop();
  if (decoder_context != NULL) MemoryContextReset(decoder_context);
}

/* The decoding context is left to its memory context: after an error not even its own clean-up can be trusted. */
void lpbm_decoder_abandon(void) {
  HOLD_INTERRUPTS();
  decoding = NULL;
  lpbm_plugin_allow(false);
  LWLockReleaseAll();
  if (MyReplicationSlot != NULL) ReplicationSlotRelease();
  AbortOutOfAnyTransaction();
  lpbm_plugin_stop();
  MemoryContextSwitchTo(TopMemoryContext);
  if (decoder_context != NULL) MemoryContextReset(decoder_context);
  InvalidateSystemCaches();
  RESUME_INTERRUPTS();
}

const LpbmProgress* lpbm_decoder_progress(void) {
  lpbm_plugin_progress()->bytes = lpbm_record_bytes();
  return lpbm_plugin_progress();
}

void lpbm_decoder_reset_counts(void) {
  LpbmProgress* progress = lpbm_plugin_progress();

  progress->records = 0;
  progress->rows = 0;
  progress->anchors_seen = 0;
  progress->stale_seen = 0;
  progress->holes_seen = 0;
}
