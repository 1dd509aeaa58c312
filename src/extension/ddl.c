#include "ddl.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "compat.h"
#include "databases.h"
#include "ddl_class.h"
#include "ddl_message.h"
#include "ddl_order.h"
#include "ddl_text.h"
#include "key.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "replication/origin.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

/* A statement that is running, on the stack of its hook. */
typedef struct Frame {
  struct Frame* outer;
  LpbmDdlClass class;
  bool recorded; /* its begin message was written */
  uint64 id;
} Frame;

/* Where in the WAL a command ran, until it is known whether its subtransaction commits. */
typedef struct Stretch {
  SubTransactionId subtransaction;
  XLogRecPtr begin, end;
  bool aborted;
} Stretch;

static ProcessUtility_hook_type next_hook = NULL;
static bool exempt = false;
static uint64 counter = 0;

static Frame* innermost = NULL;

/* Of the transaction: in its memory context, forgotten at its end. */
static Stretch* stretches = NULL;
static int stretch_count = 0;
static int stretch_capacity = 0;
static bool rest_is_neutral = false; /* a MARK statement ran: what it left to commit is its own */
static bool drops_at_commit = false; /* a temporary table ON COMMIT DROP was made */

/* Q line of the DROP INDEX CONCURRENTLY that is running, until its first commit. */
static char* dropping = NULL;

/* --- messages ---------------------------------------------------------------------------------------------------- */

static XLogRecPtr send_message(char type, const char* content, size_t length) {
  FullTransactionId xid = GetTopFullTransactionId();
  StringInfoData message;
  char mac[LPBM_MAC_LENGTH + 1];
  XLogRecPtr end;

  initStringInfo(&message);
  appendStringInfoSpaces(&message, LPBM_MAC_LENGTH + 1);
  appendStringInfo(&message, "%c %u " UINT64_FORMAT " " UINT64_FORMAT "\n", type, MyDatabaseId,
                   U64FromFullTransactionId(xid), ++counter);
  appendBinaryStringInfo(&message, content, (int)length);
  lpbm_mac(LPBM_MESSAGE_DOMAIN, message.data + LPBM_MAC_LENGTH + 1, message.len - LPBM_MAC_LENGTH - 1, mac);
  memcpy(message.data, mac, LPBM_MAC_LENGTH);
  end = lpbm_log_message(LPBM_MESSAGE_PREFIX, message.data, message.len, true);
  pfree(message.data);
  return end;
}

static XLogRecPtr send_bracket(char type, uint64 id, char mode, const char* text) {
  StringInfoData content;
  XLogRecPtr end;

  initStringInfo(&content);
  appendStringInfo(&content, UINT64_FORMAT " %c\n", id, mode);
  appendStringInfoString(&content, text);
  end = send_message(type, content.data, content.len);
  pfree(content.data);
  return end;
}

static char* hole_text(const char* code, const char* detail) {
  return psprintf("%s\t%s", code, detail);
}

/* --- when there is anything to do -------------------------------------------------------------------------------- */

static bool can_capture(void) {
  if (exempt || !IsUnderPostmaster || !lpbm_key_loaded() || !XLogLogicalInfoActive()) return false;
  if (!OidIsValid(MyDatabaseId) || !IsTransactionState() || IsInParallelMode() || RecoveryInProgress()) return false;
  return lpbm_is_backed_up();
}

/* Whether what runs inside of the innermost statement can matter: its own subcommands are in its text. */
static bool is_inside_of_text(ProcessUtilityContext context) {
  if (innermost == NULL) return false;
  switch (innermost->class) {
    case LPBM_DDL_TRANSPARENT:
    case LPBM_DDL_NEUTRAL:
      return false;
    case LPBM_DDL_REPLAY:
    case LPBM_DDL_TABLE_AS:
    case LPBM_DDL_AFTER:
      return context == PROCESS_UTILITY_SUBCOMMAND;
    default:
      return true;
  }
}

