/*
 * All that differs between the versions of PostgreSQL (15 to 18), for the extension's world.
 */
#ifndef LPBM_COMPAT_H
#define LPBM_COMPAT_H

#include "postgres.h"

#include "catalog/pg_database.h"
#include "replication/message.h"
#include "replication/reorderbuffer.h"
#include "replication/slot.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#if PG_VERSION_NUM >= 160000
#include "utils/relfilenumbermap.h"
#else
#include "utils/relfilenodemap.h"
#endif

#if PG_VERSION_NUM < 150000
#error "lpbm needs PostgreSQL 15 or later"
#endif

/* Tuples of a change. */
#if PG_VERSION_NUM >= 170000
#define LPBM_TUPLE(buffer) (buffer)
#else
#define LPBM_TUPLE(buffer) ((buffer) != NULL ? &(buffer)->tuple : NULL)
#endif

/* File of the catalog that a tuplecid belongs to. */
#if PG_VERSION_NUM >= 160000
#define LPBM_TUPLECID_SPACE(change) ((change)->data.tuplecid.locator.spcOid)
#define LPBM_TUPLECID_FILE(change) ((change)->data.tuplecid.locator.relNumber)
#define lpbm_relation_of_file(space, file) RelidByRelfilenumber(space, file)
#else
#define LPBM_TUPLECID_SPACE(change) ((change)->data.tuplecid.node.spcNode)
#define LPBM_TUPLECID_FILE(change) ((change)->data.tuplecid.node.relNode)
#define lpbm_relation_of_file(space, file) RelidByRelfilenode(space, file)
#endif

/* For the engine's sessions, besides those that all versions know. Event triggers act on login since 17: one that
 * writes would see each delta, and so lead to the next one. */
#if PG_VERSION_NUM >= 170000
#define LPBM_SESSION_OPTIONS " -c event_triggers=off -c transaction_timeout=0"
#else
#define LPBM_SESSION_OPTIONS ""
#endif

static inline XLogRecPtr lpbm_log_message(const char* prefix, const char* data, size_t length, bool transactional) {
#if PG_VERSION_NUM >= 170000
  return LogLogicalMessage(prefix, data, length, transactional, false);
#else
  return LogLogicalMessage(prefix, unconstify(char*, data), length, transactional);
#endif
}

static inline void lpbm_slot_acquire(const char* name) {
#if PG_VERSION_NUM >= 180000
  ReplicationSlotAcquire(name, true, true);
#else
  ReplicationSlotAcquire(name, true);
#endif
}

static inline bool lpbm_slot_invalidated(const ReplicationSlotPersistentData* data) {
#if PG_VERSION_NUM >= 160000
  return data->invalidated != RS_INVAL_NONE;
#else
  return data->invalidated_at != InvalidXLogRecPtr || data->restart_lsn == InvalidXLogRecPtr;
#endif
}

static inline WaitEventSet* lpbm_wait_event_set(int events) {
#if PG_VERSION_NUM >= 170000
  return CreateWaitEventSet(NULL, events);
#else
  return CreateWaitEventSet(CurrentMemoryContext, events);
#endif
}

static inline struct config_generic** lpbm_settings_of_server(int* count) {
#if PG_VERSION_NUM >= 160000
  return get_guc_variables(count);
#else
  *count = GetNumConfigOptions();
  return get_guc_variables();
#endif
}

static inline bool lpbm_owns_database(Oid database, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(DatabaseRelationId, database, role);
#else
  return pg_database_ownercheck(database, role);
#endif
}

#endif /* LPBM_COMPAT_H */
