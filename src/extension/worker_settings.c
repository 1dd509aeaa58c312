#include "worker_settings.h"

#include "catalog/pg_authid_d.h"
#include "compat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"

typedef struct Kept {
  const char* name;
  char* value; /* NULL: it has none */
} Kept;

static Kept* kept = NULL;
static int kept_count = 0;

/* Others cannot be set for a database or role. */
static bool is_for_users(const struct config_generic* setting) {
  return setting->context == PGC_USERSET || setting->context == PGC_SUSET || setting->context == PGC_BACKEND ||
         setting->context == PGC_SU_BACKEND;
}

/* Who the session is, in which encoding it speaks, and its transactions are no settings of the server. */
static bool is_of_session(const char* name) {
  return strcmp(name, "role") == 0 || strcmp(name, "session_authorization") == 0 ||
         strcmp(name, "client_encoding") == 0 || strncmp(name, "transaction_", strlen("transaction_")) == 0;
}

static bool came_with_database(const struct config_generic* setting) {
  return setting->source >= PGC_S_GLOBAL && setting->source <= PGC_S_DATABASE_USER;
}

void lpbm_worker_settings_keep(void) {
  int count;
  struct config_generic** settings = lpbm_settings_of_server(&count);

  kept = MemoryContextAlloc(TopMemoryContext, count * sizeof(Kept));
  for (int i = 0; i < count; i++) {
    const char* value;

    if (!is_for_users(settings[i]) || is_of_session(settings[i]->name)) continue;
    value = GetConfigOption(settings[i]->name, true, false);
    kept[kept_count].name = settings[i]->name;
    kept[kept_count].value = value == NULL ? NULL : MemoryContextStrdup(TopMemoryContext, value);
    kept_count++;
  }
}

static const Kept* find_kept(const char* name) {
  for (int i = 0; i < kept_count; i++)
    if (strcmp(kept[i].name, name) == 0) return &kept[i];
  return NULL;
}

/* Those that are fixed at the start of a session can be set only as if this were one. */
static void set_back(const struct config_generic* setting) {
  const Kept* before = find_kept(setting->name);
  bool at_start = setting->context == PGC_BACKEND || setting->context == PGC_SU_BACKEND;

  if (before != NULL && before->value != NULL)
    SetConfigOption(setting->name, before->value, at_start ? PGC_SU_BACKEND : PGC_SUSET, PGC_S_OVERRIDE);
}

/* What the worker needs whatever the server says. */
static void set_own(void) {
  static const char* const settings[][2] = {{"default_transaction_read_only", "off"},
                                            {"default_transaction_isolation", "read committed"},
                                            {"default_transaction_deferrable", "off"},
                                            {"exit_on_error", "off"},
                                            {"idle_in_transaction_session_timeout", "0"},
                                            {"synchronous_commit", "off"},
                                            {"session_replication_role", "replica"},
                                            {"lock_timeout", "0"},
                                            {"statement_timeout", "0"},
                                            {"row_security", "off"},
                                            {"search_path", "pg_catalog"},
                                            {"standard_conforming_strings", "on"},
                                            {"jit", "off"}};

  for (size_t i = 0; i < lengthof(settings); i++)
    SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("client_encoding", GetDatabaseEncodingName(), PGC_BACKEND, PGC_S_OVERRIDE);
  if (GetConfigOption("transaction_timeout", true, false) != NULL)
    SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
}

void lpbm_worker_settings_restore(void) {
  int count;
  struct config_generic** settings = lpbm_settings_of_server(&count);

  SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
  SetCurrentRoleId(InvalidOid, true);
  for (int i = 0; i < count; i++)
    if (came_with_database(settings[i]) && !is_of_session(settings[i]->name)) set_back(settings[i]);
  set_own();
}

const char* lpbm_worker_session_options(void) {
  return "-c role=none -c local_preload_libraries= -c exit_on_error=off -c statement_timeout=0 -c lock_timeout=0 "
         "-c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c default_transaction_read_only=off "
         "-c default_transaction_isolation=read\\ committed -c default_transaction_deferrable=off -c row_security=off "
         "-c jit=off -c enable_seqscan=on -c search_path=pg_catalog" LPBM_SESSION_OPTIONS;
}
