/*
 * Which objects a statement is about, as far as it matters whether they are temporary.
 */
#include "ddl_target.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
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

bool lpbm_is_temporary_schema(const char* name) {
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

  if (lpbm_is_temporary_schema(name->schemaname)) {
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
  lpbm_count_target(targets, name->relpersistence == RELPERSISTENCE_TEMP || lpbm_is_temporary_schema(name->schemaname));
}

/* --- nodes that name objects --------------------------------------------------------------------------------------
 *
 * The grammar names the same kind of object by different nodes in different commands. No node is taken for what it may
 * not be: what has a form that is not known here counts as unknown.
 */

/* Whether a node is a list of nothing but names. */
static bool is_name_list(Node* node) {
  ListCell* cell;

  if (node == NULL || !IsA(node, List)) return false;
  foreach (cell, (List*)node)
    if (lfirst(cell) == NULL || !IsA(lfirst(cell), String)) return false;
  return true;
}

/* The names of an object in a schema, or NIL where the node is no name. */
static List* names_of(Node* node) {
  if (node == NULL) return NIL;
  if (IsA(node, String)) return list_make1(node);
  if (IsA(node, ObjectWithArgs)) return ((ObjectWithArgs*)node)->objname;
  if (IsA(node, TypeName)) return ((TypeName*)node)->names;
  return is_name_list(node) ? (List*)node : NIL;
}

RangeVar* lpbm_relation_name(Node* node) {
  if (node != NULL && IsA(node, RangeVar)) return (RangeVar*)node;
  return is_name_list(node) && list_length((List*)node) <= 3 ? makeRangeVarFromNameList((List*)node) : NULL;
}

Oid lpbm_temporary_relation(const char* name) {
  Oid namespace = lpbm_temporary_namespace();

  return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

/* DROP, COMMENT and SECURITY LABEL name types by a TypeName, RENAME, OWNER TO and SET SCHEMA by a list of names. */
static TypeName* type_name_of(Node* node) {
  if (node != NULL && IsA(node, TypeName)) return (TypeName*)node;
  return names_of(node) != NIL ? makeTypeNameFromNameList(names_of(node)) : NULL;
}

/* A relation, named by the first of the names; the last `without` of them are those of something that it has. */
static void count_relation_node(LpbmTargets* targets, Node* node, int without) {
  List* names = is_name_list(node) ? (List*)node : NIL;
  int count = list_length(names) - without;

  if (node != NULL && IsA(node, RangeVar))
    count_relation(targets, (RangeVar*)node);
  else if (count >= 1 && count <= 3)
    count_relation(targets, makeRangeVarFromNameList(list_truncate(list_copy(names), count)));
  else
    targets->unknown++;
}

/* What is found only where its schema is named, or never in the temporary one. */
static void count_qualified(LpbmTargets* targets, List* names) {
  int count = list_length(names);

  lpbm_count_target(targets, count > 1 && lpbm_is_temporary_schema(strVal(list_nth(names, count - 2))));
}

static void count_qualified_node(LpbmTargets* targets, Node* node) {
  if (names_of(node) != NIL)
    count_qualified(targets, names_of(node));
  else
    targets->unknown++;
}

static void count_type(LpbmTargets* targets, Node* node) {
  TypeName* name = type_name_of(node);
  HeapTuple tuple;
  Oid type;

  if (name == NULL || name->pct_type) {
    targets->unknown++;
    return;
  }
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

/* Casts and transforms are in no schema: temporary with one of their types. */
static void count_one_of_types(LpbmTargets* targets, Node* first, Node* second) {
  LpbmTargets types = {0, 0, 0};

  count_type(&types, first);
  if (second != NULL && IsA(second, TypeName)) count_type(&types, second);
  if (types.unknown > 0)
    targets->unknown++;
  else if (types.temporary + types.permanent > 0)
    lpbm_count_target(targets, types.temporary > 0);
}

/* COMMENT names the constraint of a domain by (TypeName, name), RENAME CONSTRAINT its domain by names. */
static void count_domain_constraint(LpbmTargets* targets, Node* node) {
  bool typed = node != NULL && IsA(node, List) && linitial((List*)node) != NULL && IsA(linitial((List*)node), TypeName);

  count_type(targets, typed ? linitial((List*)node) : node);
}

static void count_pair(LpbmTargets* targets, Node* node) {
  if (node != NULL && IsA(node, List) && list_length((List*)node) == 2)
    count_one_of_types(targets, linitial((List*)node), lsecond((List*)node));
  else
    targets->unknown++;
}

/* Those of a temporary table need not be in its schema. */
static void count_statistics(LpbmTargets* targets, Node* node) {
  HeapTuple tuple;

  if (!is_name_list(node) || !OidIsValid(lpbm_temporary_namespace())) {
    count_qualified_node(targets, node);
    return;
  }
  tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(get_statistics_object_oid((List*)node, true)));
  if (!HeapTupleIsValid(tuple)) return;
  lpbm_count_target(targets,
                    get_rel_persistence(((Form_pg_statistic_ext)GETSTRUCT(tuple))->stxrelid) == RELPERSISTENCE_TEMP);
  ReleaseSysCache(tuple);
}

/* Operator classes and families are named after their access method. */
static void count_operator_class(LpbmTargets* targets, Node* node) {
  if (is_name_list(node) && list_length((List*)node) > 1)
    count_qualified(targets, list_copy_tail((List*)node, 1));
  else
    targets->unknown++;
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
      count_relation_node(targets, object, 0);
      break;
    case OBJECT_COLUMN:
    case OBJECT_ATTRIBUTE:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
      count_relation_node(targets, object, 1);
      break;
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      count_type(targets, object);
      break;
    case OBJECT_DOMCONSTRAINT:
      count_domain_constraint(targets, object);
      break;
    case OBJECT_CAST:
    case OBJECT_TRANSFORM:
      count_pair(targets, object);
      break;
    case OBJECT_OPCLASS:
    case OBJECT_OPFAMILY:
      count_operator_class(targets, object);
      break;
    case OBJECT_STATISTIC_EXT:
      count_statistics(targets, object);
      break;
    case OBJECT_SCHEMA:
      if (object != NULL && IsA(object, String))
        lpbm_count_target(targets, lpbm_is_temporary_schema(strVal(object)));
      else
        targets->unknown++;
      break;
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_AGGREGATE:
    case OBJECT_OPERATOR:
    case OBJECT_COLLATION:
    case OBJECT_CONVERSION:
    case OBJECT_TSCONFIGURATION:
    case OBJECT_TSDICTIONARY:
    case OBJECT_TSPARSER:
    case OBJECT_TSTEMPLATE:
      count_qualified_node(targets, object);
      break;
    default:
      targets->permanent++; /* in no schema */
  }
}

static void count_range_vars(LpbmTargets* targets, List* names) {
  ListCell* cell;

  foreach (cell, names)
    if (lfirst(cell) != NULL && IsA(lfirst(cell), RangeVar)) count_relation(targets, lfirst(cell));
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
  LpbmTargets targets = {0, 0, 0};

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
      count_type(&targets, (Node*)((AlterDomainStmt*)node)->typeName);
      break;
    case T_AlterEnumStmt:
      count_type(&targets, (Node*)((AlterEnumStmt*)node)->typeName);
      break;
    case T_AlterTypeStmt:
      count_type(&targets, (Node*)((AlterTypeStmt*)node)->typeName);
      break;
    case T_CreateCastStmt:
      count_one_of_types(&targets, (Node*)((CreateCastStmt*)node)->sourcetype,
                         (Node*)((CreateCastStmt*)node)->targettype);
      break;
    case T_CreateTransformStmt:
      count_type(&targets, (Node*)((CreateTransformStmt*)node)->type_name);
      break;
    case T_CreateOpClassStmt:
      count_qualified(&targets, ((CreateOpClassStmt*)node)->opclassname);
      break;
    case T_CreateOpFamilyStmt:
      count_qualified(&targets, ((CreateOpFamilyStmt*)node)->opfamilyname);
      break;
    case T_AlterOpFamilyStmt:
      count_qualified(&targets, ((AlterOpFamilyStmt*)node)->opfamilyname);
      break;
    case T_CreateConversionStmt:
      count_qualified(&targets, ((CreateConversionStmt*)node)->conversion_name);
      break;
    case T_AlterStatsStmt:
      count_statistics(&targets, (Node*)((AlterStatsStmt*)node)->defnames);
      break;
    case T_AlterOperatorStmt:
      count_qualified_node(&targets, (Node*)((AlterOperatorStmt*)node)->opername);
      break;
    case T_AlterObjectDependsStmt:
      count_relation_or_object(&targets, ((AlterObjectDependsStmt*)node)->relation,
                               ((AlterObjectDependsStmt*)node)->objectType, ((AlterObjectDependsStmt*)node)->object);
      break;
    case T_AlterExtensionContentsStmt:
      count_object(&targets, ((AlterExtensionContentsStmt*)node)->objtype, ((AlterExtensionContentsStmt*)node)->object);
      break;
    case T_AlterFunctionStmt:
      count_qualified_node(&targets, (Node*)((AlterFunctionStmt*)node)->func);
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
      if (((GrantStmt*)node)->targtype == ACL_TARGET_OBJECT)
        count_objects(&targets, ((GrantStmt*)node)->objtype, ((GrantStmt*)node)->objects);
      else
        targets.permanent++;
      break;
    default:
      targets.permanent++;
  }
  return targets;
}
