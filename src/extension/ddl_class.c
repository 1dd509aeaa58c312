#include "ddl_class.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "ddl_index.h"
#include "ddl_target.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* --- what is created --------------------------------------------------------------------------------------------- */

static void note_relation(LpbmDdlPlan* plan, const RangeVar* name) {
  plan->follows_path = name->schemaname == NULL && name->relpersistence != RELPERSISTENCE_TEMP;
}

static void note_view(LpbmDdlPlan* plan, const RangeVar* name) {
  note_relation(plan, name);
  if (!plan->follows_path) return;
  plan->view = pstrdup(name->relname); /* running the statement may change its tree */
  plan->view_before = lpbm_temporary_relation(plan->view);
}

static void note_names(LpbmDdlPlan* plan, List* names) {
  plan->follows_path = list_length(names) == 1;
}

static void note_created(LpbmDdlPlan* plan, Node* node) {
  switch (nodeTag(node)) {
    case T_CreateStmt:
      note_relation(plan, ((CreateStmt*)node)->relation);
      break;
    case T_ViewStmt:
      note_view(plan, ((ViewStmt*)node)->view);
      break;
    case T_CreateSeqStmt:
      note_relation(plan, ((CreateSeqStmt*)node)->sequence);
      break;
    case T_CompositeTypeStmt:
      note_relation(plan, ((CompositeTypeStmt*)node)->typevar);
      break;
    case T_CreateTableAsStmt:
    case T_ExplainStmt:
      note_relation(plan, lpbm_ddl_table_as(node)->into->rel);
      break;
    case T_CreateFunctionStmt:
      note_names(plan, ((CreateFunctionStmt*)node)->funcname);
      break;
    case T_DefineStmt:
      note_names(plan, ((DefineStmt*)node)->defnames);
      break;
    case T_CreateEnumStmt:
      note_names(plan, ((CreateEnumStmt*)node)->typeName);
      break;
    case T_CreateRangeStmt:
      note_names(plan, ((CreateRangeStmt*)node)->typeName);
      break;
    case T_CreateDomainStmt:
      note_names(plan, ((CreateDomainStmt*)node)->domainname);
      break;
    case T_CreateOpClassStmt:
      note_names(plan, ((CreateOpClassStmt*)node)->opclassname);
      break;
    case T_CreateOpFamilyStmt:
      note_names(plan, ((CreateOpFamilyStmt*)node)->opfamilyname);
      break;
    case T_CreateConversionStmt:
      note_names(plan, ((CreateConversionStmt*)node)->conversion_name);
      break;
    default:
      break;
  }
}

bool lpbm_ddl_creates_temporary(const LpbmDdlPlan* plan) {
  List* path = plan->follows_path ? fetch_search_path(false) : NIL;

  return path != NIL && isTempNamespace(linitial_oid(path));
}

LpbmViewKind lpbm_ddl_view_kind(const LpbmDdlPlan* plan) {
  Oid now = plan->view != NULL ? lpbm_temporary_relation(plan->view) : InvalidOid;

  if (!OidIsValid(now)) return LPBM_VIEW_PERMANENT;
  return now != plan->view_before ? LPBM_VIEW_TEMPORARY : LPBM_VIEW_EITHER;
}

/* --- statements -------------------------------------------------------------------------------------------------- */

static LpbmDdlPlan plan_of(LpbmDdlClass class) {
  LpbmDdlPlan plan = LPBM_DDL_NO_PLAN;

  plan.class = class;
  return plan;
}

static LpbmDdlPlan hole(const char* code, const char* detail) {
  LpbmDdlPlan plan = plan_of(LPBM_DDL_HOLE);

  plan.code = code;
  plan.detail = detail;
  return plan;
}

CreateTableAsStmt* lpbm_ddl_table_as(Node* statement) {
  Node* inner = statement;

  if (IsA(statement, ExplainStmt)) {
    Query* query = (Query*)((ExplainStmt*)statement)->query;

    if (!IsA(query, Query) || query->commandType != CMD_UTILITY) return NULL;
    inner = query->utilityStmt;
  }
  return inner != NULL && IsA(inner, CreateTableAsStmt) ? (CreateTableAsStmt*)inner : NULL;
}

static bool option_given(List* options, const char* name) {
  ListCell* cell;
  bool given = false;

  foreach (cell, options) {
    DefElem* option = lfirst_node(DefElem, cell);

    if (strcmp(option->defname, name) == 0) given = defGetBoolean(option);
  }
  return given;
}

