/*
 * Which objects a statement is about, as far as it matters whether they are temporary.
 */
#include "ddl_target.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "ddl_class.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

Oid lpbm_temporary_namespace(void) {
  Oid namespace, toast;

  GetTempNamespaceState(&namespace, &toast);
  return namespace;
}

static bool is_temporary_schema(const char* name) {
  return name != NULL && (strcmp(name, "pg_temp") == 0 || strncmp(name, "pg_temp_", 8) == 0 ||
                          strncmp(name, "pg_toast_temp_", 14) == 0);
}

void lpbm_count_target(LpbmTargets* targets, bool temporary) {
  if (temporary)
    targets->temporary++;
  else
    targets->permanent++;
}

/* An existing relation. Where the session has no temporary objects, only a name can lead to others'. */
static void count_relation(LpbmTargets* targets, const RangeVar* name) {
  Oid relid;

  if (is_temporary_schema(name->schemaname)) {
    targets->temporary++;
    return;
  }
  if (!OidIsValid(lpbm_temporary_namespace()) || name->schemaname != NULL) {
    targets->permanent++;
    return;
  }
  relid = RangeVarGetRelidExtended(name, NoLock, RVR_MISSING_OK, NULL, NULL);
  if (OidIsValid(relid)) lpbm_count_target(targets, get_rel_persistence(relid) == RELPERSISTENCE_TEMP);
}

/* A relation that is to be made. */
static void count_created(LpbmTargets* targets, const RangeVar* name) {
  lpbm_count_target(targets, name->relpersistence == RELPERSISTENCE_TEMP || is_temporary_schema(name->schemaname));
}

static void count_relation_names(LpbmTargets* targets, List* names, int without) {
  names = list_truncate(list_copy(names), list_length(names) - without);
  if (names != NIL && list_length(names) <= 3) count_relation(targets, makeRangeVarFromNameList(names));
}

static void count_qualified(LpbmTargets* targets, List* names) {
  lpbm_count_target(targets,
                    list_length(names) > 1 && is_temporary_schema(strVal(list_nth(names, list_length(names) - 2))));
}

static void count_type(LpbmTargets* targets, TypeName* name) {
  Oid type;
  HeapTuple tuple;

  if (name->names == NIL || !OidIsValid(lpbm_temporary_namespace())) {
    count_qualified(targets, name->names);
    return;
  }
  type = LookupTypeNameOid(NULL, name, true);
  tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
  if (!HeapTupleIsValid(tuple)) return;
  lpbm_count_target(targets, isAnyTempNamespace(((Form_pg_type)GETSTRUCT(tuple))->typnamespace));
  ReleaseSysCache(tuple);
}

/* DROP, COMMENT and SECURITY LABEL name types by a TypeName, RENAME, OWNER TO and SET SCHEMA by a list of names. */
static TypeName* as_type_name(Node* node) {
  return IsA(node, List) ? makeTypeNameFromNameList((List*)node) : castNode(TypeName, node);
}

/* An object of COMMENT, SECURITY LABEL, DROP and the like. */
static void count_object(LpbmTargets* targets, ObjectType type, Node* object) {
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_INDEX:
    case OBJECT_SEQUENCE:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE:
      count_relation_names(targets, castNode(List, object), 0);
      break;
    case OBJECT_COLUMN:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
      count_relation_names(targets, castNode(List, object), 1);
      break;
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      count_type(targets, as_type_name(object));
      break;
    case OBJECT_DOMCONSTRAINT:
      /* COMMENT: (TypeName, constraint); RENAME CONSTRAINT: the domain's names. */
      count_type(targets, as_type_name(IsA(linitial((List*)object), TypeName) ? linitial((List*)object) : object));
      break;
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_AGGREGATE:
    case OBJECT_OPERATOR:
      count_qualified(targets, castNode(ObjectWithArgs, object)->objname);
      break;
    case OBJECT_SCHEMA:
      lpbm_count_target(targets, IsA(object, String) && is_temporary_schema(strVal(object)));
      break;
    case OBJECT_COLLATION:
    case OBJECT_CONVERSION:
    case OBJECT_STATISTIC_EXT:
    case OBJECT_TSCONFIGURATION:
    case OBJECT_TSDICTIONARY:
    case OBJECT_TSPARSER:
    case OBJECT_TSTEMPLATE:
      count_qualified(targets, castNode(List, object));
      break;
    default:
      targets->permanent++;
  }
}

static void count_range_vars(LpbmTargets* targets, List* names) {
  ListCell* cell;

  foreach (cell, names)
    if (IsA(lfirst(cell), RangeVar)) count_relation(targets, lfirst(cell));
}

static void count_objects(LpbmTargets* targets, ObjectType type, List* objects) {
  ListCell* cell;

  foreach (cell, objects) count_object(targets, type, lfirst(cell));
}

