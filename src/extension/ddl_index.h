/*
 * Indexes that are not valid. A failed CREATE INDEX CONCURRENTLY leaves one; neither pg_dump nor the stream holds it,
 * until a command that rebuilds the table's indexes makes it valid.
 */
#ifndef LPBM_DDL_INDEX_H
#define LPBM_DDL_INDEX_H

#include "postgres.h"

#include "ddl_target.h"
#include "nodes/parsenodes.h"

/* Whether `relid` (an index, a table, or InvalidOid: anything) is or has such an index. In a transaction. */
extern bool lpbm_has_invalid_index(Oid relid);
/*
 * The same for the relation of that name, if there is one, and all that inherit from it; NULL: anything. May raise
 * where the name may not be looked up.
 */
extern bool lpbm_has_invalid_index_below(RangeVar* name);
/* Whether a table that it empties has one. May raise as above. */
extern bool lpbm_truncates_invalid_index(TruncateStmt* statement);
/* Whether it is the name of such an index; NULL is none. May raise as above. */
extern bool lpbm_is_invalid_index(RangeVar* name);
/* Of a DROP INDEX; counts as temporary what is not valid: both are not there for a backup. */
extern LpbmTargets lpbm_count_invalid_indexes(DropStmt* statement);

#endif /* LPBM_DDL_INDEX_H */
