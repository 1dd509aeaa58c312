/*
 * What DDL text may not hold, because replay would evaluate it anew, or not find it.
 */
#include "ddl_scan.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/keywords.h"
#include "ddl_target.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/scanner.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* --- the words of a statement --------------------------------------------------------------------------------------
 *
 * The server's own scanner cuts the text: what is an identifier, a literal (of any form, with its escapes undone), or
 * neither, is exactly what the parser saw.
 */

typedef enum WordKind {
  WORD_END,
  WORD_NAME,            /* an identifier or keyword: `text` as it is stored */
  WORD_LITERAL,         /* `text` is its value */
  WORD_UNICODE_NAME,    /* U&"...", whose escapes only the grammar undoes */
  WORD_UNICODE_LITERAL, /* U&'...' */
  WORD_DOT,
  WORD_OTHER
} WordKind;

typedef struct Words {
  core_yyscan_t scanner;
  core_yy_extra_type extra;
  const char* source;
  const char* text;
} Words;

static void begin_words(Words* words, const char* source) {
  words->source = source;
  words->scanner = scanner_init(source, &words->extra, &ScanKeywords, ScanKeywordTokens);
  words->extra.escape_string_warning = false; /* the parser has given it */
}

static int token_of(const char* source) {
  Words words;
  core_YYSTYPE value;
  YYLTYPE location;
  int token;

  begin_words(&words, source);
  words.extra.standard_conforming_strings = true;
  token = core_yylex(&value, &location, words.scanner);
  scanner_finish(words.scanner);
  return token;
}

/* The numbers of tokens are the grammar's own, whose header is not installed everywhere. */
static WordKind next_word(Words* words) {
  static int literal = 0, unicode_literal, name, unicode_name;
  core_YYSTYPE value;
  YYLTYPE location;
  int token;

  if (literal == 0) {
    unicode_literal = token_of("U&'a'");
    unicode_name = token_of("U&\"a\"");
    name = token_of("a");
    literal = token_of("'a'");
  }
  CHECK_FOR_INTERRUPTS();
  token = core_yylex(&value, &location, words->scanner);
  if (token == 0) return WORD_END;
  if (token == '.') return WORD_DOT;
  if (token == unicode_literal) return WORD_UNICODE_LITERAL;
  if (token == unicode_name) return WORD_UNICODE_NAME;
  if (token == literal || token == name) {
    words->text = value.str;
    return token == literal ? WORD_LITERAL : WORD_NAME;
  }
  /* A bit string begins with a letter as well, and is no name of anything. */
  if (isalpha((unsigned char)words->source[location])) {
    words->text = value.keyword;
    return WORD_NAME;
  }
  return WORD_OTHER;
}

/* --- literals that are times ---------------------------------------------------------------------------------------
 */

/*
 * Whether a literal holds a word that input functions of date and time types evaluate when the command runs. Digits and
 * punctuation end a word for them: '{today}', '12:30 tomorrow', '[yesterday,now]'.
 */
static bool holds_time_word(const char* text) {
  static const char* const words[] = {"now", "today", "tomorrow", "yesterday"};

  while (*text != '\0') {
    size_t length = 0;

    while (isalpha((unsigned char)text[length]) && !IS_HIGHBIT_SET(text[length])) length++;
    for (size_t i = 0; i < lengthof(words); i++)
      if (length == strlen(words[i]) && pg_strncasecmp(text, words[i], length) == 0) return true;
    text += Max(length, 1);
  }
  return false;
}

/* The strings behind AS of CREATE FUNCTION, which are evaluated when they run. */
static List* bodies_of(Node* statement) {
  ListCell* cell;

  if (!IsA(statement, CreateFunctionStmt)) return NIL;
  foreach (cell, ((CreateFunctionStmt*)statement)->options) {
    DefElem* option = lfirst_node(DefElem, cell);

    if (strcmp(option->defname, "as") == 0 && option->arg != NULL && IsA(option->arg, List)) return (List*)option->arg;
  }
  return NIL;
}

static bool is_body(List* bodies, const char* text) {
  ListCell* cell;

  foreach (cell, bodies)
    if (IsA(lfirst(cell), String) && strcmp(strVal(lfirst(cell)), text) == 0) return true;
  return false;
}

