/*
 * Unlogged tables: they leave no WAL, so a change of them is known by a sign alone. For the background worker.
 */
#ifndef LPBM_UNLOGGED_H
#define LPBM_UNLOGGED_H

#include "postgres.h"

/*
 * A number that is another after unlogged tables were changed, made, emptied or dropped; 0: there are none. In a
 * transaction of its own, which has not looked at statistics before.
 *
 * It is made of each table's file and of the cumulative statistics of inserted, updated and deleted rows. These may
 * lie: a session reports its counts up to ten seconds after its commit, and one in which a superuser has set
 * track_counts off reports none; resetting the statistics, or the crash that also empties the tables, makes the sign
 * another one without need or in time. Sizes and times of the files would be worse: updates in place leave the size
 * alone, and no checkpoint writes unlogged pages.
 */
extern uint64 lpbm_unlogged_sign(void);

#endif /* LPBM_UNLOGGED_H */