/* What functions and triggers run on top of a recorded statement, replay would run again, or not at all. */
static LpbmDdlPlan nest(LpbmDdlPlan plan) {
  if (innermost == NULL || plan.class == LPBM_DDL_IGNORE || plan.class == LPBM_DDL_NEUTRAL) return plan;
  if (innermost->class == LPBM_DDL_TRANSPARENT || innermost->class == LPBM_DDL_NEUTRAL) return plan;
  plan.class = LPBM_DDL_HOLE;
  plan.code = "nested_ddl";
  plan.detail = "a command ran inside of another one";
  return plan;
}

/* --- stretches --------------------------------------------------------------------------------------------------- */

static void begin_stretch(XLogRecPtr begin) {
  if (stretch_count == stretch_capacity) {
    int capacity = Max(16, 2 * stretch_capacity);

    stretches = stretches == NULL ? MemoryContextAlloc(TopTransactionContext, capacity * sizeof(Stretch))
                                  : repalloc_huge(stretches, capacity * sizeof(Stretch));
    stretch_capacity = capacity;
  }
  stretches[stretch_count].subtransaction = GetCurrentSubTransactionId();
  stretches[stretch_count].begin = begin;
  stretches[stretch_count].end = InvalidXLogRecPtr;
  stretches[stretch_count].aborted = false;
  stretch_count++;
}

static void end_stretch(XLogRecPtr begin, XLogRecPtr end) {
  for (int i = stretch_count - 1; i >= 0; i--) {
    if (stretches[i].begin != begin) continue;
    stretches[i].end = end;
    return;
  }
}

/* Stretches come in the order of subtransactions, and those of an ended one belong to its parent: the tail is enough.
 */
static void watch_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void* argument) {
  (void)argument;
  if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB) return;
  for (int i = stretch_count - 1; i >= 0; i--) {
    Stretch* stretch = &stretches[i];

    if (stretch->aborted) continue;
    if (stretch->subtransaction < mine) break;
    if (event == SUBXACT_EVENT_COMMIT_SUB) {
      stretch->subtransaction = parent;
    } else {
      stretch->aborted = true;
      if (stretch->end == InvalidXLogRecPtr) stretch->end = GetXLogInsertRecPtr();
    }
  }
}

static void send_aborted_stretches(void) {
  StringInfoData content;

  initStringInfo(&content);
  for (int i = 0; i < stretch_count; i++) {
    if (!stretches[i].aborted) continue;
    appendStringInfo(&content, UINT64_FORMAT " " UINT64_FORMAT "\n", stretches[i].begin, stretches[i].end);
  }
  if (content.len > 0) send_message('R', content.data, content.len);
  pfree(content.data);
}

/* --- the end of transactions ------------------------------------------------------------------------------------- */

static bool is_neutral_commit(void) {
  if (rest_is_neutral || proc_exit_inprogress || MyBackendType == B_AUTOVAC_WORKER) return true;
  return innermost != NULL && (innermost->class == LPBM_DDL_MARK || innermost->class == LPBM_DDL_AFTER);
}

static void before_commit(void) {
  bool neutral = is_neutral_commit();

  if (!neutral && stretch_count == 0 && !drops_at_commit) return;
  if (!TransactionIdIsValid(GetTopTransactionIdIfAny()) || !can_capture()) return;
  if (dropping != NULL) {
    send_message('C', dropping, strlen(dropping));
    dropping = NULL;
    return;
  }
  if (neutral) {
    send_message('N', "", 0);
    return;
  }
  send_aborted_stretches();
  if (drops_at_commit) send_message('T', "", 0);
}

static void forget_transaction(void) {
  stretches = NULL;
  stretch_count = 0;
  stretch_capacity = 0;
  rest_is_neutral = false;
  drops_at_commit = false;
}

static void watch_transaction(XactEvent event, void* argument) {
  (void)argument;
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      before_commit();
      break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      forget_transaction();
      break;
    default:
      break;
  }
}

