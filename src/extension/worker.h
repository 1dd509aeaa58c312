/*
 * The worker: the one process that decodes, writes records, and starts the engine. Started by the launcher for a
 * database that exists (its OID is the argument).
 */
#ifndef LPBM_WORKER_H
#define LPBM_WORKER_H

#include "postgres.h"

extern PGDLLEXPORT void lpbm_worker_main(Datum argument);

#endif /* LPBM_WORKER_H */
