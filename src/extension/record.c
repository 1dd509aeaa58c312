#include "record.h"

#include "key.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/elog.h"
#include "utils/guc.h"

#define PAYLOAD_MAX 65536
#define HEADER_MAX 128
#define NO_BOUNDARY (-1)

/* The header is put in front of the payload when the frame is written, so that both are one string. */
static char buffer[HEADER_MAX + PAYLOAD_MAX + 1];
static char* const payload = buffer + HEADER_MAX;
static size_t used = 0;
static int boundary = NO_BOUNDARY;
static char stream_id[17];
static LpbmPosition position; /* of the frame that is being filled */
static uint64 bytes_written = 0;
static uint64 epoch = 1;

/* What COPY's text format escapes, and as what. */
static const char escapes[256] = {
    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\v'] = 'v', ['\\'] = '\\'};

void lpbm_record_start_run(const char* stream, uint64 run) {
  strlcpy(stream_id, stream, sizeof(stream_id));
  position.run = run;
  position.seq = 0;
  used = 0;
  boundary = NO_BOUNDARY;
  bytes_written = 0;
  epoch++;
}

/*
 * To the csvlog alone, whatever log_destination and log_min_messages say; the worker's other messages go their own way.
 * Interrupts are held: errfinish() serves them, and the settings must come back first.
 */
static void write_message(const char* message) {
  ErrorContextCallback* context = error_context_stack;
  int destination = Log_destination;
  int level = log_min_messages;

  HOLD_INTERRUPTS();
  PG_TRY();
  {
    error_context_stack = NULL;
    Log_destination = LOG_DESTINATION_CSVLOG;
    log_min_messages = WARNING;
    ereport(LOG_SERVER_ONLY, (errhidestmt(true), errhidecontext(true), errmsg_internal("%s", message)));
  }
  PG_FINALLY();
  {
    Log_destination = destination;
    log_min_messages = level;
    error_context_stack = context;
  }
  PG_END_TRY();
  RESUME_INTERRUPTS();
}

static void write_frame(void) {
  char header[HEADER_MAX];
  char mac[LPBM_MAC_LENGTH + 1];
  char* start;
  int length;

  if (boundary == NO_BOUNDARY)
    length = snprintf(header, sizeof(header), "%s " UINT64_FORMAT " " UINT64_FORMAT " -\n", stream_id, position.run,
                      position.seq);
  else
    length = snprintf(header, sizeof(header), "%s " UINT64_FORMAT " " UINT64_FORMAT " %d\n", stream_id, position.run,
                      position.seq, boundary);
  start = payload - length;
  memcpy(start, header, length);
  lpbm_mac("lpbm record\n", start, length + used, mac);
  length = snprintf(header, sizeof(header), "lpbm1 %s ", mac);
  start -= length;
  memcpy(start, header, length);
  payload[used] = '\0';
  write_message(start);
  bytes_written += used;
  position.seq++;
  used = 0;
  boundary = NO_BOUNDARY;
}

void lpbm_record_flush(void) {
  if (used > 0) write_frame();
}

LpbmPosition lpbm_record_mark(void) {
  if (used == PAYLOAD_MAX) write_frame();
  if (boundary == NO_BOUNDARY) {
    boundary = (int)used;
    epoch++;
  }
  return position;
}

uint64 lpbm_record_epoch(void) {
  return epoch;
}
uint64 lpbm_record_frames(void) {
  return position.seq;
}
uint64 lpbm_record_bytes(void) {
  return bytes_written + used;
}

LpbmPosition lpbm_record_last_frame(void) {
  LpbmPosition last = position;

  if (last.seq > 0) last.seq--;
  return last;
}

static inline void put_byte(char byte) {
  if (used == PAYLOAD_MAX) write_frame();
  payload[used++] = byte;
}

void lpbm_put_raw(const char* data, size_t length) {
  while (length > 0) {
    size_t room = PAYLOAD_MAX - used;
    size_t piece = Min(room, length);

    if (room == 0) {
      write_frame();
      continue;
    }
    memcpy(payload + used, data, piece);
    used += piece;
    data += piece;
    length -= piece;
  }
}

void lpbm_put_text(const char* text) {
  lpbm_put_raw(text, strlen(text));
}

static inline size_t plain_length(const char* data, size_t length) {
  size_t i = 0;

  while (i < length && escapes[(unsigned char)data[i]] == 0) i++;
  return i;
}

void lpbm_put_field(const char* data, size_t length) {
  put_byte('\t');
  for (;;) {
    size_t plain = plain_length(data, length);

    lpbm_put_raw(data, plain);
    if (plain == length) break;
    put_byte('\\');
    put_byte(escapes[(unsigned char)data[plain]]);
    data += plain + 1;
    length -= plain + 1;
  }
}

void lpbm_append_escaped(StringInfo out, const char* data, size_t length) {
  for (;;) {
    size_t plain = plain_length(data, length);

    appendBinaryStringInfo(out, data, (int)plain);
    if (plain == length) break;
    appendStringInfoChar(out, '\\');
    appendStringInfoChar(out, escapes[(unsigned char)data[plain]]);
    data += plain + 1;
    length -= plain + 1;
  }
}

size_t lpbm_escaped_length(const char* data, size_t length) {
  size_t sum = length;

  for (size_t i = 0; i < length; i++)
    if (escapes[(unsigned char)data[i]] != 0) sum++;
  return sum;
}

void lpbm_put_string(const char* text) {
  lpbm_put_field(text, strlen(text));
}

void lpbm_put_number(uint64 number) {
  char text[MAXINT8LEN + 2];
  int length = pg_ulltoa_n(number, text);

  put_byte('\t');
  lpbm_put_raw(text, length);
}

void lpbm_put_lsn(XLogRecPtr lsn) {
  char text[32];

  snprintf(text, sizeof(text), "%X/%X", LSN_FORMAT_ARGS(lsn));
  lpbm_put_string(text);
}

void lpbm_put_null(void) {
  lpbm_put_raw("\t\\N", 3);
}
void lpbm_put_end(void) {
  put_byte('\n');
}
