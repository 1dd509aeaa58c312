/*
 * The settings lpbm.* (docs/settings.md). Defined by the library in shared_preload_libraries; the variables may be read
 * anywhere after that and change at a reload. Texts are in the server's encoding, never NULL.
 */
#ifndef LPBM_SETTINGS_H
#define LPBM_SETTINGS_H

#include "postgres.h"

#include "lib/stringinfo.h"

typedef struct LpbmSettings {
  char* database;
  char* conninfo;
  char* directory; /* as it is written: see lpbm_directory() */
  char* site;      /* as it is written: see lpbm_site() */
  char* trigger_cron;
  char* full_backup_cron;
  char* drill_cron;
  char* drill_directory;
  int max_full_backups;
  int min_full_interval; /* seconds */
  char* store;
  char* store_auth_file;
  char* store_ca_file;
  char* ipfs_api;
  int replication_min;
  int replication_max;
  int part_size; /* kB */
  char* compression;
  int encryption;
  char* recipients;
  char* passphrase_file;
  char* passphrase_command;
  char* identity_file;
  int processed_logs;
  int replica_identity;
  char* refresh_limit;
  int proof_limit;
  char* smtp_url;
  char* smtp_user;
  char* smtp_password_file;
  char* smtp_ca_file;
  int smtp_tls;
  char* mail_from;
  char* mail_to;
  char* mail_subject_prefix;
  int mail_interval; /* seconds */
} LpbmSettings;

extern LpbmSettings lpbm_settings;

/* Defines all of them; only from _PG_init in shared_preload_libraries. */
extern void lpbm_settings_define(void);

/* Whether tables may be refreshed inside of deltas; else a full backup carries what no record can. */
extern bool lpbm_refreshes(void);
/* Absolute path of lpbm.directory; a static buffer. The data directory must be known. */
extern const char* lpbm_directory(void);
/* lpbm.site, or the system identifier where it is empty; a static buffer. */
extern const char* lpbm_site(void);

/* Appends `"name":value,...` of all settings that the engine is told (docs/formats.md, Worker and engine), without
 * braces, in UTF-8; `database` is the one that its job is about. In a transaction unless the database's encoding is
 * UTF-8. */
extern void lpbm_settings_json(StringInfo out, const char* database);
/* Appends text of the server's encoding as a JSON string in UTF-8. Same demands. */
extern void lpbm_json_text(StringInfo out, const char* text);

#endif /* LPBM_SETTINGS_H */
