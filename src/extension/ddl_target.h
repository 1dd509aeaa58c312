/*
 * Which objects a statement is about, as far as it matters whether they are temporary.
 */
#ifndef LPBM_DDL_TARGET_H
#define LPBM_DDL_TARGET_H

#include "postgres.h"

#include "nodes/parsenodes.h"

typedef struct LpbmTargets {
  int temporary, permanent;
  int unknown; /* named in a form that is not known here */
} LpbmTargets;

/* In a transaction, before the statement runs. May raise where its own look-up of the names would. */
extern LpbmTargets lpbm_ddl_targets(Node* statement);
extern void lpbm_count_target(LpbmTargets* targets, bool temporary);
/* Whether this is the name of a schema of temporary objects. */
extern bool lpbm_is_temporary_schema(const char* name);
/* The session's namespace of temporary objects, or invalid where it has none yet. */
extern Oid lpbm_temporary_namespace(void);

/* A temporary relation of this session, or invalid. */
extern Oid lpbm_temporary_relation(const char* name);
/* The relation that a RangeVar or a list of names names, or NULL where the node is neither. */
extern RangeVar* lpbm_relation_name(Node* node);

#endif /* LPBM_DDL_TARGET_H */
