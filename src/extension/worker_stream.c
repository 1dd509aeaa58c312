#include "postgres.h"

#include "access/xact.h"
#include "key.h"
#include "miscadmin.h"
#include "plugin.h"
#include "sequence.h"
#include "settings.h"
#include "unlogged.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker_internal.h"

/* The slot advances behind an idle stream only this often: each time costs an fsync. */
#define IDLE_WAL (1024 * 1024)
#define IDLE_PAUSE_MS (60 * 1000)

/* --- what must be stored ----------------------------------------------------------------------------------------- */

bool lpbm_is_unjournalled(void) {
  return Max(lpbm_worker.written_record, lpbm_worker.stream.last_record) > lpbm_worker.stream.journalled;
}

static bool is_automatic(const char* reason) {
  return reason[0] != '\0' && strcmp(reason, "scheduled") != 0 && strcmp(reason, "requested") != 0;
}

static void save_step(void* argument) {
  (void)argument;
  lpbm_stream_save(&lpbm_worker.stream);
}

static bool save(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  bool good = lpbm_attempt(save_step, NULL, false, cause, hint);

  lpbm_tell("directory", good ? NULL : cause, good ? NULL : "lpbm.directory must be writable for the server.");
  return good;
}

void lpbm_want_full(const char* reason, XLogRecPtr lsn) {
  LpbmStream* stream = &lpbm_worker.stream;

  if (is_automatic(reason) && !XLogRecPtrIsInvalid(lsn) && lsn <= lpbm_worker.full_anchor) return;
  lpbm_worker.wanted_lsn = Max(lpbm_worker.wanted_lsn, lsn);
  if (stream->full_wanted[0] != '\0' && (is_automatic(stream->full_wanted) || !is_automatic(reason))) return;
  lpbm_copy_text(stream->full_wanted, reason, sizeof(stream->full_wanted));
  for (char* c = stream->full_wanted; *c != '\0'; c++)
    if ((unsigned char)*c < ' ') *c = ' ';
  if (is_automatic(reason))
    ereport(LOG, (errmsg("%s: a full backup is needed: %s", lpbm_label(), lpbm_from_utf8(stream->full_wanted))));
  (void)save();
}

/*
 * Not before there is a full, nor where one is wanted that makes up for it. With a pause after the last one that grows
 * with what it took, so that a table that changes all the time does not keep us busy, unless somebody waits for it.
 */
bool lpbm_refresh_due(void) {
  const LpbmStream* stream = &lpbm_worker.stream;

  if (!lpbm_refreshes() || lpbm_worker.stale <= lpbm_worker.refreshed || !stream->complete ||
      is_automatic(stream->full_wanted))
    return false;
  if (lpbm_worker.refresh.failures == 0 && lpbm_requests_need_refresh()) return !lpbm_holds_unknown();
  return lpbm_retry_due(&lpbm_worker.refresh) && !lpbm_holds_unknown();
}

/* --- a stream with its slot -------------------------------------------------------------------------------------- */

static void show_stream(void) {
  lpbm_shared_lock(true);
  strlcpy(lpbm_mine->stream, lpbm_worker.stream.id, sizeof(lpbm_mine->stream));
  strlcpy(lpbm_mine->slot, lpbm_worker.stream.slot, sizeof(lpbm_mine->slot));
  lpbm_shared_unlock();
}

