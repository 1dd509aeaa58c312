#include "database_release.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "compat.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "settings.h"
#include "shared.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"

/* The command itself waits up to 5 seconds more for sessions to go. */
#define PATIENCE_MS 5000

static ProcessUtility_hook_type previous_hook = NULL;
static LpbmDatabase* asked = NULL; /* by this session, and not yet taken back */

/* The backed-up database of that name, or NULL. */
static LpbmDatabase* find_ours(const char* name) {
  LpbmDatabase* found;

  if (name == NULL || lpbm_shared == NULL) return NULL;
  lpbm_shared_lock(false);
  found = lpbm_database_by_name(name);
  lpbm_shared_unlock();
  return found;
}

static bool is_ours(const char* name) {
  return find_ours(name) != NULL;
}

/* The last one of that name counts, as for the command; or NULL. */
static const char* option_of(List* options, const char* name) {
  const char* value = NULL;
  ListCell* cell;

  foreach (cell, options) {
    DefElem* option = lfirst_node(DefElem, cell);

    if (strcmp(option->defname, name) == 0 && option->arg != NULL) value = defGetString(option);
  }
  return value;
}

static const char* template_of(const CreatedbStmt* statement) {
  const char* name = option_of(statement->options, "template");

  return name != NULL ? name : "template1";
}

static bool exists(const char* name) {
  return OidIsValid(get_database_oid(name, true));
}

/* Whether the user may change the database; nobody can while connected to it. */
static bool may_change(const char* name) {
  Oid database = get_database_oid(name, true);

  return OidIsValid(database) && database != MyDatabaseId && lpbm_owns_database(database, GetUserId());
}

static bool is_template(Oid database) {
  HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
  bool template = HeapTupleIsValid(tuple) && ((Form_pg_database)GETSTRUCT(tuple))->datistemplate;

  if (HeapTupleIsValid(tuple)) ReleaseSysCache(tuple);
  return template;
}

static bool may_create(void) {
  HeapTuple tuple;
  bool may = false;

  if (superuser()) return true;
  tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
  if (HeapTupleIsValid(tuple)) {
    may = ((Form_pg_authid)GETSTRUCT(tuple))->rolcreatedb;
    ReleaseSysCache(tuple);
  }
  return may;
}

/* Anybody may copy a template; any other database only its owner. */
static bool may_copy(const char* name) {
  Oid database = get_database_oid(name, true);

  return OidIsValid(database) && may_create() && (is_template(database) || lpbm_owns_database(database, GetUserId()));
}

static bool will_copy(const CreatedbStmt* statement) {
  const char* source = template_of(statement);
  const char* space = option_of(statement->options, "tablespace");
  const char* owner = option_of(statement->options, "owner");

  if (!is_ours(source) || !may_copy(source) || exists(statement->dbname)) return false;
  if (space != NULL && !OidIsValid(get_tablespace_oid(space, true))) return false;
  return owner == NULL || OidIsValid(get_role_oid(owner, true));
}

static bool will_drop(const DropdbStmt* statement) {
  return is_ours(statement->dbname) && may_change(statement->dbname) &&
         !is_template(get_database_oid(statement->dbname, true));
}

static bool will_rename(const RenameStmt* statement) {
  return statement->renameType == OBJECT_DATABASE && is_ours(statement->subname) && may_change(statement->subname) &&
         may_create() && !exists(statement->newname);
}

static bool will_move(const AlterDatabaseStmt* statement) {
  const char* space = option_of(statement->options, "tablespace");

  return space != NULL && is_ours(statement->dbname) && may_change(statement->dbname) &&
         OidIsValid(get_tablespace_oid(space, true));
}

static const char* name_in(Node* node) {
  switch (nodeTag(node)) {
    case T_DropdbStmt:
      return ((DropdbStmt*)node)->dbname;
    case T_RenameStmt:
      return ((RenameStmt*)node)->subname;
    case T_AlterDatabaseStmt:
      return ((AlterDatabaseStmt*)node)->dbname;
    default:
      return template_of((CreatedbStmt*)node);
  }
}

/*
 * Nobody who may not do it can stop the backup by trying, and nothing is let go for a command that fails at once. All
 * but RENAME are refused in transaction blocks.
 */
static bool concerns_us(Node* node, ProcessUtilityContext context) {
  bool alone = context == PROCESS_UTILITY_TOPLEVEL && !IsTransactionBlock() && !IsSubTransaction();

  switch (nodeTag(node)) {
    case T_DropdbStmt:
      return alone && !XactReadOnly && will_drop((DropdbStmt*)node);
    case T_RenameStmt:
      return !XactReadOnly && will_rename((RenameStmt*)node);
    case T_AlterDatabaseStmt:
      return alone && !XactReadOnly && will_move((AlterDatabaseStmt*)node);
    case T_CreatedbStmt:
      return alone && !XactReadOnly && will_copy((CreatedbStmt*)node);
    default:
      return false;
  }
}

static void take_back(void) {
  if (asked == NULL) return;
  lpbm_shared_lock(true);
  asked->releases--;
  asked = NULL;
  lpbm_shared_unlock();
  lpbm_wake_launcher();
}

static void at_exit(int code, Datum argument) {
  (void)code;
  (void)argument;
  take_back();
}

static int worker_pid(void) {
  int pid;

  lpbm_shared_lock(false);
  pid = asked->worker_pid;
  lpbm_shared_unlock();
  return pid;
}

/* Its engine's sessions end a moment after it; the command waits for them by itself. */
static void ask(const char* name) {
  static bool registered = false;
  int pid;

  if (!registered) before_shmem_exit(at_exit, (Datum)0);
  registered = true;
  lpbm_shared_lock(true);
  asked = lpbm_database_by_name(name);
  if (asked != NULL) asked->releases++;
  lpbm_shared_unlock();
  if (asked == NULL) return; /* not backed up any more */
  pid = worker_pid();
  if (pid != 0) kill(pid, SIGTERM);
  for (int waited = 0; worker_pid() != 0 && waited < PATIENCE_MS; waited += 10) {
    CHECK_FOR_INTERRUPTS();
    pg_usleep(10000L);
  }
}

static void run(PlannedStmt* statement, const char* text, bool read_only, ProcessUtilityContext context,
                ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* destination,
                QueryCompletion* completion) {
  if (previous_hook != NULL)
    previous_hook(statement, text, read_only, context, parameters, environment, destination, completion);
  else
    standard_ProcessUtility(statement, text, read_only, context, parameters, environment, destination, completion);
}

static void release(PlannedStmt* statement, const char* text, bool read_only, ProcessUtilityContext context,
                    ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* destination,
                    QueryCompletion* completion) {
  if (lpbm_shared == NULL || asked != NULL || MyBackendType != B_BACKEND ||
      !concerns_us(statement->utilityStmt, context)) {
    run(statement, text, read_only, context, parameters, environment, destination, completion);
    return;
  }
  PG_TRY();
  {
    ask(name_in(statement->utilityStmt));
    run(statement, text, read_only, context, parameters, environment, destination, completion);
  }
  PG_FINALLY();
  { take_back(); }
  PG_END_TRY();
}

void lpbm_database_release_install(void) {
  previous_hook = ProcessUtility_hook;
  ProcessUtility_hook = release;
}
