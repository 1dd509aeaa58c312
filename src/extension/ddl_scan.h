/*
 * What DDL text may not hold, because replay would evaluate it anew.
 */
#ifndef LPBM_DDL_SCAN_H
#define LPBM_DDL_SCAN_H

#include "postgres.h"

#include "nodes/nodes.h"

/* A literal like 'now', in the text of a statement, under the session's standard_conforming_strings. */
extern bool lpbm_has_time_literal(const char* text);
/* A partition bound that is more than literals, in a raw statement. */
extern bool lpbm_has_evaluated_bound(Node* statement);

#endif /* LPBM_DDL_SCAN_H */
