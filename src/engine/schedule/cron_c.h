/* Cron expressions (schedule/cron.h) for C. Nothing is thrown or allocated across this border, no state is kept. */
#ifndef LPBM_CRON_C_H
#define LPBM_CRON_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LPBM_CRON_HINT \
  "Use six fields (seconds first) or five, @every 24h, @hourly, @daily, @weekly, @monthly, @yearly or never."

struct lpbm_local_time {
  int year, month, day; /* as written: 2026, 1 to 12, 1 to 31 */
  int hour, minute, second;
};

/* Fills in the local time of `time` (seconds since 1970-01-01 UTC). Must not longjmp or throw. */
typedef void (*lpbm_cron_localtime)(int64_t time, struct lpbm_local_time* local, void* arg);

/* 0: `expr` is one. Else -1, and `error` (size bytes, ended by a zero byte) says what is wrong in lower case; a hint
 * for people is LPBM_CRON_HINT. */
int lpbm_cron_check(const char* expr, char* error, size_t size);

/* The first due second after `after_epoch_seconds`; -1 = never, also where `expr` is none. `anchor_for_every`: a due
 * time of `@every` (the last run's), in the same seconds. */
int64_t lpbm_cron_next(const char* expr, int64_t after_epoch_seconds, int64_t anchor_for_every,
                       lpbm_cron_localtime localtime, void* arg);

#ifdef __cplusplus
}
#endif

#endif
