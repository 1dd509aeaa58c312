/* Check hooks of the settings (settings.c). Each says in detail and hint what is wrong with the value. */
#ifndef LPBM_SETTINGS_CHECK_H
#define LPBM_SETTINGS_CHECK_H

#include "postgres.h"

#include "utils/guc.h"

extern bool lpbm_check_databases(char** value, void** extra, GucSource source);
extern bool lpbm_check_directory(char** value, void** extra, GucSource source);
extern bool lpbm_check_site(char** value, void** extra, GucSource source);
extern bool lpbm_check_conninfo(char** value, void** extra, GucSource source);
extern bool lpbm_check_cron(char** value, void** extra, GucSource source);
extern bool lpbm_check_store(char** value, void** extra, GucSource source);
extern bool lpbm_check_http_list(char** value, void** extra, GucSource source);
extern bool lpbm_check_compression(char** value, void** extra, GucSource source);
extern bool lpbm_check_recipients(char** value, void** extra, GucSource source);
extern bool lpbm_check_percentage(char** value, void** extra, GucSource source);
extern bool lpbm_check_line(char** value, void** extra, GucSource source);
extern bool lpbm_check_smtp_url(char** value, void** extra, GucSource source);

#endif /* LPBM_SETTINGS_CHECK_H */
