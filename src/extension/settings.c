#include "settings.h"

#include <limits.h>

#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "settings_check.h"
#include "utils/guc.h"
#include "utils/json.h"

LpbmSettings lpbm_settings;

enum { ENCRYPTION_AGE, ENCRYPTION_AES };
enum { LOGS_DELETE, LOGS_KEEP };
enum { IDENTITY_REFRESH, IDENTITY_FULL };
enum { TLS_REQUIRE, TLS_OFF };

static const struct config_enum_entry encryptions[] = {
    {"age", ENCRYPTION_AGE, false}, {"aes-256-cbc", ENCRYPTION_AES, false}, {NULL, 0, false}};
static const struct config_enum_entry log_fates[] = {
    {"delete", LOGS_DELETE, false}, {"keep", LOGS_KEEP, false}, {NULL, 0, false}};
static const struct config_enum_entry identities[] = {
    {"refresh", IDENTITY_REFRESH, false}, {"full", IDENTITY_FULL, false}, {NULL, 0, false}};
static const struct config_enum_entry encrypted_mail[] = {
    {"require", TLS_REQUIRE, false}, {"off", TLS_OFF, false}, {NULL, 0, false}};

typedef struct TextSetting {
  const char* name;
  char** variable;
  const char* initial;
  GucStringCheckHook check;
  const char* description;
  const char* more;
  GucContext context;
  int flags;
} TextSetting;

typedef struct NumberSetting {
  const char* name;
  int* variable;
  int initial, least, most;
  int flags;
  const char* description;
  const char* more;
} NumberSetting;

typedef struct ChoiceSetting {
  const char* name;
  int* variable;
  const struct config_enum_entry* options;
  const char* description;
  const char* more;
} ChoiceSetting;

#define S(member) "lpbm." #member, &lpbm_settings.member
#define PREFIX_LENGTH 5 /* of "lpbm." */

static const char* show_site(void) {
  return lpbm_site();
}

