/*
 * The messages of DDL capture (ddl_message.h), and what they explain.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc_details.h"
#include "ddl_message.h"
#include "key.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "plugin_internal.h"
#include "record.h"
#include "utils/memutils.h"
#include "utils/relcache.h"

#define MAX_BRACKETS 64

typedef struct Bracket {
  uint64 id;
  char mode; /* of the message; q for s and g */
  char order;
  XLogRecPtr begin;
} Bracket;

static Bracket brackets[MAX_BRACKETS];
/* The Q line of the innermost bracket, until something happens inside: at its end we may know better. */
static char* pending = NULL;
static size_t pending_length = 0;
static XLogRecPtr tail = InvalidXLogRecPtr; /* from here on all is explained */
static dlist_node* cursor = NULL;

/* --- order of commands (LpbmDdlOrder) ---------------------------------------------------------------------------- */

/* Ends of the last transactions, so far, that had a command which is replayed, and one that spreads. */
static XLogRecPtr commands_upto = InvalidXLogRecPtr;
static XLogRecPtr spread_upto = InvalidXLogRecPtr;
/* Of the transaction: where its first command of any sort began, and its first that gathers; whether one spreads. */
static XLogRecPtr first_command = InvalidXLogRecPtr;
static XLogRecPtr first_gathers = InvalidXLogRecPtr;
static bool spreads = false;

void lpbm_order_start(XLogRecPtr upto) {
  /* What was committed before is not known: it is taken for the worst. */
  commands_upto = spread_upto = upto;
}

static void order_begin(void) {
  first_command = first_gathers = InvalidXLogRecPtr;
  spreads = false;
}

static void order_note(const Bracket* bracket) {
  if (first_command == InvalidXLogRecPtr) first_command = bracket->begin;
  if (bracket->order == 'g' && first_gathers == InvalidXLogRecPtr) first_gathers = bracket->begin;
  if (bracket->order == 's') spreads = true;
}

/* Commands ran before a transaction was committed that comes before theirs: replay would run them behind it. */
static void order_judge(XLogRecPtr end) {
  if (first_command == InvalidXLogRecPtr) return;
  if (first_command < spread_upto)
    lpbm_hole("concurrent_ddl",
              "a command ran before another transaction renamed, or gave default privileges to, what it is about");
  else if (first_gathers != InvalidXLogRecPtr && first_gathers < commands_upto)
    lpbm_hole("concurrent_ddl", "a command ran on all that it found while another transaction made something");
  commands_upto = Max(commands_upto, end);
  if (spreads) spread_upto = Max(spread_upto, end);
}

/* --- brackets ---------------------------------------------------------------------------------------------------- */

void lpbm_messages_begin(void) {
  pending = NULL; /* its memory went with the transaction before */
  tail = InvalidXLogRecPtr;
  cursor = NULL;
  order_begin();
}

static void write_line(const char* line, size_t length) {
  lpbm_record_ensure();
  lpbm_put_raw(line, length);
  lpbm_put_end();
}

void lpbm_messages_settle(void) {
  if (pending == NULL) return;
  write_line(pending, pending_length);
  pfree(pending);
  pending = NULL;
}

/* text: `code TAB detail`. */
static void write_hole(const char* text, size_t length) {
  char* copy = pnstrdup(text, length);
  char* tab = strchr(copy, '\t');

  if (tab != NULL) *tab = '\0';
  if (strcmp(copy, "large_object") == 0)
    lpbm_stale_large_objects();
  else
    lpbm_hole(copy, tab != NULL ? tab + 1 : "");
  pfree(copy);
}

/* A decimal number that ends at `stop`; moves *text behind it. */
static bool take_number(const char** text, const char* end, char stop, uint64* number) {
  const char* p = *text;
  uint64 value = 0;

  while (p < end && *p >= '0' && *p <= '9' && value < PG_UINT64_MAX / 10 - 1) value = value * 10 + (uint64)(*p++ - '0');
  if (p == *text || p == end || *p != stop) return false;
  *text = p + 1;
  *number = value;
  return true;
}

