/*
 * Rows as text. The text of a small row is made first and then written, so that its size is known; a large row is
 * written value by value, and each value is forgotten when it is written.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "plugin_internal.h"
#include "record.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Rows above this are staged at replay (docs/formats.md). */
#define LARGE_ROW (1024 * 1024)

static MemoryContext row_context = NULL;

void lpbm_rows_start(MemoryContext context) {
  row_context = AllocSetContextCreate(context, "lpbm row", ALLOCSET_DEFAULT_SIZES);
}

/* The bytes of a text, without copying what lies in memory already (TOASTed values that decoding put together). */
static void text_of(Datum value, LpbmText* out) {
  struct varlena* pointer = (struct varlena*)DatumGetPointer(value);

  while (VARATT_IS_EXTERNAL_INDIRECT(pointer)) {
    struct varatt_indirect redirect;

    VARATT_EXTERNAL_GET_POINTER(redirect, pointer);
    pointer = redirect.pointer;
  }
  pointer = pg_detoast_datum_packed(pointer);
  out->data = VARDATA_ANY(pointer);
  out->length = VARSIZE_ANY_EXHDR(pointer);
}

static void number_of(int64 value, LpbmText* out) {
  char* text = palloc(MAXINT8LEN + 1);

  out->length = pg_lltoa(value, text);
  out->data = text;
}

static void make_text(const LpbmColumn* column, Datum value, bool null, LpbmText* out) {
  out->kind = 'v';
  if (null) {
    out->kind = 'N';
    out->length = 2;
    return;
  }
  if (column->varlena && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value))) {
    out->kind = 'u';
    out->length = 2;
    return;
  }
  switch (column->output) {
    case LPBM_OUT_INT2:
      number_of(DatumGetInt16(value), out);
      break;
    case LPBM_OUT_INT4:
      number_of(DatumGetInt32(value), out);
      break;
    case LPBM_OUT_INT8:
      number_of(DatumGetInt64(value), out);
      break;
    case LPBM_OUT_BOOL:
      out->data = DatumGetBool(value) ? "t" : "f";
      out->length = 1;
      break;
    case LPBM_OUT_TEXT:
      text_of(value, out);
      break;
    case LPBM_OUT_FUNCTION:
      if (column->varlena) value = PointerGetDatum(PG_DETOAST_DATUM(value));
      out->data = OutputFunctionCall(unconstify(FmgrInfo*, &column->function), value);
      out->length = strlen(out->data);
      break;
  }
}

static void write_text(const LpbmText* text) {
  switch (text->kind) {
    case 'N':
      lpbm_put_null();
      break;
    case 'u':
      lpbm_put_raw("\t\\u", 3);
      break;
    default:
      lpbm_put_field(text->data, text->length);
  }
}

void lpbm_value_write(const LpbmColumn* column, Datum value, bool null) {
  MemoryContext old = MemoryContextSwitchTo(row_context);
  LpbmText text;

  make_text(column, value, null, &text);
  write_text(&text);
  MemoryContextSwitchTo(old);
  MemoryContextReset(row_context);
}

/* One side of a row: the columns of it that are written. */
typedef struct Side {
  LpbmRelation* entry;
  int number; /* 0 = old, 1 = new */
  bool keys;  /* key columns only */
} Side;

static bool is_written(const Side* side, const LpbmColumn* column) {
  return !side->keys || column->key;
}

static size_t raw_size(const Side* side) {
  const LpbmRelation* entry = side->entry;
  size_t sum = 0;

  for (int i = 0; i < entry->column_count; i++) {
    const LpbmColumn* column = &entry->columns[i];
    Datum value = entry->values[side->number][column->index];

    if (!is_written(side, column) || !column->varlena || entry->nulls[side->number][column->index]) continue;
    if (VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value))) continue;
    sum += toast_raw_datum_size(value);
  }
  return sum;
}

static size_t make_texts(const Side* side) {
  LpbmRelation* entry = side->entry;
  size_t sum = 0;

  for (int i = 0; i < entry->column_count; i++) {
    const LpbmColumn* column = &entry->columns[i];
    LpbmText* text = &entry->texts[side->number][i];

    if (!is_written(side, column)) continue;
    make_text(column, entry->values[side->number][column->index], entry->nulls[side->number][column->index], text);
    sum += text->length + 1;
  }
  return sum;
}

static size_t escaped_size(const Side* side) {
  const LpbmRelation* entry = side->entry;
  size_t sum = 0;

  for (int i = 0; i < entry->column_count; i++) {
    const LpbmText* text = &entry->texts[side->number][i];

    if (!is_written(side, &entry->columns[i])) continue;
    sum += 1 + (text->kind == 'v' ? lpbm_escaped_length(text->data, text->length) : 2);
  }
  return sum;
}

static void write_side(const Side* side, bool texts_made) {
  LpbmRelation* entry = side->entry;

  for (int i = 0; i < entry->column_count; i++) {
    const LpbmColumn* column = &entry->columns[i];

    if (!is_written(side, column)) continue;
    if (texts_made) {
      write_text(&entry->texts[side->number][i]);
    } else {
      LpbmText text;

      make_text(column, entry->values[side->number][column->index], entry->nulls[side->number][column->index], &text);
      write_text(&text);
      MemoryContextReset(row_context);
    }
  }
}

void lpbm_row_write(char kind, LpbmRelation* entry, TupleDesc descriptor, HeapTuple old_tuple, HeapTuple new_tuple) {
  Side sides[2] = {{entry, 0, entry->identity == 'k'}, {entry, 1, false}};
  HeapTuple tuples[2] = {old_tuple, new_tuple};
  MemoryContext old = MemoryContextSwitchTo(row_context);
  size_t raw = 0;
  size_t size = 0;
  bool made;

  for (int i = 0; i < 2; i++) {
    if (tuples[i] == NULL) continue;
    heap_deform_tuple(tuples[i], descriptor, entry->values[i], entry->nulls[i]);
    raw += raw_size(&sides[i]);
  }
  made = raw <= LARGE_ROW;
  if (made) {
    for (int i = 0; i < 2; i++)
      if (tuples[i] != NULL) size += make_texts(&sides[i]);
    if (size > LARGE_ROW / 2) { /* escapes may double it */
      size = 0;
      for (int i = 0; i < 2; i++)
        if (tuples[i] != NULL) size += escaped_size(&sides[i]);
    }
  }
  if (kind != 'I' && (!made || size > LARGE_ROW)) kind = (char)(kind + ('a' - 'A'));
  lpbm_put_raw(&kind, 1);
  lpbm_put_number(entry->relid);
  if (kind == 'U' || kind == 'u') lpbm_put_text(old_tuple != NULL ? "\to" : "\t-");
  for (int i = 0; i < 2; i++)
    if (tuples[i] != NULL) write_side(&sides[i], made);
  lpbm_put_end();
  MemoryContextSwitchTo(old);
  MemoryContextReset(row_context);
}