static const TextSetting texts[] = {
    {S(database), "postgres", lpbm_check_databases, "Sets the database that lpbm backs up, or several.",
     "Names separated by commas, or * for all that are no templates and can be connected to.", PGC_POSTMASTER, 0},
    {S(directory), "lpbm", lpbm_check_directory,
     "Sets the directory in which lpbm keeps its keys, position, journal and, by default, its store.",
     "A relative path is relative to the data directory.", PGC_POSTMASTER, 0},
    {S(conninfo), "", lpbm_check_conninfo,
     "Sets connection parameters for lpbm's own connections to the backed-up database.",
     "Keywords and values of libpq that are added to those of the server's local socket, such as user=backup. "
     "The role must be a superuser.",
     PGC_SIGHUP, 0},
    {S(site), "", lpbm_check_site, "Sets the name of this server in stores, journals and mails of lpbm.",
     "Empty means the server's system identifier. A new name begins a new stream with a full backup.", PGC_SIGHUP, 0},
    {S(trigger_cron), "*/10 * * * * *", lpbm_check_cron,
     "Sets when lpbm reads what was committed and backs it up as a delta.",
     "A cron expression of six fields (seconds first) or five, @every DURATION, @daily and the like, or never, "
     "in the time zone of log_timezone.",
     PGC_SIGHUP, 0},
    {S(full_backup_cron), "59 58 0 * * *", lpbm_check_cron, "Sets when lpbm takes a full backup.",
     "Written as lpbm.trigger_cron; the full backup begins at the next trigger after that time.", PGC_SIGHUP, 0},
    {S(drill_cron), "never", lpbm_check_cron,
     "Sets when lpbm restores its backup into a scratch server, to see that it can be restored.",
     "Written as lpbm.trigger_cron. The scratch server is removed afterwards; what went wrong is told in the log, in "
     "lpbm_status and by mail. The server must be able to read its backups: a passphrase, or lpbm.identity_file.",
     PGC_SIGHUP, 0},
    {S(drill_directory), "", lpbm_check_line, "Sets the directory in which lpbm makes the scratch server of a drill.",
     "It needs room for the database. Empty means the system's directory of temporary files.", PGC_SIGHUP, 0},
    {S(store), "file:store", lpbm_check_store, "Sets where lpbm stores backups.",
     "file:DIRECTORY (relative to lpbm.directory), ipfs+http://HOST:PORT or ipfs+https://HOST:PORT.", PGC_SIGHUP, 0},
    {S(store_auth_file), "", NULL, "Sets the file that holds user:password, or a token, for lpbm's store.",
     "The file must be readable by the server's user alone.", PGC_SIGHUP, 0},
    {S(store_ca_file), "", NULL,
     "Sets the PEM file with the certificates that lpbm trusts when it connects to its store.",
     "Empty means those of the system.", PGC_SIGHUP, 0},
    {S(ipfs_api), "http://127.0.0.1:5001", lpbm_check_http_list,
     "Sets the addresses of IPFS nodes or gateways from which lpbm reads backups.", "Separated by commas.", PGC_SIGHUP,
     0},
    {S(compression), "zstd:1", lpbm_check_compression, "Sets how lpbm compresses backups.",
     "none, zstd or zstd:LEVEL with a level from 1 to 19.", PGC_SIGHUP, 0},
    {S(recipients), "", lpbm_check_recipients, "Sets the age public keys to which lpbm encrypts backups.",
     "Separated by commas. Only the holders of the secret keys can then read a backup, this server cannot. "
     "Excludes a passphrase.",
     PGC_SIGHUP, 0},
    {S(passphrase_file), "", NULL, "Sets the file with the passphrase that opens lpbm's backups.",
     "The file must be readable by the server's user alone. It is needed when the journal is begun, and to restore.",
     PGC_SIGHUP, 0},
    {S(passphrase_command), "", NULL, "Sets the command that prints the passphrase that opens lpbm's backups.",
     "Run without a shell, when the journal is begun, and to restore.", PGC_SIGHUP, GUC_SUPERUSER_ONLY},
    {S(identity_file), "", NULL,
     "Sets the file with the age identity by which this server itself can read its backups.",
     "Needed only to restore by SQL where lpbm.recipients is set.", PGC_SIGHUP, 0},
    {S(refresh_limit), "25%", lpbm_check_percentage,
     "Sets the share of the database's size up to which lpbm refreshes tables instead of taking a full backup.",
     "0% means a full backup each time. Never more than 1 GB at once.", PGC_SIGHUP, 0},
    {S(smtp_url), "", lpbm_check_smtp_url, "Sets the mail server by which lpbm sends its journal and its alerts.",
     "smtp://HOST:PORT or smtps://HOST:PORT; empty means no mail.", PGC_SIGHUP, 0},
    {S(smtp_user), "", lpbm_check_line, "Sets the user as whom lpbm logs in to the mail server.", NULL, PGC_SIGHUP, 0},
    {S(smtp_password_file), "", NULL, "Sets the file with the password for the mail server that lpbm uses.",
     "The file must be readable by the server's user alone.", PGC_SIGHUP, 0},
    {S(smtp_ca_file), "", NULL,
     "Sets the PEM file with the certificates that lpbm trusts when it connects to its mail server.",
     "Empty means those of the system.", PGC_SIGHUP, 0},
    {S(mail_from), "", lpbm_check_line, "Sets the sender of lpbm's mails.",
     "Empty means lpbm.smtp_user where that is an address, else lpbm at this host.", PGC_SIGHUP, 0},
    {S(mail_to), "", lpbm_check_line, "Sets the recipients of lpbm's mails.", "Separated by commas.", PGC_SIGHUP, 0},
    {S(mail_subject_prefix), "", lpbm_check_line, "Sets what the subjects of lpbm's mails begin with.", NULL,
     PGC_SIGHUP, 0},
};

static const NumberSetting numbers[] = {
    {S(max_full_backups), 2, 1, 10000, 0, "Sets how many full backups lpbm keeps, each with the deltas that follow it.",
     NULL},
    {S(min_full_interval), 300, 0, INT_MAX / 1000, GUC_UNIT_S,
     "Sets the least time between two full backups that lpbm takes on its own account.",
     "Scheduled and requested full backups are not held back."},
    {S(replication_min), 1, 1, 1000, 0, "Sets how many peers of an IPFS cluster must hold a backup before it counts.",
     NULL},
    {S(replication_max), 3, 1, 1000, 0, "Sets on how many peers of an IPFS cluster a backup is to be held.", NULL},
    {S(part_size), 256 * 1024, 256, 4 * 1024 * 1024, GUC_UNIT_KB,
     "Sets the size of the parts in which lpbm stores large objects.", NULL},
    {S(proof_limit), 64 * 1024, 0, INT_MAX, GUC_UNIT_KB,
     "Sets the size up to which changed tables are read for a proof of what they hold, which a restore checks.",
     "Of all tables that are read at once, a larger one slice by slice; lpbm then reads none for thirty times as long "
     "as it took. 0 means no proofs."},
    {S(mail_interval), 60, 0, INT_MAX / 1000, GUC_UNIT_S, "Sets the least time between two mails with lpbm's journal.",
     NULL},
};

