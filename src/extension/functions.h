/* SQL functions of the extension (sql/lpbm--1.0.sql): functions.c asks the worker, functions_show.c shows. */
#ifndef LPBM_FUNCTIONS_H
#define LPBM_FUNCTIONS_H

#include "postgres.h"

#include "shared.h"

/* Raises where the library is not in shared_preload_libraries. */
extern void lpbm_demand_library(void);

/*
 * Whose worker does a job for this session: deltas and fulls that of its own database, where it is backed up, and all
 * else the first. Under the lock.
 */
extern LpbmDatabase* lpbm_asked_database(LpbmJobKind kind);

/*
 * Hands a request to the worker and, unless it is unattended, waits for the answer, which is copied back. Raises the
 * worker's error. An interrupted session leaves the job to finish.
 */
extern void lpbm_ask_worker(LpbmRequest* request);

#endif /* LPBM_FUNCTIONS_H */
