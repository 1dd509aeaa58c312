/*
 * What DDL text may not hold, because replay would evaluate it anew, or not find it.
 */
#ifndef LPBM_DDL_SCAN_H
#define LPBM_DDL_SCAN_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * A literal that holds a word like 'now', in the text of a raw statement which the parser has taken under the session's
 * settings of this moment. Cautious: true also where the literal may be something else than a time.
 */
extern bool lpbm_has_time_literal(const char* text, Node* statement);
/* A word in such a text that is also the name of a temporary object of this session. Cautious as well. */
extern bool lpbm_names_temporary(const char* text);
/* A partition bound that is more than literals, in a raw statement. */
extern bool lpbm_has_evaluated_bound(Node* statement);

#endif /* LPBM_DDL_SCAN_H */