static const ChoiceSetting choices[] = {
    {S(encryption), encryptions, "Sets the format in which lpbm encrypts backups.", "age or aes-256-cbc."},
    {S(processed_logs), log_fates, "Sets what becomes of csvlog files once lpbm has backed up what they hold.",
     "delete or keep. They hold row data and would fill the disk."},
    {S(replica_identity), identities, "Sets how lpbm carries updates and deletes of tables without a key.",
     "refresh stores such tables anew, full gives them REPLICA IDENTITY FULL."},
    {S(smtp_tls), encrypted_mail, "Sets whether lpbm's connection to a mail server smtp:// must be encrypted.",
     "require sends nothing without STARTTLS, off sends in clear text."},
};

void lpbm_settings_define(void) {
  for (size_t i = 0; i < lengthof(texts); i++) {
    const TextSetting* s = &texts[i];

    DefineCustomStringVariable(s->name, s->description, s->more, s->variable, s->initial, s->context, s->flags,
                               s->check, NULL, s->variable == &lpbm_settings.site ? show_site : NULL);
  }
  for (size_t i = 0; i < lengthof(numbers); i++) {
    const NumberSetting* s = &numbers[i];

    DefineCustomIntVariable(s->name, s->description, s->more, s->variable, s->initial, s->least, s->most, PGC_SIGHUP,
                            s->flags, NULL, NULL, NULL);
  }
  for (size_t i = 0; i < lengthof(choices); i++) {
    const ChoiceSetting* s = &choices[i];

    DefineCustomEnumVariable(s->name, s->description, s->more, s->variable, 0, s->options, PGC_SIGHUP, 0, NULL, NULL,
                             NULL);
  }
  MarkGUCPrefixReserved("lpbm");
}

bool lpbm_refreshes(void) {
  return strtod(lpbm_settings.refresh_limit, NULL) > 0;
}

const char* lpbm_directory(void) {
  static char path[MAXPGPATH];

  if (is_absolute_path(lpbm_settings.directory))
    strlcpy(path, lpbm_settings.directory, sizeof(path));
  else
    snprintf(path, sizeof(path), "%s/%s", DataDir, lpbm_settings.directory);
  canonicalize_path(path);
  return path;
}

const char* lpbm_site(void) {
  static char identifier[32];

  if (lpbm_settings.site != NULL && lpbm_settings.site[0] != '\0') return lpbm_settings.site;
  snprintf(identifier, sizeof(identifier), UINT64_FORMAT, GetSystemIdentifier());
  return identifier;
}

void lpbm_json_text(StringInfo out, const char* text) {
  char* converted = pg_server_to_any(text, (int)strlen(text), PG_UTF8);

  escape_json(out, converted);
  if (converted != text) pfree(converted);
}

static int64 scaled(const NumberSetting* setting) {
  if (setting->flags == GUC_UNIT_KB) return (int64)*setting->variable * 1024;
  if (setting->flags == GUC_UNIT_S) return (int64)*setting->variable * 1000;
  return *setting->variable;
}

void lpbm_settings_json(StringInfo out, const char* database) {
  for (size_t i = 0; i < lengthof(texts); i++) {
    const TextSetting* s = &texts[i];
    const char* value = s->variable == &lpbm_settings.site        ? lpbm_site()
                        : s->variable == &lpbm_settings.directory ? lpbm_directory()
                        : s->variable == &lpbm_settings.database  ? database
                                                                  : *s->variable;

    if (s->variable == &lpbm_settings.conninfo) continue; /* told as part of the whole connection string */
    appendStringInfo(out, "%s\"%s\":", i == 0 ? "" : ",", s->name + PREFIX_LENGTH);
    lpbm_json_text(out, value);
  }
  for (size_t i = 0; i < lengthof(numbers); i++)
    appendStringInfo(out, ",\"%s\":" INT64_FORMAT, numbers[i].name + PREFIX_LENGTH, scaled(&numbers[i]));
  for (size_t i = 0; i < lengthof(choices); i++)
    appendStringInfo(out, ",\"%s\":\"%s\"", choices[i].name + PREFIX_LENGTH,
                     choices[i].options[*choices[i].variable].name);
}
