#include "ddl_order.h"

/* What PostgreSQL finds by name without a lock that would wait for who renames it. */
static bool is_found_without_lock(ObjectType type) {
  switch (type) {
    case OBJECT_TABLE:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_INDEX:
    case OBJECT_SEQUENCE:
    case OBJECT_COLUMN:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
      return false;
    default:
      return true;
  }
}

LpbmDdlOrder lpbm_ddl_order(Node* statement) {
  bool spreads = false, gathers = false;

  switch (nodeTag(statement)) {
    case T_AlterDefaultPrivilegesStmt:
      spreads = true;
      break;
    case T_RenameStmt:
      spreads = is_found_without_lock(((RenameStmt*)statement)->renameType);
      break;
    case T_AlterObjectSchemaStmt:
      spreads = is_found_without_lock(((AlterObjectSchemaStmt*)statement)->objectType);
      break;
    case T_GrantStmt:
      gathers = ((GrantStmt*)statement)->targtype == ACL_TARGET_ALL_IN_SCHEMA;
      break;
    case T_DropStmt:
      gathers = ((DropStmt*)statement)->missing_ok;
      break;
    case T_DropOwnedStmt:
    case T_ReassignOwnedStmt:
      gathers = true;
      break;
    default:
      break;
  }
  return spreads ? LPBM_ORDER_SPREADS : gathers ? LPBM_ORDER_GATHERS : LPBM_ORDER_LOCKED;
}
