/*
 * The launcher: a small process without a database that starts the worker while the database lpbm.database exists and
 * nobody wants it let go. A worker that connected by itself would die and be restarted for as long as there is none.
 */
#ifndef LPBM_LAUNCHER_H
#define LPBM_LAUNCHER_H

#include "postgres.h"

/* Registers it; from _PG_init in shared_preload_libraries. */
extern void lpbm_launcher_register(void);

extern PGDLLEXPORT void lpbm_launcher_main(Datum argument);

#endif /* LPBM_LAUNCHER_H */