static void begin_stream(const char* reason) {
  LpbmStream fresh;

  lpbm_job_kill(LPBM_LANE_DELTA);
  if (lpbm_job_runs(LPBM_JOB_FULL)) lpbm_job_kill(LPBM_LANE_LONG);
  lpbm_stream_new(&fresh);
  if (lpbm_worker.stream.binding.system == fresh.binding.system) fresh.automatic = lpbm_worker.stream.automatic;
  lpbm_set_state(LPBM_STATE_CREATING);
  lpbm_own_directory_make();
  lpbm_slot_drop(fresh.slot);
  fresh.start = fresh.confirmed = lpbm_slot_create(fresh.slot);
  lpbm_own_directory_make(); /* empty, it may have been cleared away while the slot waited for transactions */
  lpbm_holds_start();
  lpbm_worker.holds_started = true;
  lpbm_sequences_open(lpbm_own_directory(), fresh.id);
  StartTransactionCommand();
  lpbm_sequences_baseline();
  CommitTransactionCommand();
  snprintf(fresh.full_wanted, sizeof(fresh.full_wanted), "new_stream: %s", reason);
  lpbm_stream_save(&fresh);
  lpbm_worker.stream = fresh;
  lpbm_requests_again();
  lpbm_worker.refreshed = lpbm_worker.stale; /* its full has it */
  lpbm_worker.wanted_lsn = lpbm_worker.full_anchor = InvalidXLogRecPtr;
  ereport(LOG, (errmsg("%s: stream %s begins at %X/%X: %s", lpbm_label(), fresh.id, LSN_FORMAT_ARGS(fresh.start),
                       lpbm_from_utf8(reason))));
}

/* Why the stream of the position file cannot be continued, or NULL. */
static const char* discontinuity(const LpbmStream* stream) {
  LpbmBinding now;
  const char* difference;
  XLogRecPtr confirmed;
  int holder;

  lpbm_binding_now(&now);
  difference = lpbm_binding_difference(&stream->binding, &now);
  if (difference != NULL) return difference;
  switch (lpbm_slot_state(stream->slot, &confirmed, &holder)) {
    case LPBM_SLOT_MISSING:
      return "the replication slot is missing";
    case LPBM_SLOT_LOST:
      return "the replication slot has lost its WAL";
    case LPBM_SLOT_FOREIGN:
      return "the replication slot is another";
    case LPBM_SLOT_BUSY:
      ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                      errmsg("replication slot \"%s\" is held by process %d", stream->slot, holder),
                      errhint("lpbm continues when that process lets it go.")));
    case LPBM_SLOT_READY:
      break;
  }
  return confirmed > stream->confirmed ? "the replication slot was advanced by somebody else" : NULL;
}

static void ensure_stream(void* argument) {
  const char* reason = argument;
  LpbmStream found;

  if (reason == NULL) {
    if (lpbm_stream_load(&found)) {
      reason = discontinuity(&found);
      lpbm_worker.stream = found; /* even where it ends: what it knows of fulls counts on */
    } else {
      reason = "the first one";
    }
  }
  if (reason != NULL)
    begin_stream(reason);
  else
    lpbm_sequences_open(lpbm_own_directory(), lpbm_worker.stream.id);
  lpbm_worker.stream_ready = true;
  show_stream();
}

static void open_decoder(void* argument) {
  LpbmStream* stream = &lpbm_worker.stream;
  LpbmDecoderOptions options;

  (void)argument;
  if (!lpbm_worker.holds_started) lpbm_holds_start();
  lpbm_worker.holds_started = true;
  stream->run++;
  lpbm_stream_save(stream);
  memset(&options, 0, sizeof(options));
  options.slot = stream->slot;
  strlcpy(options.stream, stream->id, sizeof(options.stream));
  options.run = stream->run;
  options.last_record = stream->last_record;
  options.poison = stream->poison;
  options.poison_cause = lpbm_worker.failing_cause[0] == '\0' ? NULL : lpbm_worker.failing_cause;
  lpbm_decoder_open(&options);
  lpbm_worker.written.run = 0;
  lpbm_worker.written_record = stream->last_record;
  lpbm_worker.written_upto = stream->confirmed;
}

static bool failed(const char* name, const char* cause, const char* hint) {
  lpbm_tell(name, cause, hint);
  lpbm_retry_later(&lpbm_worker.decode);
  return false;
}

bool lpbm_stream_ensure(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  LpbmBinding now;

  if (lpbm_worker.stream_ready) {
    lpbm_binding_now(&now);
    if (lpbm_binding_difference(&lpbm_worker.stream.binding, &now) != NULL) {
      lpbm_decoder_close();
      lpbm_worker.stream_ready = false;
    }
  }
  if (!lpbm_worker.stream_ready && !lpbm_attempt(ensure_stream, NULL, true, cause, hint))
    return failed("replication_slot", cause, hint);
  if (!lpbm_decoder_is_open() && !lpbm_attempt(open_decoder, NULL, true, cause, hint)) {
    lpbm_worker.stream_ready = false; /* the slot may be the reason: look at it again */
    return failed("replication_slot", cause, hint);
  }
  lpbm_tell("replication_slot", NULL, NULL);
  return true;
}

