#include "journal_table.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type_d.h"
#include "commands/extension.h"
#include "event.h"
#include "executor/spi.h"
#include "shared.h"
#include "storage/fd.h"
#include "stream.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define TABLE "lpbm_journal_line"
#define TEXT_LIMIT ((off_t)MaxAllocSize)

/* PostgreSQL 15 keeps its own such function to itself. */
static Oid schema_of(Oid extension) {
  Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  SysScanDesc scan;
  HeapTuple tuple;
  Oid schema;

  ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
  scan = systable_beginscan(catalog, ExtensionOidIndexId, true, NULL, 1, &key);
  tuple = systable_getnext(scan);
  schema = HeapTupleIsValid(tuple) ? ((Form_pg_extension)GETSTRUCT(tuple))->extnamespace : InvalidOid;
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return schema;
}

/* The table's name, qualified and quoted, or NULL. In a transaction. */
static char* table_name(void) {
  Oid extension = get_extension_oid("lpbm", true);
  Oid schema = OidIsValid(extension) ? schema_of(extension) : InvalidOid;
  char* name = OidIsValid(schema) ? get_namespace_name(schema) : NULL;

  if (name == NULL || !OidIsValid(get_relname_relid(TABLE, schema))) return NULL;
  return quote_qualified_identifier(name, TABLE);
}

/* Whoever has locked the table must not hold up the worker. */
static void begin(void) {
  StartTransactionCommand();
  (void)set_config_option("lock_timeout", "5s", PGC_SUSET, PGC_S_OVERRIDE, GUC_ACTION_LOCAL, true, 0, false);
  PushActiveSnapshot(GetTransactionSnapshot());
  SPI_connect();
}

static void end(void) {
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

static void run(const char* sql, int count, Oid* types, Datum* values) {
  if (SPI_execute_with_args(sql, count, types, values, NULL, false, 0) < 0) elog(ERROR, "could not run: %s", sql);
}

bool lpbm_journal_table_exists(void) {
  bool found;

  StartTransactionCommand();
  found = table_name() != NULL;
  CommitTransactionCommand();
  return found;
}

bool lpbm_journal_table_append(uint64 entry, const char* line) {
  Oid types[] = {INT8OID, TEXTOID};
  Datum values[2];
  const char* table;
  bool added = false;

  begin();
  table = table_name();
  if (table != NULL) {
    values[0] = Int64GetDatum((int64)entry);
    values[1] = CStringGetTextDatum(lpbm_from_utf8(line));
    run(psprintf("INSERT INTO %s (entry, line) SELECT $1, $2 FROM (SELECT max(entry) AS last FROM %s) AS t "
                 "WHERE last = $1 - 1 OR (last = 0 AND $1 > 0)",
                 table, table),
        2, types, values);
    added = SPI_processed == 1;
  }
  end();
  return added;
}

char* lpbm_journal_file_text(void) {
  const char* path = lpbm_path("journal");
  FILE* file = AllocateFile(path, PG_BINARY_R);
  struct stat status;
  char* text;
  size_t length;

  if (file == NULL && errno == ENOENT) return NULL;
  if (file == NULL) ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
  if (fstat(fileno(file), &status) != 0 || status.st_size >= TEXT_LIMIT)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("file \"%s\" is too long to be read", path)));
  text = palloc(status.st_size + 1);
  length = fread(text, 1, status.st_size, file);
  if (ferror(file)) ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
  FreeFile(file);
  while (length > 0 && text[length - 1] != '\n') length--; /* a line that is being written */
  text[length] = '\0';
  return text;
}

/* Number of the line as its own text says; one that says none has no place in the table. Returns the next line. */
static char* insert_line(const char* table, char* line, bool header) {
  char* newline = strchr(line, '\n');
  Oid types[] = {INT8OID, TEXTOID};
  LpbmEntryLine entry;
  Datum values[2];

  *newline = '\0';
  if (header || lpbm_entry_parse(line, newline - line, &entry)) {
    values[0] = Int64GetDatum(header ? 0 : (int64)entry.number);
    values[1] = CStringGetTextDatum(lpbm_from_utf8(line));
    run(psprintf("INSERT INTO %s (entry, line) VALUES ($1, $2)", table), 2, types, values);
  }
  return newline + 1;
}

static int count_lines(const char* text) {
  int count = 0;

  for (; *text != '\0'; text++) count += *text == '\n';
  return count;
}

static char* skip_lines(char* text, int count) {
  for (; count > 0; count--) text = strchr(text, '\n') + 1;
  return text;
}

/* The table's text in the same form, palloced outside of SPI. */
static char* table_text(const char* table, MemoryContext context) {
  char* text = NULL;

  if (SPI_execute(psprintf("SELECT string_agg(line || E'\\n', '' ORDER BY entry) FROM %s", table), true, 1) !=
          SPI_OK_SELECT ||
      SPI_processed != 1)
    elog(ERROR, "could not read the journal's table");
  text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
  return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

/* Most often lines were added alone. Both texts end with a newline. */
static void insert_changed(const char* table, const char* before, char* text) {
  const char* now = lpbm_from_utf8(text);
  size_t same = before == NULL ? 0 : strlen(before);

  if (same > 0 && strncmp(before, now, same) == 0) {
    /* Where the encodings differ, so may the lengths. */
    for (char* line = skip_lines(text, count_lines(before)); *line != '\0';) line = insert_line(table, line, false);
    return;
  }
  run(psprintf("DELETE FROM %s", table), 0, NULL, NULL);
  for (char* line = text; *line != '\0';) line = insert_line(table, line, line == text);
}

bool lpbm_journal_table_refresh(void) {
  MemoryContext context = CurrentMemoryContext;
  const char* table;
  char* text = lpbm_journal_file_text();
  char* before;

  if (text == NULL) return false;
  begin();
  table = table_name();
  if (table != NULL) {
    before = table_text(table, context);
    insert_changed(table, before, text);
  }
  end();
  return table != NULL;
}

bool lpbm_journal_file_recover(void) {
  MemoryContext context = CurrentMemoryContext;
  const char* table;
  char* text = NULL;

  if (access(lpbm_path("journal"), F_OK) == 0) return false;
  begin();
  table = table_name();
  if (table != NULL) text = table_text(table, context);
  if (text != NULL) text = MemoryContextStrdup(context, lpbm_to_utf8(text));
  end();
  if (text == NULL) return false;
  lpbm_replace_file("journal", text, strlen(text));
  return true;
}
