#include "databases.h"

#include "access/htup_details.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "settings.h"
#include "utils/syscache.h"

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool add(LpbmNames* names, char c, int* length) {
  if (*length >= NAMEDATALEN - 1) return false;
  names->names[names->count][(*length)++] = c;
  names->names[names->count][*length] = '\0';
  return true;
}

/* A name in quotes, of which a doubled one stands for itself; leaves *at behind it. */
static const char* take_quoted(const char** at, LpbmNames* names, int* length) {
  for ((*at)++;; (*at)++) {
    if (**at == '\0') return "a double quote is not closed";
    if (**at == '"' && *++*at != '"') return NULL;
    if (!add(names, **at, length)) return "a name is longer than 63 bytes";
  }
}

static const char* take_plain(const char** at, LpbmNames* names, int* length) {
  for (; **at != '\0' && **at != ','; (*at)++)
    if (!add(names, **at, length)) return "a name is longer than 63 bytes";
  while (*length > 0 && is_blank(names->names[names->count][*length - 1])) names->names[names->count][--*length] = '\0';
  return NULL;
}

static const char* take_name(const char** at, LpbmNames* names) {
  const char* problem;
  int length = 0;
  bool quoted;

  if (names->count == LPBM_MAX_DATABASES) return "it names more than 64 databases";
  while (is_blank(**at)) (*at)++;
  names->names[names->count][0] = '\0';
  quoted = **at == '"';
  problem = quoted ? take_quoted(at, names, &length) : take_plain(at, names, &length);
  if (problem != NULL) return problem;
  while (is_blank(**at)) (*at)++;
  if (**at != '\0' && **at != ',') return "something follows a name in double quotes";
  if (length == 0) return "a name is empty";
  if (!quoted && strcmp(names->names[names->count], "*") == 0) names->all = true;
  for (int i = 0; i < names->count; i++)
    if (strcmp(names->names[i], names->names[names->count]) == 0) return "a name stands in it twice";
  names->count++;
  return NULL;
}

const char* lpbm_names_parse(const char* text, LpbmNames* names) {
  names->count = 0;
  names->all = false;
  for (;; text++) {
    const char* problem = take_name(&text, names);

    if (problem != NULL) return problem;
    if (*text == '\0') break;
  }
  if (names->all && names->count > 1) return "* stands beside names";
  if (names->all) names->count = 0;
  return NULL;
}

const LpbmNames* lpbm_names(void) {
  static LpbmNames names;
  static bool parsed = false;

  if (!parsed) (void)lpbm_names_parse(lpbm_settings.database, &names); /* it was checked when it was set */
  parsed = true;
  return &names;
}

bool lpbm_names_hold(const char* name, bool is_template, bool can_connect) {
  const LpbmNames* names = lpbm_names();

  if (names->all) return !is_template && can_connect;
  for (int i = 0; i < names->count; i++)
    if (strcmp(names->names[i], name) == 0) return true;
  return false;
}

bool lpbm_is_backed_up(void) {
  HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
  bool ours = false;

  if (HeapTupleIsValid(tuple)) {
    Form_pg_database form = (Form_pg_database)GETSTRUCT(tuple);

    ours = lpbm_names_hold(NameStr(form->datname), form->datistemplate, form->datallowconn);
    ReleaseSysCache(tuple);
  }
  return ours;
}
