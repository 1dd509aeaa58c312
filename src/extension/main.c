#include "postgres.h"

#include "database_release.h"
#include "ddl.h"
#include "fmgr.h"
#include "key.h"
#include "launcher.h"
#include "miscadmin.h"
#include "settings.h"
#include "shared.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * Loaded later than by shared_preload_libraries (LOAD, a function of the extension, the output plugin's name) the
 * library does nothing but say so in lpbm_status.
 */
void _PG_init(void) {
  if (!process_shared_preload_libraries_in_progress) return;
  lpbm_settings_define();
  lpbm_shared_install();
  if (!IsBinaryUpgrade && !lpbm_key_load(lpbm_settings.directory, &lpbm_key_problem))
    ereport(LOG,
            (errmsg("lpbm makes no backups: %s", lpbm_key_problem),
             errhint("Make lpbm.directory and what is in it the server user's, keys with mode 0600, and restart.")));
  lpbm_ddl_install();
  lpbm_database_release_install();
  lpbm_launcher_register();
}
