/*
 * Which databases lpbm.database names. A list of names with commas between them, in double quotes where one holds a
 * comma, a quote, or a blank at its ends; or * alone, for all that are no templates and can be connected to.
 */
#ifndef LPBM_DATABASES_H
#define LPBM_DATABASES_H

#include "postgres.h"

/* As many as lpbm can back up in one server. */
#define LPBM_MAX_DATABASES 64

typedef struct LpbmNames {
  bool all; /* *: there are no names */
  int count;
  char names[LPBM_MAX_DATABASES][NAMEDATALEN];
} LpbmNames;

/* NULL where the text is such a list; else what is wrong with it, for people (static). */
extern const char* lpbm_names_parse(const char* text, LpbmNames* names);
/* The setting's, parsed once in a process. */
extern const LpbmNames* lpbm_names(void);
/* Whether a database is to be backed up: by its name, and for * by what else pg_database says of it. */
extern bool lpbm_names_hold(const char* name, bool is_template, bool can_connect);
/* The same of the database to which this process is connected. In a transaction. */
extern bool lpbm_is_backed_up(void);

#endif /* LPBM_DATABASES_H */