/* --- running a statement ----------------------------------------------------------------------------------------- */

typedef struct Call {
  PlannedStmt* statement;
  const char* query;
  bool read_only_tree;
  ProcessUtilityContext context;
  ParamListInfo parameters;
  QueryEnvironment* environment;
  DestReceiver* destination;
  QueryCompletion* completion;
} Call;

static void run(const Call* call) {
  ProcessUtility_hook_type hook = next_hook != NULL ? next_hook : standard_ProcessUtility;

  hook(call->statement, call->query, call->read_only_tree, call->context, call->parameters, call->environment,
       call->destination, call->completion);
}

static void run_in_frame(const Call* call, Frame* frame) {
  frame->outer = innermost;
  innermost = frame;
  PG_TRY();
  { run(call); }
  PG_FINALLY();
  { innermost = frame->outer; }
  PG_END_TRY();
}

/* The Q line, or NULL: then the plan has become a hole. */
static char* make_line(const Call* call, LpbmDdlPlan* plan) {
  const char *code, *detail;
  char* line;

  if (plan->class == LPBM_DDL_TABLE_AS)
    line = lpbm_ddl_table_as_line(lpbm_ddl_table_as(call->statement->utilityStmt), &code, &detail);
  else
    line = lpbm_ddl_line(plan->class == LPBM_DDL_AFTER ? 'c' : 't', call->statement, call->query, plan->extension,
                         &code, &detail);
  if (line == NULL) {
    plan->code = code;
    plan->detail = detail;
  }
  return line;
}

static bool is_dropped_at_commit(Node* node) {
  CreateTableAsStmt* as = lpbm_ddl_table_as(node);

  if (as != NULL) return as->into->onCommit == ONCOMMIT_DROP;
  return IsA(node, CreateStmt) && ((CreateStmt*)node)->oncommit == ONCOMMIT_DROP;
}

static char mode_of(const LpbmDdlPlan* plan, const char* line, Node* statement) {
  if (plan->class == LPBM_DDL_NEUTRAL) return 'n';
  if (line == NULL) return 'h';
  if (plan->class == LPBM_DDL_EXTENSION) return 'x';
  switch (lpbm_ddl_order(statement)) {
    case LPBM_ORDER_SPREADS:
      return 's';
    case LPBM_ORDER_GATHERS:
      return 'g';
    default:
      return 'q';
  }
}

/* Whether the command is announced with a line that replays it, and what it does inside counts, too. */
static bool is_replayed(char mode) {
  return mode == 'q' || mode == 's' || mode == 'g';
}

/* The E message of a command that was announced with a Q line, by what has become of it. */
static XLogRecPtr send_verdict(uint64 id, const LpbmDdlPlan* plan, bool temporary, const char* added) {
  LpbmViewKind kind = temporary ? LPBM_VIEW_TEMPORARY : lpbm_ddl_view_kind(plan);

  if (kind == LPBM_VIEW_TEMPORARY) return send_bracket('E', id, 'n', "");
  if (kind == LPBM_VIEW_EITHER)
    return send_bracket('E', id, 'h', hole_text("temporary", "a view shares its name with a temporary one"));
  return send_bracket('E', id, '=', added);
}

