/*
 * Which objects a statement is about, as far as it matters whether they are temporary.
 */
#ifndef LPBM_DDL_TARGET_H
#define LPBM_DDL_TARGET_H

#include "postgres.h"

#include "nodes/nodes.h"

typedef struct LpbmTargets {
  int temporary, permanent;
} LpbmTargets;

/* In a transaction, before the statement runs. May raise where its own look-up of the names would. */
extern LpbmTargets lpbm_ddl_targets(Node* statement);
extern void lpbm_count_target(LpbmTargets* targets, bool temporary);
/* The session's namespace of temporary objects, or invalid where it has none yet. */
extern Oid lpbm_temporary_namespace(void);

#endif /* LPBM_DDL_TARGET_H */