static LpbmDdlPlan classify_table_as(Node* statement) {
  CreateTableAsStmt* as = lpbm_ddl_table_as(statement);

  if (as == NULL) return plan_of(LPBM_DDL_IGNORE);
  if (IsA(statement, ExplainStmt)) {
    if (!option_given(((ExplainStmt*)statement)->options, "analyze")) return plan_of(LPBM_DDL_IGNORE);
    if (as->objtype == OBJECT_MATVIEW) return hole("explain", "EXPLAIN ANALYZE created a materialized view");
  }
  return plan_of(as->objtype == OBJECT_MATVIEW ? LPBM_DDL_REPLAY : LPBM_DDL_TABLE_AS);
}

static bool commits_itself(Oid relid) {
  char kind = get_rel_relkind(relid);

  return kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_PARTITIONED_INDEX;
}

/* What rebuilds the indexes of a table makes those valid that were not. */
static LpbmDdlPlan or_index_made_valid(LpbmDdlPlan plan, bool invalid) {
  if (!invalid) return plan;
  plan.code = "invalid_index";
  plan.detail = "a command may have made an index valid that the backup does not hold";
  if (plan.class != LPBM_DDL_MARK) plan.class = LPBM_DDL_HOLE;
  return plan;
}

static LpbmDdlPlan classify_truncate(TruncateStmt* statement) {
  bool invalid = lpbm_truncates_invalid_index(statement);

  return or_index_made_valid(plan_of(LPBM_DDL_NEUTRAL), invalid); /* decoding delivers it */
}

static LpbmDdlPlan classify_vacuum(VacuumStmt* statement) {
  bool invalid = false;
  ListCell* cell;

  if (!statement->is_vacuumcmd) return plan_of(LPBM_DDL_IGNORE);
  if (option_given(statement->options, "full")) {
    invalid = statement->rels == NIL && lpbm_has_invalid_index(InvalidOid);
    foreach (cell, statement->rels)
      invalid = invalid || lpbm_has_invalid_index_below(lfirst_node(VacuumRelation, cell)->relation);
  }
  return or_index_made_valid(plan_of(LPBM_DDL_MARK), invalid);
}

static LpbmDdlPlan classify_reindex(ReindexStmt* statement) {
  Oid relid = InvalidOid;
  LpbmDdlPlan plan = plan_of(LPBM_DDL_NEUTRAL);

  if (statement->relation != NULL)
    relid = RangeVarGetRelidExtended(statement->relation, NoLock, RVR_MISSING_OK, NULL, NULL);
  if (statement->relation == NULL || option_given(statement->params, "concurrently") || commits_itself(relid))
    plan.class = LPBM_DDL_MARK;
  return or_index_made_valid(plan, statement->relation == NULL ? lpbm_has_invalid_index(InvalidOid)
                                                               : lpbm_has_invalid_index_below(statement->relation));
}

static LpbmDdlPlan classify_cluster(ClusterStmt* statement) {
  bool invalid = lpbm_has_invalid_index_below(statement->relation);
  Oid relid;

  if (statement->relation == NULL) return or_index_made_valid(plan_of(LPBM_DDL_MARK), invalid);
  relid = RangeVarGetRelidExtended(statement->relation, NoLock, RVR_MISSING_OK, NULL, NULL);
  if (commits_itself(relid)) return or_index_made_valid(plan_of(LPBM_DDL_MARK), invalid);
  /* USING leaves a mark at the index, which pg_dump writes. */
  return or_index_made_valid(plan_of(statement->indexname != NULL ? LPBM_DDL_REPLAY : LPBM_DDL_NEUTRAL), invalid);
}

static const char* object_name(Node* object) {
  return object != NULL && IsA(object, String) ? strVal(object) : "";
}

static bool names_lpbm(List* extensions) {
  ListCell* cell;

  foreach (cell, extensions)
    if (strcmp(object_name(lfirst(cell)), "lpbm") == 0) return true;
  return false;
}

