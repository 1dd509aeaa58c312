/*
 * The messages that DDL capture leaves in the WAL and the plugin reads: transactional logical messages with the prefix
 * `lpbm`, in the order of their LSNs:
 *
 *     <mac> <type> <database> <xid> <counter>\n<content>
 *
 * mac: over the domain below and all that follows its blank; type: one letter; database: its OID; xid: the 64-bit full
 * xid of the top-level transaction; counter: grows within the backend; numbers in decimal. A message whose mac,
 * database or xid is not right, or whose counter is not above that of the one before in its transaction, is noise:
 * anybody may emit messages, and copy ours. Contents:
 *
 *     B <id> <mode>\n<text>    a command begins: bracket id; modes: q = replay, s and g = the same of a command that
 *                              spreads or gathers (LpbmDdlOrder), x = replay, but not what it does inside (extension
 *                              scripts), n = neutral for a backup, h = hole. text: for those that are replayed the Q
 *                              line of the record without its end (docs/formats.md), for h `code TAB detail`, not
 *                              escaped
 *     E <id> <verdict>\n<text> it has ended: `=` as it was announced, n or h as above (known only now); with `=`, text
 * may hold a line `relid column` (decimal, name) for each column that was added with a default which replay would
 * evaluate anew N\n                      all catalog changes of this transaction are neutral C\n<text> all of them are
 * those of a command outside of transaction blocks that has succeeded; Q line H\n<text>                a hole: `code
 * TAB detail` T\n                      what follows until the commit is the clean-up of temporary tables R\n<begin>
 * <end>\n...    LSNs (decimal) between which commands were rolled back, with a subtransaction
 */
#ifndef LPBM_DDL_MESSAGE_H
#define LPBM_DDL_MESSAGE_H

#include "postgres.h"

#define LPBM_MESSAGE_PREFIX "lpbm"
#define LPBM_MESSAGE_DOMAIN "lpbm message\n"
#define LPBM_ANCHOR_DOMAIN "lpbm anchor\n"

#endif /* LPBM_DDL_MESSAGE_H */
