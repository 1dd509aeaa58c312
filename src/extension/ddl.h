/*
 * Capture of DDL: leaves the text of commands that change the catalogs of the backed-up database in the WAL, as
 * authenticated transactional messages around what the command does (src/extension/ddl_message.h says which).
 */
#ifndef LPBM_DDL_H
#define LPBM_DDL_H

#include "postgres.h"

/*
 * Installs the hooks; to be called once, from _PG_init in shared_preload_libraries, after lpbm_key_load. In sessions of
 * databases that lpbm.database does not name nothing is written. Nothing is written either where there is no key or
 * wal_level is below logical.
 */
extern void lpbm_ddl_install(void);

/*
 * Call it once at the start of a process of our own that writes to the backed-up database: its transactions are then
 * marked (by replication origin) as the library's own, and leave no records. They must not change what a backup holds.
 */
extern void lpbm_ddl_exempt_process(void);

#endif /* LPBM_DDL_H */
