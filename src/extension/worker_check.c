#include "postgres.h"

#include <time.h>
#include <unistd.h>

#include "access/xlog.h"
#include "compat.h"
#include "key.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "postmaster/syslogger.h"
#include "replication/slot.h"
#include "settings.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"
#include "worker_internal.h"

/* One line and a hint where something is missing; `cause` is a format without arguments of its own. */
static bool demand(const char* name, bool fulfilled, const char* cause, const char* hint) {
  lpbm_tell(name, fulfilled ? NULL : cause, hint);
  return fulfilled;
}

/* The server's file names are made from log_filename by pg_strftime. */
static void log_name_at(pg_time_t time, char* name, size_t size) {
  struct pg_tm* tm = pg_localtime(&time, log_timezone);

  name[0] = '\0';
  if (tm != NULL) pg_strftime(name, size, Log_filename, tm);
}

/*
 * A name that comes round again makes the collector truncate a file that may not be read yet. It does so only where it
 * rotates by time.
 */
static bool log_names_stay_apart(void) {
  static const int hours[] = {1, 24, 7 * 24, 28 * 24, 29 * 24, 30 * 24, 31 * 24, 365 * 24, 366 * 24};
  pg_time_t now = (pg_time_t)time(NULL);
  char here[MAXPGPATH];
  char there[MAXPGPATH];

  if (!Log_truncate_on_rotation || Log_RotationAge <= 0) return true;
  log_name_at(now, here, sizeof(here));
  log_name_at(now + Log_RotationAge * SECS_PER_MINUTE, there, sizeof(there));
  if (strcmp(here, there) == 0) return false;
  for (size_t i = 0; i < lengthof(hours); i++) {
    if (hours[i] * MINS_PER_HOUR < Log_RotationAge) continue;
    log_name_at(now + (pg_time_t)hours[i] * SECS_PER_HOUR, there, sizeof(there));
    if (strcmp(here, there) == 0) return false;
  }
  return true;
}

/* Recent minor releases load an output plugin only where this setting names it. */
static bool plugin_is_allowed(void) {
  const char* value = GetConfigOption("output_plugin_libraries", true, false);
  List* names = NIL;
  ListCell* cell;
  char* copy;

  if (value == NULL) return true;
  copy = pstrdup(value);
  if (!SplitIdentifierString(copy, ',', &names)) return true;
  foreach (cell, names) {
    const char* name = lfirst(cell);

    if (strcmp(name, "lpbm") == 0 || strcmp(name, "*") == 0 || strcmp(name, "$libdir/lpbm") == 0) return true;
  }
  return false;
}

static bool engine_is_there(void) {
  char cause[LPBM_TEXT];
  bool good = access(lpbm_engine_path(), X_OK) == 0;

  snprintf(cause, sizeof(cause), "the program \"%s\" is missing", lpbm_engine_path());
  return demand("engine", good, cause, "Install lpbm's program beside the server's other programs (make install).");
}

/* The log has said so at the start of the server, and the worker says it again for its own line. */
static bool key_is_there(void) {
  char cause[LPBM_TEXT];

  snprintf(cause, sizeof(cause), "there is no usable cluster key: %s",
           lpbm_key_problem == NULL ? "the server's start has made none" : lpbm_key_problem);
  return demand("cluster_key", lpbm_key_loaded(), lpbm_to_utf8(cause),
                "Make lpbm.directory and what is in it the server user's, keys with mode 0600, and restart.");
}

static bool secret_is_single(void) {
  bool passphrase = lpbm_settings.passphrase_file[0] != '\0' || lpbm_settings.passphrase_command[0] != '\0';

  return demand("recipients", lpbm_settings.recipients[0] == '\0' || !passphrase,
                "lpbm.recipients and a passphrase are both set",
                "Set either lpbm.recipients or one of lpbm.passphrase_file and lpbm.passphrase_command.");
}

bool lpbm_preconditions(void) {
  bool good = true;

  good &= demand("wal_level", wal_level >= WAL_LEVEL_LOGICAL, "wal_level is below logical",
                 "Set wal_level = logical and restart the server.");
  good &= demand("logging_collector", Logging_collector, "logging_collector is off",
                 "Set logging_collector = on and restart the server.");
  good &= demand("log_destination", (Log_destination & LOG_DESTINATION_CSVLOG) != 0,
                 "log_destination does not hold csvlog", "Set log_destination = 'stderr,csvlog' and reload.");
  good &= demand("log_filename", log_names_stay_apart(),
                 "log_filename comes round again while log_truncate_on_rotation is on",
                 "Set log_truncate_on_rotation = off, or a log_filename with year, month and day.");
  good &= demand("max_replication_slots", max_replication_slots > 0, "max_replication_slots is 0",
                 "Set max_replication_slots to at least 1 and restart the server.");
  good &= demand("output_plugin_libraries", plugin_is_allowed(), "output_plugin_libraries does not name lpbm",
                 "Add lpbm to output_plugin_libraries and reload.");
  good &= demand("restore", !lpbm_worker.restoring, "a restore into this database is under way, or was left unfinished",
                 "Backups begin when it is done. Where it has failed, drop the database and restore again.");
  good &= key_is_there();
  good &= engine_is_there();
  good &= secret_is_single();
  return good;
}