static LpbmDdlPlan classify_drop(DropStmt* statement) {
  LpbmDdlPlan plan = plan_of(statement->concurrent ? LPBM_DDL_AFTER : LPBM_DDL_REPLAY);

  if (statement->removeType == OBJECT_EXTENSION) {
    /* Replay passes over lpbm where it is not installed, but cannot take it out of a list. */
    if (list_length(statement->objects) > 1 && names_lpbm(statement->objects))
      return hole("extension", "lpbm was dropped together with other extensions");
    plan.extension = object_name(linitial(statement->objects));
  }
  if (statement->removeType == OBJECT_INDEX) {
    LpbmTargets invalid = lpbm_count_invalid_indexes(statement);

    if (invalid.temporary > 0 && invalid.permanent > 0)
      return hole("invalid_index", "DROP INDEX of valid indexes and others");
    if (invalid.temporary > 0) plan.class = statement->concurrent ? LPBM_DDL_MARK : LPBM_DDL_NEUTRAL;
  }
  return plan;
}

static LpbmDdlPlan classify_alter_table(AlterTableStmt* statement) {
  ListCell* cell;

  foreach (cell, statement->cmds) {
    AlterTableCmd* command = lfirst_node(AlterTableCmd, cell);

    if (command->subtype == AT_DetachPartition) {
      if (command->def == NULL || !IsA(command->def, PartitionCmd))
        return hole("detach_partition", "a partition was detached in a form that is not known");
      if (((PartitionCmd*)command->def)->concurrent) return plan_of(LPBM_DDL_AFTER);
    }
    if (command->subtype == AT_DetachPartitionFinalize)
      return hole("detach_partition", "a partition was detached in two steps");
  }
  /* It may rewrite the table, and a change of a type those that are of this type. */
  return or_index_made_valid(plan_of(LPBM_DDL_REPLAY), statement->objtype == OBJECT_TYPE
                                                           ? lpbm_has_invalid_index(InvalidOid)
                                                           : lpbm_has_invalid_index_below(statement->relation));
}

/* Objects that are not this database's own: globals, or properties of the database that come with each full. */
static bool is_global(ObjectType type) {
  return type == OBJECT_DATABASE || type == OBJECT_ROLE || type == OBJECT_TABLESPACE || type == OBJECT_PARAMETER_ACL;
}

static LpbmDdlPlan classify_object(ObjectType type, const char* extension) {
  LpbmDdlPlan plan = plan_of(LPBM_DDL_REPLAY);

  if (is_global(type)) return plan_of(LPBM_DDL_IGNORE);
  if (type == OBJECT_LARGEOBJECT) return hole("large_object", "a property of a large object was changed");
  if (type == OBJECT_SUBSCRIPTION) return hole("subscription", "a subscription was changed");
  if (type == OBJECT_EXTENSION) plan.extension = extension;
  return plan;
}

static LpbmDdlPlan classify_extension(const char* name, LpbmDdlClass class) {
  LpbmDdlPlan plan = plan_of(class);

  plan.extension = name;
  return plan;
}

