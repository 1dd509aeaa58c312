#include "settings_check.h"

#include <ctype.h>

#include "../engine/schedule/cron_c.h"
#include "databases.h"

#define SITE_LIMIT 64

static bool has_control(const char* text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7f) return true;
  return false;
}

static bool refuse_control(const char* text) {
  if (!has_control(text)) return true;
  GUC_check_errdetail("It holds a control character.");
  return false;
}

bool lpbm_check_databases(char** value, void** extra, GucSource source) {
  static LpbmNames names; /* too large for a stack */
  const char* problem = lpbm_names_parse(*value, &names);

  (void)extra;
  (void)source;
  if (problem == NULL) return true;
  GUC_check_errdetail("It must be the name of a database, names with commas between them, or *: %s.", problem);
  return false;
}

bool lpbm_check_directory(char** value, void** extra, GucSource source) {
  (void)extra;
  (void)source;
  if (**value == '\0') {
    GUC_check_errdetail("It must be the name of a directory.");
    return false;
  }
  return refuse_control(*value);
}

bool lpbm_check_site(char** value, void** extra, GucSource source) {
  const char* c = *value;

  (void)extra;
  (void)source;
  for (; *c != '\0'; c++)
    if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL) break;
  if (*c == '\0' && c - *value <= SITE_LIMIT && **value != '.') return true;
  GUC_check_errdetail("It must be of at most %d letters, digits, dots, underscores and hyphens, not a dot first.",
                      SITE_LIMIT);
  return false;
}

/* libpq is not part of the server: only what must not be there is looked for. */
bool lpbm_check_conninfo(char** value, void** extra, GucSource source) {
  const char* found = *value;

  (void)extra;
  (void)source;
  while ((found = strstr(found, "password")) != NULL) {
    const char* after = found + strlen("password");

    while (isspace((unsigned char)*after)) after++;
    if (*after == '=') {
      GUC_check_errdetail("It holds a password.");
      GUC_check_errhint("Name a file with passfile=..., or let the server trust its own local socket.");
      return false;
    }
    found = after;
  }
  if (strstr(*value, "://") != NULL) {
    GUC_check_errdetail("It is added to another connection string and cannot be an address.");
    GUC_check_errhint("Write it as keywords and values, such as user=backup port=5433.");
    return false;
  }
  return refuse_control(*value);
}

bool lpbm_check_cron(char** value, void** extra, GucSource source) {
  char error[256];

  (void)extra;
  (void)source;
  if (lpbm_cron_check(*value, error, sizeof(error)) == 0) return true;
  GUC_check_errdetail("It is no cron expression: %s.", error);
  GUC_check_errhint("%s", LPBM_CRON_HINT);
  return false;
}

static bool begins_with(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* An address must not carry what belongs into a file. */
static bool refuse_credentials(const char* text) {
  const char* host = strstr(text, "://");
  const char* at = host == NULL ? NULL : strpbrk(host + 3, "@/");

  if (at == NULL || *at != '@') return true;
  GUC_check_errdetail("It holds a user or a password.");
  GUC_check_errhint("Put them into the file that the corresponding setting names.");
  return false;
}

bool lpbm_check_store(char** value, void** extra, GucSource source) {
  const char* text = *value;

  (void)extra;
  (void)source;
  if (!refuse_control(text) || !refuse_credentials(text)) return false;
  if (begins_with(text, "file:") && text[strlen("file:")] != '\0') return true;
  if (begins_with(text, "ipfs+http://") && text[strlen("ipfs+http://")] != '\0') return true;
  if (begins_with(text, "ipfs+https://") && text[strlen("ipfs+https://")] != '\0') return true;
  GUC_check_errhint("Use file:DIRECTORY, ipfs+http://HOST:PORT or ipfs+https://HOST:PORT.");
  return false;
}

bool lpbm_check_http_list(char** value, void** extra, GucSource source) {
  const char* word = *value;

  (void)extra;
  (void)source;
  if (!refuse_control(word)) return false;
  while (*word != '\0') {
    while (*word == ' ') word++;
    if (!begins_with(word, "http://") && !begins_with(word, "https://")) {
      GUC_check_errhint("Use one or more addresses that begin with http:// or https://, separated by commas.");
      return false;
    }
    if (!refuse_credentials(word)) return false;
    word = strchr(word, ',');
    if (word == NULL) break;
    word++;
  }
  return true;
}

bool lpbm_check_compression(char** value, void** extra, GucSource source) {
  const char* text = *value;

  (void)extra;
  (void)source;
  if (strcmp(text, "none") == 0 || strcmp(text, "zstd") == 0) return true;
  if (begins_with(text, "zstd:")) {
    char* end = NULL;
    long level = strtol(text + strlen("zstd:"), &end, 10);

    if (isdigit((unsigned char)text[strlen("zstd:")]) && *end == '\0' && level >= 1 && level <= 19) return true;
    GUC_check_errdetail("The level of zstd must be a number from 1 to 19.");
  }
  GUC_check_errhint("Use none, zstd or zstd:LEVEL.");
  return false;
}

/* The engine checks each key in full; this finds what was put into the wrong setting, above all a secret one. */
bool lpbm_check_recipients(char** value, void** extra, GucSource source) {
  const char* word = *value;

  (void)extra;
  (void)source;
  for (;;) {
    while (*word == ' ' || *word == ',') word++;
    if (*word == '\0') return true;
    if (!begins_with(word, "age1")) {
      if (strncasecmp(word, "AGE-SECRET-KEY", strlen("AGE-SECRET-KEY")) == 0)
        GUC_check_errdetail("It is a secret key, which must not stand in a setting.");
      GUC_check_errhint("Use public keys that begin with age1, separated by commas; lpbm keygen makes them.");
      return false;
    }
    while (isalnum((unsigned char)*word)) word++;
    if (*word != '\0' && *word != ',' && *word != ' ') {
      GUC_check_errdetail("A key holds a character other than letters and digits.");
      return false;
    }
  }
}

bool lpbm_check_percentage(char** value, void** extra, GucSource source) {
  char* end = NULL;
  double percent = strtod(*value, &end);

  (void)extra;
  (void)source;
  if (end != *value && strcmp(end, "%") == 0 && percent >= 0 && percent <= 1000) return true;
  GUC_check_errhint("Use a percentage from 0%% to 1000%%.");
  return false;
}

/* What goes into a header or a command of a mail: one line. */
bool lpbm_check_line(char** value, void** extra, GucSource source) {
  (void)extra;
  (void)source;
  return refuse_control(*value);
}

bool lpbm_check_smtp_url(char** value, void** extra, GucSource source) {
  const char* text = *value;

  (void)extra;
  (void)source;
  if (*text == '\0') return true;
  if (!refuse_control(text) || !refuse_credentials(text)) return false;
  if (begins_with(text, "smtp://") || begins_with(text, "smtps://")) return true;
  GUC_check_errhint("Use smtp://HOST:PORT or smtps://HOST:PORT, or nothing for no mail.");
  return false;
}
