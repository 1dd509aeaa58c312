#include "database_release.h"

#include <signal.h>

#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
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
static bool asked = false; /* by this session, and not yet taken back */

static bool is_ours(const char* name) {
  return name != NULL && strcmp(name, lpbm_settings.database) == 0;
}

static const char* template_of(const CreatedbStmt* statement) {
  ListCell* cell;

  foreach (cell, statement->options) {
    DefElem* option = lfirst_node(DefElem, cell);

    if (strcmp(option->defname, "template") == 0 && option->arg != NULL) return defGetString(option);
  }
  return "template1";
}

static bool moves(const AlterDatabaseStmt* statement) {
  ListCell* cell;

  foreach (cell, statement->options)
    if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0) return true;
  return false;
}

static bool may_change(const char* name) {
  Oid database = get_database_oid(name, true);

  return OidIsValid(database) && lpbm_owns_database(database, GetUserId());
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

/* Nobody who may not do it can stop the backup by trying. */
static bool concerns_us(Node* node) {
  switch (nodeTag(node)) {
    case T_DropdbStmt: {
      const char* name = ((DropdbStmt*)node)->dbname;

      return is_ours(name) && may_change(name);
    }
    case T_RenameStmt: {
      RenameStmt* statement = (RenameStmt*)node;

      return statement->renameType == OBJECT_DATABASE && is_ours(statement->subname) && may_change(statement->subname);
    }
    case T_AlterDatabaseStmt: {
      AlterDatabaseStmt* statement = (AlterDatabaseStmt*)node;

      return moves(statement) && is_ours(statement->dbname) && may_change(statement->dbname);
    }
    case T_CreatedbStmt:
      return is_ours(template_of((CreatedbStmt*)node)) && may_create();
    default:
      return false;
  }
}

static void take_back(void) {
  if (!asked) return;
  asked = false;
  lpbm_shared_lock(true);
  lpbm_shared->releases--;
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
  pid = lpbm_shared->worker_pid;
  lpbm_shared_unlock();
  return pid;
}

/* Its engine's sessions end a moment after it; the command waits for them by itself. */
static void ask(void) {
  static bool registered = false;
  int pid;

  if (!registered) before_shmem_exit(at_exit, (Datum)0);
  registered = true;
  lpbm_shared_lock(true);
  lpbm_shared->releases++;
  asked = true;
  lpbm_shared_unlock();
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
  if (lpbm_shared == NULL || asked || MyBackendType != B_BACKEND || !concerns_us(statement->utilityStmt)) {
    run(statement, text, read_only, context, parameters, environment, destination, completion);
    return;
  }
  PG_TRY();
  {
    ask();
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