void lpbm_stream_end(const char* reason) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];
  char why[LPBM_TEXT];

  lpbm_copy_text(why, reason, sizeof(why));
  lpbm_decoder_close();
  lpbm_worker.stream_ready = false;
  if (lpbm_attempt(ensure_stream, why, true, cause, hint))
    lpbm_retry_reset(&lpbm_worker.decode);
  else
    (void)failed("replication_slot", cause, hint);
}

void lpbm_write_again(void) {
  lpbm_decoder_close();
  lpbm_worker.written.run = 0;
  lpbm_worker.written_record = lpbm_worker.stream.last_record;
}

/* --- decoding ---------------------------------------------------------------------------------------------------- */

static bool fence_is_out(void) {
  const LpbmJob* job = &lpbm_worker.jobs[LPBM_LANE_DELTA];

  return job->kind == LPBM_JOB_DELTA && !job->fenced;
}

static void read_positions(void) {
  StartTransactionCommand();
  lpbm_sequences_read();
  CommitTransactionCommand();
}

/* Writes the positions that the decoded transactions may have used; false where some are left for the next time. */
static bool write_positions(void) {
  bool complete;

  StartTransactionCommand();
  complete = lpbm_sequences_look_again();
  CommitTransactionCommand();
  if (lpbm_sequences_pending() > 0 && lpbm_decoder_progress()->decoded_upto <= lpbm_decoder_progress()->last_record) {
    lpbm_decoder_advance(lpbm_decoder_target()); /* an LSN of their own */
    StartTransactionCommand();
    complete = lpbm_sequences_look_again() && complete;
    CommitTransactionCommand();
  }
  return lpbm_sequences_emit() && complete;
}

/*
 * Unlogged tables are refreshed when their sign has changed, but seldom: they are of the kind that one can lose.
 * Whoever asks for a delta wants them now.
 */
static void look_at_unlogged(void) {
  LpbmWorker* worker = &lpbm_worker;

  if (!lpbm_refreshes()) return;
  worker->unlogged_sign = lpbm_unlogged_sign();
  if (!worker->stream.complete || worker->unlogged_sign == worker->unlogged_stored) return;
  if (!lpbm_requests_undecoded() && (worker->unlogged_wanted || GetCurrentTimestamp() < worker->unlogged_after)) return;
  worker->unlogged_wanted = true;
  worker->stale++;
}

/*
 * Positions of sequences count as known when the fence after them is confirmed: while one is out, no more are written,
 * which its confirmation would take for written too.
 */
static void decode(void* argument) {
  bool sequences = !fence_is_out();

  (void)argument;
  lpbm_worker.positions_written = false;
  if (sequences) read_positions();
  lpbm_decoder_advance(lpbm_decoder_target());
  if (sequences) lpbm_worker.positions_written = write_positions();
  StartTransactionCommand();
  if (lpbm_worker.written_upto != lpbm_decoder_progress()->decoded_upto || !lpbm_worker.globals_known)
    lpbm_worker.globals = lpbm_globals_hash();
  lpbm_worker.globals_known = true;
  look_at_unlogged();
  CommitTransactionCommand();
  /* New globals alone leave no record, nor does a refresh that is due again, but a delta needs a fence. */
  if (!lpbm_is_unjournalled() && lpbm_decoder_progress()->records == 0 &&
      ((lpbm_worker.stream.complete && lpbm_worker.globals != lpbm_worker.stream.globals &&
        lpbm_decoder_progress()->frames == 0) ||
       lpbm_refresh_due()) &&
      lpbm_plugin_begin_positions(lpbm_decoder_progress()->decoded_upto))
    lpbm_plugin_end_positions();
  lpbm_decoder_flush();
}

