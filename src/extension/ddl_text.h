/*
 * The text of DDL as it is replayed: Q lines (docs/formats.md, Records), without their end.
 */
#ifndef LPBM_DDL_TEXT_H
#define LPBM_DDL_TEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

/*
 * The Q line of a statement, from the slice of the query's text that it was parsed from. NULL where that cannot be
 * replayed; then *code and *detail of a hole are set. Never raises for what the text holds.
 */
extern char* lpbm_ddl_line(char kind, const PlannedStmt* statement, const char* query, const char* extension,
                           const char** code, const char** detail);
/* The Q line of the CREATE TABLE that does what a CREATE TABLE AS (SELECT INTO, EXECUTE) does without its rows. */
extern char* lpbm_ddl_table_as_line(CreateTableAsStmt* statement, const char** code, const char** detail);

/*
 * Columns that an ALTER TABLE adds with defaults that replay would evaluate anew: lines `relid column` for the E
 * message (ddl_message.h), after the statement ran. `relid` from lpbm_ddl_altered_table, before it ran.
 */
extern Oid lpbm_ddl_altered_table(Node* statement, List** columns);
extern char* lpbm_ddl_added_columns(Oid relid, List* columns);

#endif /* LPBM_DDL_TEXT_H */
