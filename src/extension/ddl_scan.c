/*
 * What DDL text may not hold, because replay would evaluate it anew.
 */
#include "ddl_scan.h"

#include <ctype.h>

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

/*
 * Whether a literal begins (after its quote) with a word that input functions of date and time types evaluate when the
 * command runs.
 */
static bool is_time_word(const char* text) {
  static const char* const words[] = {"now", "today", "tomorrow", "yesterday"};

  while (isspace((unsigned char)*text)) text++;
  for (size_t i = 0; i < lengthof(words); i++) {
    size_t length = strlen(words[i]);

    if (pg_strncasecmp(text, words[i], length) == 0 && (text[length] == '\'' || isspace((unsigned char)text[length])))
      return true;
  }
  return false;
}

/* The end of a dollar-quoted string that may begin at text, or NULL. */
static const char* dollar_end(const char* text) {
  const char* tag_end = text + 1;
  char* tag;
  const char* found;

  while (isalnum((unsigned char)*tag_end) || *tag_end == '_' || IS_HIGHBIT_SET(*tag_end)) tag_end++;
  if (*tag_end != '$' || isdigit((unsigned char)text[1])) return NULL;
  tag = pnstrdup(text, tag_end + 1 - text);
  found = strstr(tag_end + 1, tag);
  if (found != NULL) found += strlen(tag);
  pfree(tag);
  return found;
}

/* The end of the literal whose quote is at text; doubled quotes are part of it, and escapes where there are any. */
static const char* literal_end(const char* text, bool escapes) {
  for (text++; *text != '\0'; text++) {
    if (escapes && text[0] == '\\' && text[1] != '\0') {
      text++;
    } else if (text[0] == '\'') {
      if (text[1] != '\'') return text + 1;
      text++;
    }
  }
  return text;
}

static const char* comment_end(const char* text) {
  int depth = 0;

  do {
    if (text[0] == '/' && text[1] == '*') {
      depth++;
      text += 2;
    } else if (text[0] == '*' && text[1] == '/') {
      depth--;
      text += 2;
    } else if (*text != '\0') {
      text++;
    }
  } while (depth > 0 && *text != '\0');
  return text;
}

/* Walks over literals; dollar-quoted bodies are evaluated when they run, not when they are created. */
bool lpbm_has_time_literal(const char* text) {
  char before = ' ';

  while (*text != '\0') {
    const char* start = text;

    if (text[0] == '-' && text[1] == '-') {
      text += strcspn(text, "\r\n");
    } else if (text[0] == '/' && text[1] == '*') {
      text = comment_end(text);
    } else if (text[0] == '"') {
      const char* close = strchr(text + 1, '"');

      if (close == NULL) return false;
      text = close + 1;
    } else if (text[0] == '$') {
      const char* end = dollar_end(text);

      text = end != NULL ? end : text + 1;
    } else if (text[0] == '\'') {
      if (is_time_word(text + 1)) return true;
      text = literal_end(text, before == 'E' || before == 'e' || !standard_conforming_strings);
    } else {
      text++;
    }
    before = *start;
  }
  return false;
}

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

    if (command->subtype == AT_AttachPartition && is_evaluated_bound(castNode(PartitionCmd, command->def)->bound))
      return true;
  }
  return false;
}
