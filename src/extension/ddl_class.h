/*
 * What a utility statement means for a backup, judged before it runs.
 */
#ifndef LPBM_DDL_CLASS_H
#define LPBM_DDL_CLASS_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

typedef enum LpbmDdlClass {
  LPBM_DDL_IGNORE,      /* changes no catalog of this database, or none that a backup holds */
  LPBM_DDL_TRANSPARENT, /* only its subcommands count */
  LPBM_DDL_REPLAY,
  LPBM_DDL_TABLE_AS,  /* replayed as a CREATE TABLE with the resulting columns */
  LPBM_DDL_EXTENSION, /* replayed, without what its script does */
  LPBM_DDL_NEUTRAL,   /* changes catalogs, but nothing that a backup holds, or what arrives otherwise */
  LPBM_DDL_AFTER,     /* commits on its own; replayed outside of a transaction block, told after its success */
  LPBM_DDL_MARK,      /* commits on its own, and is neutral */
  LPBM_DDL_HOLE
} LpbmDdlClass;

typedef struct LpbmDdlPlan {
  LpbmDdlClass class;
  const char *code, *detail; /* of a hole; with LPBM_DDL_MARK: of the hole that its success makes, or NULL */
  const char* extension;     /* or "" */
  bool follows_path;         /* what is created goes into the schema that the search path says */
  const char* view;          /* name of a view that does, and is temporary if what it reads is; or NULL */
  Oid view_before;           /* temporary relation of that name before */
} LpbmDdlPlan;

#define LPBM_DDL_NO_PLAN \
  { LPBM_DDL_IGNORE, NULL, NULL, "", false, NULL, InvalidOid }

typedef enum LpbmViewKind {
  LPBM_VIEW_PERMANENT, /* or no view */
  LPBM_VIEW_TEMPORARY,
  LPBM_VIEW_EITHER /* a temporary one of that name was there before: which one was replaced is not known */
} LpbmViewKind;

/* False for the frequent statements that never matter (transaction control, SET, ...); needs no transaction. */
extern bool lpbm_ddl_may_matter(Node* statement);
/*
 * In a transaction, before the statement runs. May raise an error where the statement itself would (names that may not
 * be looked up).
 */
extern LpbmDdlPlan lpbm_ddl_classify(Node* statement);
/*
 * Whether what is created will be temporary by the search path. Right before the statement runs, within its brackets:
 * may make the session's temporary schema, or raise, where the statement itself would.
 */
extern bool lpbm_ddl_creates_temporary(const LpbmDdlPlan* plan);
/* After the statement ran: what the view has become. Never raises. */
extern LpbmViewKind lpbm_ddl_view_kind(const LpbmDdlPlan* plan);
/* The CreateTableAsStmt in a statement (EXPLAIN included), or NULL. */
extern CreateTableAsStmt* lpbm_ddl_table_as(Node* statement);

#endif /* LPBM_DDL_CLASS_H */