static void note_holes(const LpbmProgress* progress) {
  uint64 count = Min(progress->holes_seen, LPBM_MAX_HOLES);

  for (uint64 i = 0; i < count; i++) {
    const LpbmHole* hole = &progress->holes[i];
    char reason[LPBM_TEXT];

    snprintf(reason, sizeof(reason), "%s: %s", hole->code, hole->detail);
    lpbm_want_full(lpbm_to_utf8(reason), hole->lsn);
  }
  if (progress->holes_seen > count) lpbm_worker.wanted_lsn = Max(lpbm_worker.wanted_lsn, progress->last_record);
}

/* The second failure at the same transaction makes it a hole. */
static void note_failure(const char* cause) {
  XLogRecPtr failing = lpbm_decoder_progress()->failing;

  if (lpbm_attempt_code() == ERRCODE_QUERY_CANCELED || XLogRecPtrIsInvalid(failing)) return;
  if (failing == lpbm_worker.failing) {
    lpbm_worker.stream.poison = failing;
    lpbm_copy_text(lpbm_worker.failing_cause, lpbm_from_utf8(cause), sizeof(lpbm_worker.failing_cause));
    (void)save();
  }
  lpbm_worker.failing = failing;
}

static void note_success(const LpbmProgress* progress) {
  if (progress->frames > 0) lpbm_worker.written = progress->last_frame;
  lpbm_worker.written_record = progress->last_record;
  lpbm_worker.written_upto = progress->decoded_upto;
  note_holes(progress);
  if (progress->stale_seen > 0) lpbm_worker.stale++;
  lpbm_decoder_reset_counts();
  if (lpbm_worker.decode.failures > 0) {
    lpbm_retry_reset(&lpbm_worker.decode);
    lpbm_tell("decoding", NULL, NULL);
  }
  lpbm_worker.failing = InvalidXLogRecPtr;
  if (lpbm_worker.stream.poison != InvalidXLogRecPtr && lpbm_worker.stream.last_record >= lpbm_worker.stream.poison)
    lpbm_worker.stream.poison = InvalidXLogRecPtr;
}

bool lpbm_decode(void) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];

  if (lpbm_attempt(decode, NULL, true, cause, hint)) {
    note_success(lpbm_decoder_progress());
    return true;
  }
  note_failure(cause);
  lpbm_worker.written.run = 0;
  lpbm_worker.written_record = lpbm_worker.stream.last_record;
  (void)failed("decoding", cause, hint);
  if (lpbm_worker.stream.poison == lpbm_worker.failing) lpbm_worker.decode.after = 0; /* it is passed over next */
  return false;
}

/* --- the slot advances ------------------------------------------------------------------------------------------- */

static void confirm(void* argument) {
  XLogRecPtr upto = *(XLogRecPtr*)argument;

  lpbm_stream_save(&lpbm_worker.stream);
  if (lpbm_decoder_is_open() && upto <= lpbm_decoder_progress()->decoded_upto) {
    lpbm_decoder_confirm(upto);
    StartTransactionCommand();
    lpbm_sequences_confirm();
    CommitTransactionCommand();
  }
}

static void advance(XLogRecPtr upto) {
  char cause[LPBM_TEXT];
  char hint[LPBM_TEXT];

  lpbm_worker.stream.confirmed = Max(lpbm_worker.stream.confirmed, upto);
  lpbm_worker.confirm_after = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), IDLE_PAUSE_MS);
  if (!lpbm_attempt(confirm, &upto, true, cause, hint)) (void)failed("directory", cause, hint);
}

void lpbm_advance(const LpbmJob* job) {
  lpbm_worker.stream.last_record = Max(lpbm_worker.stream.last_record, job->last_record);
  lpbm_worker.stream.fence = job->fence;
  advance(job->upto);
  if (!lpbm_worker.positions_written) lpbm_worker.trigger_now = true; /* somebody may wait for them */
}

void lpbm_advance_idle(void) {
  XLogRecPtr upto = lpbm_worker.written_upto;

  if (lpbm_worker.written_record != lpbm_worker.stream.last_record || upto <= lpbm_worker.stream.confirmed) return;
  if (upto - lpbm_worker.stream.confirmed < IDLE_WAL && GetCurrentTimestamp() < lpbm_worker.confirm_after) return;
  advance(upto);
}