static LpbmDdlPlan classify_statement(Node* node) {
  switch (nodeTag(node)) {
    case T_TruncateStmt:
      return classify_truncate((TruncateStmt*)node);
    case T_VacuumStmt:
      return classify_vacuum((VacuumStmt*)node);
    case T_ReindexStmt:
      return classify_reindex((ReindexStmt*)node);
    case T_ClusterStmt:
      return classify_cluster((ClusterStmt*)node);
    case T_DiscardStmt:
      return plan_of(OidIsValid(lpbm_temporary_namespace()) && (((DiscardStmt*)node)->target == DISCARD_ALL ||
                                                                ((DiscardStmt*)node)->target == DISCARD_TEMP)
                         ? LPBM_DDL_NEUTRAL
                         : LPBM_DDL_IGNORE);
    case T_ExplainStmt:
    case T_CreateTableAsStmt:
      return classify_table_as(node);
    case T_RefreshMatViewStmt:
      return or_index_made_valid(plan_of(LPBM_DDL_REPLAY),
                                 lpbm_has_invalid_index_below(((RefreshMatViewStmt*)node)->relation));
    case T_AlterSystemStmt:
    case T_CreatedbStmt:
    case T_DropdbStmt:
    case T_AlterDatabaseStmt:
    case T_AlterDatabaseRefreshCollStmt:
    case T_AlterDatabaseSetStmt:
    case T_CreateTableSpaceStmt:
    case T_DropTableSpaceStmt:
    case T_AlterTableSpaceOptionsStmt:
    case T_CreateRoleStmt:
    case T_AlterRoleStmt:
    case T_AlterRoleSetStmt:
    case T_DropRoleStmt:
    case T_GrantRoleStmt:
      return plan_of(LPBM_DDL_IGNORE);
    case T_CreateSubscriptionStmt:
    case T_AlterSubscriptionStmt:
    case T_DropSubscriptionStmt:
      return hole("subscription", "a subscription was changed");
    case T_CreateUserMappingStmt:
    case T_AlterUserMappingStmt:
      return hole("user_mapping", "a user mapping was changed");
    case T_ImportForeignSchemaStmt:
      return plan_of(LPBM_DDL_TRANSPARENT);
    case T_CreateExtensionStmt:
      return classify_extension(((CreateExtensionStmt*)node)->extname, LPBM_DDL_EXTENSION);
    case T_AlterExtensionStmt:
      return classify_extension(((AlterExtensionStmt*)node)->extname, LPBM_DDL_EXTENSION);
    case T_AlterExtensionContentsStmt:
      return classify_extension(((AlterExtensionContentsStmt*)node)->extname, LPBM_DDL_REPLAY);
    case T_IndexStmt:
      return plan_of(((IndexStmt*)node)->concurrent ? LPBM_DDL_AFTER : LPBM_DDL_REPLAY);
    case T_DropStmt:
      return classify_drop((DropStmt*)node);
    case T_AlterTableStmt:
      return classify_alter_table((AlterTableStmt*)node);
    case T_CommentStmt:
      if (((CommentStmt*)node)->objtype == OBJECT_INDEX &&
          lpbm_is_invalid_index(lpbm_relation_name(((CommentStmt*)node)->object)))
        return hole("invalid_index", "an index that the backup does not hold got a comment");
      return classify_object(((CommentStmt*)node)->objtype, object_name(((CommentStmt*)node)->object));
    case T_SecLabelStmt:
      return classify_object(((SecLabelStmt*)node)->objtype, object_name(((SecLabelStmt*)node)->object));
    case T_GrantStmt:
      return classify_object(((GrantStmt*)node)->objtype, "");
    case T_RenameStmt:
      if (((RenameStmt*)node)->renameType == OBJECT_INDEX && lpbm_is_invalid_index(((RenameStmt*)node)->relation))
        return hole("invalid_index", "an index that the backup does not hold was renamed");
      return classify_object(((RenameStmt*)node)->renameType, "");
    case T_AlterOwnerStmt:
      return classify_object(((AlterOwnerStmt*)node)->objectType, "");
    case T_AlterObjectSchemaStmt:
      return classify_object(((AlterObjectSchemaStmt*)node)->objectType,
                             object_name(((AlterObjectSchemaStmt*)node)->object));
    default:
      return plan_of(GetCommandLogLevel(node) == LOGSTMT_DDL ? LPBM_DDL_REPLAY : LPBM_DDL_IGNORE);
  }
}

bool lpbm_ddl_may_matter(Node* statement) {
  switch (nodeTag(statement)) {
    case T_TransactionStmt:
    case T_VariableSetStmt:
    case T_VariableShowStmt:
    case T_PrepareStmt:
    case T_ExecuteStmt:
    case T_DeallocateStmt:
    case T_DeclareCursorStmt:
    case T_FetchStmt:
    case T_ClosePortalStmt:
    case T_CopyStmt:
    case T_LockStmt:
    case T_ListenStmt:
    case T_UnlistenStmt:
    case T_NotifyStmt:
    case T_ConstraintsSetStmt:
    case T_DoStmt:
    case T_CallStmt:
    case T_CheckPointStmt:
    case T_LoadStmt:
      return false;
    default:
      return true;
  }
}

LpbmDdlPlan lpbm_ddl_classify(Node* statement) {
  LpbmDdlPlan plan = classify_statement(statement);
  LpbmTargets targets;

  if (plan.class != LPBM_DDL_REPLAY && plan.class != LPBM_DDL_TABLE_AS && plan.class != LPBM_DDL_AFTER) return plan;
  targets = lpbm_ddl_targets(statement);
  if (targets.unknown > 0) return hole("unknown_form", "a command names its object in a form that is not known");
  if (targets.temporary > 0 && targets.permanent > 0)
    return hole("temporary", "one command changed temporary and permanent objects");
  if (targets.temporary > 0) {
    bool concurrent = IsA(statement, DropStmt) && ((DropStmt*)statement)->concurrent;

    return plan_of(concurrent ? LPBM_DDL_MARK : LPBM_DDL_NEUTRAL);
  }
  note_created(&plan, statement);
  return plan;
}
