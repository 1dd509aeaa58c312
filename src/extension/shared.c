#include "shared.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

LpbmShared* lpbm_shared = NULL;
LpbmDatabase* lpbm_mine = NULL;
char* lpbm_key_problem = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static void request_memory(void) {
  if (previous_request != NULL) previous_request();
  RequestAddinShmemSpace(MAXALIGN(sizeof(LpbmShared)));
}

static void start_memory(void) {
  bool found = false;

  if (previous_startup != NULL) previous_startup();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  lpbm_shared = ShmemInitStruct("lpbm", sizeof(LpbmShared), &found);
  if (!found) {
    memset(lpbm_shared, 0, sizeof(LpbmShared));
    LWLockInitialize(&lpbm_shared->lock, LWLockNewTrancheId());
    ConditionVariableInit(&lpbm_shared->answered);
    /* What is not * is known before anybody has looked for it. */
    for (int i = 0; i < lpbm_names()->count; i++)
      strlcpy(lpbm_shared->databases[i].name, lpbm_names()->names[i], NAMEDATALEN);
  }
  LWLockRelease(AddinShmemInitLock);
  LWLockRegisterTranche(lpbm_shared->lock.tranche, "lpbm");
}

void lpbm_shared_install(void) {
  previous_request = shmem_request_hook;
  shmem_request_hook = request_memory;
  previous_startup = shmem_startup_hook;
  shmem_startup_hook = start_memory;
}

void lpbm_shared_lock(bool exclusive) {
  LWLockAcquire(&lpbm_shared->lock, exclusive ? LW_EXCLUSIVE : LW_SHARED);
}

void lpbm_shared_unlock(void) {
  LWLockRelease(&lpbm_shared->lock);
}

void lpbm_set_state(LpbmState state) {
  lpbm_shared_lock(true);
  lpbm_mine->state = state;
  lpbm_shared_unlock();
}

static void wake(const LpbmDatabase* database) {
  if (database != NULL && database->worker_latch != NULL) SetLatch(database->worker_latch);
}

void lpbm_wake_worker(const LpbmDatabase* database) {
  lpbm_shared_lock(false);
  wake(database);
  lpbm_shared_unlock();
}

void lpbm_wake_workers(void) {
  lpbm_shared_lock(false);
  for (int i = 0; i < LPBM_MAX_DATABASES; i++) wake(&lpbm_shared->databases[i]);
  lpbm_shared_unlock();
}

void lpbm_wake_first(void) {
  lpbm_shared_lock(false);
  wake(&lpbm_shared->databases[lpbm_shared->first]);
  lpbm_shared_unlock();
}

void lpbm_wake_launcher(void) {
  lpbm_shared_lock(false);
  if (lpbm_shared->launcher_latch != NULL) SetLatch(lpbm_shared->launcher_latch);
  lpbm_shared_unlock();
}

/* --- databases --------------------------------------------------------------------------------------------------- */

bool lpbm_is_first(void) {
  return lpbm_mine == &lpbm_shared->databases[lpbm_shared->first];
}

LpbmDatabase* lpbm_database_by_oid(Oid oid) {
  for (int i = 0; i < LPBM_MAX_DATABASES && OidIsValid(oid); i++)
    if (lpbm_shared->databases[i].name[0] != '\0' && lpbm_shared->databases[i].oid == oid)
      return &lpbm_shared->databases[i];
  return NULL;
}

LpbmDatabase* lpbm_database_by_name(const char* name) {
  for (int i = 0; i < LPBM_MAX_DATABASES; i++)
    if (name[0] != '\0' && strcmp(lpbm_shared->databases[i].name, name) == 0) return &lpbm_shared->databases[i];
  return NULL;
}

bool lpbm_is_asked(const LpbmRequest* request) {
  return &lpbm_shared->databases[request->place] == lpbm_mine &&
         (!OidIsValid(request->database) || request->database == lpbm_mine->oid);
}

bool lpbm_are_several(void) {
  return lpbm_names()->all || lpbm_names()->count > 1;
}

/* --- texts and problems ------------------------------------------------------------------------------------------ */

void lpbm_copy_text(char* to, const char* from, size_t size) {
  size_t length = strlen(from);

  if (length >= size) {
    length = size - 1;
    while (length > 0 && ((unsigned char)from[length] & 0xC0) == 0x80) length--;
  }
  memcpy(to, from, length);
  to[length] = '\0';
}

static LpbmProblem* find_problem(LpbmDatabase* database, const char* name) {
  LpbmProblem* free_one = NULL;

  for (int i = 0; i < LPBM_MAX_PROBLEMS; i++) {
    LpbmProblem* problem = &database->problems[i];

    if (strcmp(problem->name, name) == 0) return problem;
    if (problem->name[0] == '\0' && free_one == NULL) free_one = problem;
  }
  return free_one;
}

bool lpbm_problem_set(LpbmDatabase* database, const char* name, const char* text, const char* hint) {
  LpbmProblem* problem;
  bool news = false;
  TimestampTz now = GetCurrentTimestamp();
  char cut[LPBM_TEXT];

  if (text != NULL) lpbm_copy_text(cut, text, sizeof(cut));
  lpbm_shared_lock(true);
  problem = find_problem(database, name);
  if (problem != NULL && text == NULL) {
    news = problem->name[0] != '\0';
    memset(problem, 0, sizeof(*problem));
  } else if (problem != NULL) {
    news = problem->name[0] == '\0' || strcmp(problem->text, cut) != 0;
    if (problem->name[0] == '\0') problem->since = now;
    strlcpy(problem->name, name, sizeof(problem->name));
    strlcpy(problem->text, cut, sizeof(problem->text));
    lpbm_copy_text(problem->hint, hint == NULL ? "" : hint, sizeof(problem->hint));
  }
  lpbm_shared_unlock();
  return news;
}

static char* plain(const char* text) {
  char* out = pstrdup(text);

  for (char* c = out; *c != '\0'; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  return out;
}

static bool is_plain(const char* text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text >= 0x80) return false;
  return true;
}

/* A conversion looks up its function: it needs a transaction, and raises where a character has no counterpart. */
static char* convert(const char* text, bool to_server) {
  int length = (int)strlen(text);
  MemoryContext context = CurrentMemoryContext;
  char* volatile out = NULL;

  if (is_plain(text) || GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
    return pg_verify_mbstr(GetDatabaseEncoding(), text, length, true) ? unconstify(char*, text) : plain(text);
  if (MyDatabaseId == InvalidOid) return plain(text);
  PG_TRY();
  { out = to_server ? pg_any_to_server(text, length, PG_UTF8) : pg_server_to_any(text, length, PG_UTF8); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
    out = plain(text);
  }
  PG_END_TRY();
  return out;
}

char* lpbm_from_utf8(const char* text) {
  return convert(text, true);
}

char* lpbm_to_utf8(const char* text) {
  return convert(text, false);
}