static void begin_bracket(XLogRecPtr lsn, uint64 id, char mode, const char* text, size_t length) {
  LpbmTransaction* t = &lpbm_transaction;

  lpbm_messages_settle();
  if (t->brackets == MAX_BRACKETS) {
    lpbm_hole("nested_ddl", "commands are nested too deeply");
    return;
  }
  brackets[t->brackets].id = id;
  brackets[t->brackets].order = mode;
  if (mode == 's' || mode == 'g') mode = 'q';
  brackets[t->brackets].mode = mode;
  brackets[t->brackets].begin = lsn;
  t->brackets++;
  if (mode == 'h') write_hole(text, length);
  if (mode == 'x') t->extensions++;
  if (mode == 'q' || mode == 'x') {
    pending = MemoryContextAlloc(t->explained.context, length + 1);
    memcpy(pending, text, length);
    pending_length = length;
  }
}

/* The value that all rows of a table got for a column that was added with a default. */
static void write_missing_value(Oid relid, const char* name, size_t name_length) {
  Relation relation = RelationIdGetRelation(relid);
  LpbmRelation* entry;

  if (!RelationIsValid(relation)) return;
  entry = lpbm_relation(relation);
  for (int i = 0; !entry->skipped && i < entry->column_count; i++) {
    const LpbmColumn* column = &entry->columns[i];
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column->index);
    TupleConstr* constraints = RelationGetDescr(relation)->constr;
    AttrMissing* missing;

    if (strlen(NameStr(attribute->attname)) != name_length) continue;
    if (memcmp(NameStr(attribute->attname), name, name_length) != 0) continue;
    if (!attribute->atthasmissing || constraints == NULL || constraints->missing == NULL) continue;
    missing = &constraints->missing[column->index];
    if (!missing->am_present) continue;
    lpbm_record_ensure();
    lpbm_relation_define(entry);
    lpbm_put_text("V");
    lpbm_put_number(relid);
    lpbm_put_field(name, name_length);
    lpbm_value_write(column, missing->am_value, false);
    lpbm_put_end();
  }
  RelationClose(relation);
}

static void write_missing_values(const char* text, const char* end) {
  while (text < end) {
    const char* line_end = memchr(text, '\n', end - text);
    uint64 relid;

    if (line_end == NULL || !take_number(&text, line_end, ' ', &relid)) return;
    lpbm_messages_settle();
    write_missing_value((Oid)relid, text, line_end - text);
    text = line_end + 1;
  }
}

static void end_bracket(XLogRecPtr lsn, uint64 id, char verdict, const char* text, const char* end) {
  LpbmTransaction* t = &lpbm_transaction;
  Bracket* bracket;

  if (t->brackets == 0 || brackets[t->brackets - 1].id != id) {
    lpbm_hole("nested_ddl", "the end of a command does not belong to its begin");
    return;
  }
  bracket = &brackets[--t->brackets];
  if (bracket->mode == 'x') t->extensions--;
  lpbm_explained_add(&t->explained, bracket->begin, lsn);
  lpbm_relations_forget(); /* some of what entries depend on sends no invalidation: membership of extensions */
  if (bracket->mode != 'q' && bracket->mode != 'x') {
    if (verdict == 'h') write_hole(text, end - text);
    return;
  }
  if (verdict == '=') {
    /* A command that changed nothing (IF NOT EXISTS) is passed over. */
    if (pending != NULL && !lpbm_catalog_changed(t->txn, &cursor, bracket->begin, lsn)) {
      pfree(pending);
      pending = NULL;
      return;
    }
    order_note(bracket);
    lpbm_messages_settle();
    write_missing_values(text, end);
    return;
  }
  if (verdict == 'h') {
    write_hole(text, end - text);
  } else if (pending == NULL) {
    lpbm_hole("temporary", "a command on temporary objects changed other tables");
  }
  if (pending != NULL) pfree(pending);
  pending = NULL;
}