/* Begin and end message around the statement. */
static void run_bracketed(const Call* call, LpbmDdlPlan* plan) {
  Node* node = call->statement->utilityStmt;
  Frame frame = {NULL, plan->class, true, ++counter};
  List* columns = NIL;
  Oid altered = InvalidOid;
  char* line = NULL;
  bool temporary = false;
  char mode;
  XLogRecPtr begin, end;

  if (plan->class != LPBM_DDL_NEUTRAL && plan->class != LPBM_DDL_HOLE) {
    line = make_line(call, plan);
    altered = lpbm_ddl_altered_table(node, &columns);
  }
  mode = mode_of(plan, line, node);
  if (is_dropped_at_commit(node)) drops_at_commit = true;
  begin = send_bracket('B', frame.id, mode,
                       mode == 'h'    ? hole_text(plan->code, plan->detail)
                       : line != NULL ? line
                                      : "");
  begin_stretch(begin);
  if (is_replayed(mode)) temporary = lpbm_ddl_creates_temporary(plan);
  run_in_frame(call, &frame);
  if (is_replayed(mode))
    end = send_verdict(frame.id, plan, temporary, OidIsValid(altered) ? lpbm_ddl_added_columns(altered, columns) : "");
  else
    end = send_bracket('E', frame.id, '=', "");
  end_stretch(begin, end);
}

/* Told after its success, in its last transaction. */
static void run_then_tell(const Call* call, LpbmDdlPlan* plan) {
  Frame frame = {NULL, plan->class, false, 0};
  char* line = plan->class == LPBM_DDL_AFTER ? make_line(call, plan) : NULL;
  char* hole = plan->code != NULL ? hole_text(plan->code, plan->detail) : NULL;

  run_in_frame(call, &frame);
  if (line != NULL) send_message('C', line, strlen(line));
  if (hole != NULL) send_message('H', hole, strlen(hole));
  if (line == NULL) rest_is_neutral = true;
}

/*
 * DROP INDEX CONCURRENTLY is told in its first transaction: from then on the index is not valid, and so for pg_dump not
 * there, also where the command fails while it waits for others.
 */
static void run_drop_concurrently(const Call* call, LpbmDdlPlan* plan) {
  Frame frame = {NULL, plan->class, false, 0};
  char* line = make_line(call, plan);
  char* copy;

  if (line == NULL) {
    run_then_tell(call, plan);
    return;
  }
  dropping = copy = MemoryContextStrdup(TopMemoryContext, line); /* commits free what is theirs */
  PG_TRY();
  { run_in_frame(call, &frame); }
  PG_FINALLY();
  {
    dropping = NULL;
    pfree(copy);
  }
  PG_END_TRY();
  rest_is_neutral = true;
}

static void process_utility(PlannedStmt* statement, const char* query, bool read_only_tree,
                            ProcessUtilityContext context, ParamListInfo parameters, QueryEnvironment* environment,
                            DestReceiver* destination, QueryCompletion* completion) {
  Call call = {statement, query, read_only_tree, context, parameters, environment, destination, completion};
  LpbmDdlPlan plan = LPBM_DDL_NO_PLAN;

  if (lpbm_ddl_may_matter(statement->utilityStmt) && !is_inside_of_text(context) && can_capture())
    plan = nest(lpbm_ddl_classify(statement->utilityStmt));
  if (XactReadOnly && plan.class != LPBM_DDL_NEUTRAL && plan.class != LPBM_DDL_MARK) plan.class = LPBM_DDL_IGNORE;
  switch (plan.class) {
    case LPBM_DDL_IGNORE:
      run(&call);
      break;
    case LPBM_DDL_TRANSPARENT: {
      Frame frame = {NULL, plan.class, false, 0};

      run_in_frame(&call, &frame);
      break;
    }
    case LPBM_DDL_AFTER:
    case LPBM_DDL_MARK:
      if (plan.class == LPBM_DDL_AFTER && IsA(statement->utilityStmt, DropStmt))
        run_drop_concurrently(&call, &plan);
      else
        run_then_tell(&call, &plan);
      break;
    default:
      run_bracketed(&call, &plan);
  }
}

void lpbm_ddl_install(void) {
  next_hook = ProcessUtility_hook;
  ProcessUtility_hook = process_utility;
  RegisterXactCallback(watch_transaction, NULL);
  RegisterSubXactCallback(watch_subtransaction, NULL);
}

void lpbm_ddl_exempt_process(void) {
  exempt = true;
  replorigin_session_origin = DoNotReplicateId;
}
