/*
 * Lets go of the backed-up database while somebody drops, renames, moves or copies it: none of that works while a
 * session is connected or a replication slot is in use.
 */
#ifndef LPBM_DATABASE_RELEASE_H
#define LPBM_DATABASE_RELEASE_H

#include "postgres.h"

/* Installs the hook; from _PG_init in shared_preload_libraries. */
extern void lpbm_database_release_install(void);

#endif /* LPBM_DATABASE_RELEASE_H */