static void add_ranges(const char* text, const char* end) {
  uint64 from, to;

  while (text < end && take_number(&text, end, ' ', &from) && take_number(&text, end, '\n', &to))
    lpbm_explained_add(&lpbm_transaction.explained, from, to);
}

static void take_bracket(char type, XLogRecPtr lsn, const char* text, const char* end) {
  const char* content = memchr(text, '\n', end - text);
  uint64 id;
  char mode;

  if (content == NULL || !take_number(&text, content, ' ', &id) || content - text != 1) {
    lpbm_hole("nested_ddl", "a message has another form");
    return;
  }
  mode = *text;
  content++;
  if (type == 'B')
    begin_bracket(lsn, id, mode, content, end - content);
  else
    end_bracket(lsn, id, mode, content, end);
}

static void dispatch(char type, XLogRecPtr lsn, const char* text, const char* end) {
  switch (type) {
    case 'B':
    case 'E':
      take_bracket(type, lsn, text, end);
      break;
    case 'N':
      lpbm_transaction.explained.everything = true;
      break;
    case 'C':
      lpbm_messages_settle();
      lpbm_transaction.explained.everything = true;
      write_line(text, end - text);
      break;
    case 'H':
      lpbm_messages_settle();
      write_hole(text, end - text);
      break;
    case 'T':
      tail = lsn;
      break;
    case 'R':
      add_ranges(text, end);
      break;
    default:
      lpbm_hole("nested_ddl", "a message of an unknown type");
  }
}

/* anchor <nonce> <mac>: asked for by the engine, which holds the key (docs/formats.md). */
static bool take_anchor(const char* data, size_t length) {
  const size_t word = strlen("anchor ");
  char nonce[LPBM_NONCE_LENGTH + 1];

  if (length < word || memcmp(data, "anchor ", word) != 0) return false;
  if (length != word + LPBM_NONCE_LENGTH + 1 + LPBM_MAC_LENGTH || data[word + LPBM_NONCE_LENGTH] != ' ') return true;
  memcpy(nonce, data + word, LPBM_NONCE_LENGTH);
  nonce[LPBM_NONCE_LENGTH] = '\0';
  if (strspn(nonce, "0123456789abcdef") != LPBM_NONCE_LENGTH) return true;
  if (!lpbm_mac_matches(LPBM_ANCHOR_DOMAIN, nonce, LPBM_NONCE_LENGTH, data + length - LPBM_MAC_LENGTH)) return true;
  lpbm_messages_settle();
  lpbm_note_anchor(nonce);
  return true;
}

void lpbm_message(XLogRecPtr lsn, const char* data, size_t length) {
  LpbmTransaction* t = &lpbm_transaction;
  const char* end = data + length;
  const char* text = data + LPBM_MAC_LENGTH + 1;
  uint64 database, xid, counter;
  char type;

  if (take_anchor(data, length)) return;
  if (length < LPBM_MAC_LENGTH + 4 || data[LPBM_MAC_LENGTH] != ' ' || text[1] != ' ') return;
  if (!lpbm_mac_matches(LPBM_MESSAGE_DOMAIN, text, end - text, data)) return;
  type = text[0];
  text += 2;
  if (!take_number(&text, end, ' ', &database) || !take_number(&text, end, ' ', &xid)) return;
  if (!take_number(&text, end, '\n', &counter)) return;
  if (database != MyDatabaseId || xid != t->full_xid || counter <= t->counter) return;
  t->counter = counter;
  dispatch(type, lsn, text, end);
}

void lpbm_messages_finish(void) {
  LpbmTransaction* t = &lpbm_transaction;

  lpbm_messages_settle();
  if (tail != InvalidXLogRecPtr) lpbm_explained_add(&t->explained, tail, t->txn->end_lsn);
  if (t->brackets > 0) lpbm_hole("nested_ddl", "a command has no end");
  order_judge(t->txn->end_lsn);
}