static void count_relation_or_object(LpbmTargets* targets, const RangeVar* relation, ObjectType type, Node* object) {
  if (relation != NULL)
    count_relation(targets, relation);
  else if (object != NULL)
    count_object(targets, type, object);
  else
    targets->permanent++;
}

LpbmTargets lpbm_ddl_targets(Node* node) {
  LpbmTargets targets = {0, 0};

  switch (nodeTag(node)) {
    case T_CreateStmt:
      count_created(&targets, ((CreateStmt*)node)->relation);
      break;
    case T_CreateForeignTableStmt:
      count_created(&targets, ((CreateForeignTableStmt*)node)->base.relation);
      break;
    case T_ViewStmt:
      count_created(&targets, ((ViewStmt*)node)->view);
      break;
    case T_CreateSeqStmt:
      count_created(&targets, ((CreateSeqStmt*)node)->sequence);
      break;
    case T_CompositeTypeStmt:
      count_created(&targets, ((CompositeTypeStmt*)node)->typevar);
      break;
    case T_CreateTableAsStmt:
    case T_ExplainStmt:
      count_created(&targets, lpbm_ddl_table_as(node)->into->rel);
      break;
    case T_CreateFunctionStmt:
      count_qualified(&targets, ((CreateFunctionStmt*)node)->funcname);
      break;
    case T_DefineStmt:
      count_qualified(&targets, ((DefineStmt*)node)->defnames);
      break;
    case T_CreateEnumStmt:
      count_qualified(&targets, ((CreateEnumStmt*)node)->typeName);
      break;
    case T_CreateRangeStmt:
      count_qualified(&targets, ((CreateRangeStmt*)node)->typeName);
      break;
    case T_CreateDomainStmt:
      count_qualified(&targets, ((CreateDomainStmt*)node)->domainname);
      break;
    case T_AlterDomainStmt:
      count_type(&targets, makeTypeNameFromNameList(((AlterDomainStmt*)node)->typeName));
      break;
    case T_AlterEnumStmt:
      count_type(&targets, makeTypeNameFromNameList(((AlterEnumStmt*)node)->typeName));
      break;
    case T_AlterFunctionStmt:
      count_qualified(&targets, ((AlterFunctionStmt*)node)->func->objname);
      break;
    case T_IndexStmt:
      count_relation(&targets, ((IndexStmt*)node)->relation);
      break;
    case T_AlterTableStmt:
      count_relation(&targets, ((AlterTableStmt*)node)->relation);
      break;
    case T_AlterSeqStmt:
      count_relation(&targets, ((AlterSeqStmt*)node)->sequence);
      break;
    case T_CreateTrigStmt:
      count_relation(&targets, ((CreateTrigStmt*)node)->relation);
      break;
    case T_RuleStmt:
      count_relation(&targets, ((RuleStmt*)node)->relation);
      break;
    case T_CreatePolicyStmt:
      count_relation(&targets, ((CreatePolicyStmt*)node)->table);
      break;
    case T_AlterPolicyStmt:
      count_relation(&targets, ((AlterPolicyStmt*)node)->table);
      break;
    case T_ClusterStmt:
      count_relation(&targets, ((ClusterStmt*)node)->relation);
      break;
    case T_CreateStatsStmt:
      count_range_vars(&targets, ((CreateStatsStmt*)node)->relations);
      break;
    case T_RenameStmt:
      count_relation_or_object(&targets, ((RenameStmt*)node)->relation, ((RenameStmt*)node)->renameType,
                               ((RenameStmt*)node)->object);
      break;
    case T_AlterObjectSchemaStmt:
      count_relation_or_object(&targets, ((AlterObjectSchemaStmt*)node)->relation,
                               ((AlterObjectSchemaStmt*)node)->objectType, ((AlterObjectSchemaStmt*)node)->object);
      break;
    case T_AlterOwnerStmt:
      count_relation_or_object(&targets, ((AlterOwnerStmt*)node)->relation, ((AlterOwnerStmt*)node)->objectType,
                               ((AlterOwnerStmt*)node)->object);
      break;
    case T_CommentStmt:
      count_object(&targets, ((CommentStmt*)node)->objtype, ((CommentStmt*)node)->object);
      break;
    case T_SecLabelStmt:
      count_object(&targets, ((SecLabelStmt*)node)->objtype, ((SecLabelStmt*)node)->object);
      break;
    case T_DropStmt:
      count_objects(&targets, ((DropStmt*)node)->removeType, ((DropStmt*)node)->objects);
      break;
    case T_GrantStmt:
      if (((GrantStmt*)node)->targtype == ACL_TARGET_OBJECT &&
          (((GrantStmt*)node)->objtype == OBJECT_TABLE || ((GrantStmt*)node)->objtype == OBJECT_SEQUENCE))
        count_range_vars(&targets, ((GrantStmt*)node)->objects);
      else
        targets.permanent++;
      break;
    default:
      targets.permanent++;
  }
  return targets;
}
