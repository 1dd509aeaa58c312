/*
 * The journal as a table: lpbm_journal_line(entry, line) of the extension, where that is created in the backed-up
 * database; entry 0 is the header. A mirror of the file `journal`, and the other way round where that is lost. For the
 * worker; every function runs transactions of its own and may raise.
 */
#ifndef LPBM_JOURNAL_TABLE_H
#define LPBM_JOURNAL_TABLE_H

#include "postgres.h"

/* Whether the extension with its table is there. */
extern bool lpbm_journal_table_exists(void);
/* Adds a line. False where there is no table, or it is not the one that this line follows: make it anew. */
extern bool lpbm_journal_table_append(uint64 entry, const char* line);
/* Makes the table say what the file says. False where there is no table. */
extern bool lpbm_journal_table_refresh(void);
/* Writes the file from the table where the file is missing and the table is not empty; the engine verifies it. */
extern bool lpbm_journal_file_recover(void);
/* The file's text up to its last newline, palloced; NULL where there is none. */
extern char* lpbm_journal_file_text(void);

#endif /* LPBM_JOURNAL_TABLE_H */
