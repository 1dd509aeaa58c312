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
  RangeVar* created;         /* relation that is created, to see later whether it became temporary; or NULL */
  List* created_names;       /* the same for functions and types, or NIL */
  bool is_view;              /* `created` is a view, temporary if what it reads is */
} LpbmDdlPlan;

/* False for the frequent statements that never matter (transaction control, SET, ...); needs no transaction. */
extern bool lpbm_ddl_may_matter(Node* statement);
/*
 * In a transaction, before the statement runs. May raise an error where the statement itself would (names that may not
 * be looked up).
 */
extern LpbmDdlPlan lpbm_ddl_classify(Node* statement);
/* After the statement ran: whether what it created is temporary. */
extern bool lpbm_ddl_became_temporary(const LpbmDdlPlan* plan);
/* The CreateTableAsStmt in a statement (EXPLAIN included), or NULL. */
extern CreateTableAsStmt* lpbm_ddl_table_as(Node* statement);

#endif /* LPBM_DDL_CLASS_H */
