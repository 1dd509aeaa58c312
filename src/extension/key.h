/*
 * The cluster key: what proves that a record in the csvlog, or a message in the WAL, was written by this library.
 * 32 random bytes, stored as 64 hex digits and a newline in `cluster.key` of lpbm.directory (docs/formats.md, Frames).
 */
#ifndef LPBM_KEY_H
#define LPBM_KEY_H

#include "postgres.h"

/* Length of a mac as text, without its terminator. */
#define LPBM_MAC_LENGTH 32

/*
 * Loads the key, making directory (0700) and key (0600, fsynced, also its directory) where they are missing. To be
 * called in the postmaster (or the single process of another mode) from _PG_init: the other processes inherit the key
 * by fork. A relative `directory` is relative to the data directory, which is the current one then. Never raises: false
 * with *problem (palloced, one lower-case line) where there is no usable key; lpbm_key_loaded() stays false then, and
 * neither DDL messages nor records can be written.
 */
extern bool lpbm_key_load(const char* directory, char** problem);
extern bool lpbm_key_loaded(void);

/*
 * The first 16 bytes of HMAC-SHA256(key, domain || data) as 32 lower-case hex digits and a terminator into `out`
 * (at least LPBM_MAC_LENGTH + 1 bytes). May be called anywhere, also outside of transactions; allocates nothing of
 * PostgreSQL. Raises ERROR where there is no key or OpenSSL fails.
 */
extern void lpbm_mac(const char* domain, const void* data, size_t length, char* out);

/* Whether `mac` (LPBM_MAC_LENGTH bytes, need not be terminated) is that of the data; takes the same time either way. */
extern bool lpbm_mac_matches(const char* domain, const void* data, size_t length, const char* mac);

#endif /* LPBM_KEY_H */