static bool takes_no_times(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CommentStmt:
    case T_SecLabelStmt:
    case T_CreateEnumStmt:
    case T_AlterEnumStmt:
      return true;
    default:
      return false;
  }
}

static bool find_time_literal(const char* text, Node* statement) {
  List* bodies = bodies_of(statement);
  Words words;
  WordKind kind;
  bool found = false;

  begin_words(&words, text);
  while (!found && (kind = next_word(&words)) != WORD_END) {
    if (kind == WORD_LITERAL)
      found = holds_time_word(words.text) && !is_body(bodies, words.text);
    else
      found = kind == WORD_UNICODE_LITERAL; /* it may be one */
  }
  scanner_finish(words.scanner);
  return found;
}

/* --- names of temporary objects ------------------------------------------------------------------------------------
 */

static bool is_temporary_name(const char* text) {
  Oid namespace = lpbm_temporary_namespace();

  if (strlen(text) >= NAMEDATALEN) return false;
  return OidIsValid(lpbm_temporary_relation(text)) ||
         SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(text), ObjectIdGetDatum(namespace));
}

/* A literal may be cast to a name of something: nextval('...'). */
static bool find_temporary(const char* text) {
  Words words;
  WordKind kind;
  WordKind before = WORD_OTHER;
  bool found = false;

  begin_words(&words, text);
  while (!found && (kind = next_word(&words)) != WORD_END) {
    if (kind == WORD_UNICODE_LITERAL || kind == WORD_UNICODE_NAME)
      found = true; /* it may be one */
    else if (kind == WORD_LITERAL)
      found = is_temporary_name(words.text) || strstr(words.text, "pg_temp") != NULL;
    else if (kind == WORD_NAME)
      found = lpbm_is_temporary_schema(words.text) || (before != WORD_DOT && is_temporary_name(words.text));
    before = kind;
  }
  scanner_finish(words.scanner);
  return found;
}

/* --- what the header promises --------------------------------------------------------------------------------------
 */

typedef struct Search {
  const char* text;
  Node* statement; /* NULL: temporary objects */
} Search;

/* With the memory of all words given back at once. */
static bool search(const Search* what) {
  MemoryContext words = AllocSetContextCreate(CurrentMemoryContext, "lpbm words", ALLOCSET_DEFAULT_SIZES);
  MemoryContext old = MemoryContextSwitchTo(words);
  bool found = what->statement != NULL ? find_time_literal(what->text, what->statement) : find_temporary(what->text);

  MemoryContextSwitchTo(old);
  MemoryContextDelete(words);
  return found;
}

bool lpbm_has_time_literal(const char* text, Node* statement) {
  Search what = {text, statement};

  return !takes_no_times(statement) && search(&what);
}

bool lpbm_names_temporary(const char* text) {
  Search what = {text, NULL};

  return OidIsValid(lpbm_temporary_namespace()) && search(&what);
}

/* --- bounds of partitions ------------------------------------------------------------------------------------------
 */

static bool is_evaluated(Node* node, void* context) {
  (void)context;
  if (node == NULL) return false;
  if (IsA(node, FuncCall) || IsA(node, SQLValueFunction) || IsA(node, SubLink)) return true;
  return raw_expression_tree_walker(node, is_evaluated, NULL);
}

static bool is_evaluated_bound(PartitionBoundSpec* bound) {
  return bound != NULL &&
         (is_evaluated((Node*)bound->listdatums, NULL) || is_evaluated((Node*)bound->lowerdatums, NULL) ||
          is_evaluated((Node*)bound->upperdatums, NULL));
}

/* Partition bounds are evaluated once, when the command runs. */
bool lpbm_has_evaluated_bound(Node* statement) {
  ListCell* cell;

  if (IsA(statement, CreateStmt)) return is_evaluated_bound(((CreateStmt*)statement)->partbound);
  if (IsA(statement, CreateForeignTableStmt))
    return is_evaluated_bound(((CreateForeignTableStmt*)statement)->base.partbound);
  if (!IsA(statement, AlterTableStmt)) return false;
  foreach (cell, ((AlterTableStmt*)statement)->cmds) {
    AlterTableCmd* command = lfirst_node(AlterTableCmd, cell);

    if (command->subtype == AT_AttachPartition && command->def != NULL && IsA(command->def, PartitionCmd) &&
        is_evaluated_bound(((PartitionCmd*)command->def)->bound))
      return true;
  }
  return false;
}
