/*
 * A command is replayed where its transaction was committed, not where it ran. What makes that the same are, for most
 * commands, the locks that they hold until then.
 */
#ifndef LPBM_DDL_ORDER_H
#define LPBM_DDL_ORDER_H

#include "postgres.h"

#include "nodes/parsenodes.h"

typedef enum LpbmDdlOrder {
  LPBM_ORDER_LOCKED,
  LPBM_ORDER_SPREADS, /* changes, without a lock that others wait for, what the commands of others come to */
  LPBM_ORDER_GATHERS  /* acts on all that it finds, and so not on what others have made and not yet committed */
} LpbmDdlOrder;

extern LpbmDdlOrder lpbm_ddl_order(Node* statement);

#endif /* LPBM_DDL_ORDER_H */
