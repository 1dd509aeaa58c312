/*
 * Whoever owns the backed-up database can give it settings (ALTER DATABASE SET), as roles can have theirs. They are for
 * users: neither the worker nor the engine's sessions may be changed, or stopped, by them.
 */
#ifndef LPBM_WORKER_SETTINGS_H
#define LPBM_WORKER_SETTINGS_H

#include "postgres.h"

/* Before the worker connects to its database: keeps what the server itself says. */
extern void lpbm_worker_settings_keep(void);
/*
 * After it has connected: puts back what came with database or role, the role included, and sets what the worker needs.
 * Settings of postgresql.conf that were not covered go on following reloads.
 */
extern void lpbm_worker_settings_restore(void);

/* The parameter `options` of libpq for the engine's sessions. */
extern const char* lpbm_worker_session_options(void);

#endif /* LPBM_WORKER_SETTINGS_H */
