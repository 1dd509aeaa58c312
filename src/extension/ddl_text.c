#include "ddl_text.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/prepare.h"
#include "ddl_scan.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "record.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/ruleutils.h"

/* A message must fit into one allocation, with its escapes. */
#define TEXT_MAX (256 * 1024 * 1024)

/* --- settings ---------------------------------------------------------------------------------------------------- */

/*
 * What changes the meaning of DDL text; told where it differs from what replay sets (search_path always).
 * check_function_bodies is not among them: replay switches it off, what was created was checked then.
 */
static const char* const meaning[][2] = {{"search_path", NULL},
                                         {"DateStyle", "ISO, YMD"},
                                         {"IntervalStyle", "postgres"},
                                         {"TimeZone", "UTC"},
                                         {"standard_conforming_strings", "on"},
                                         {"backslash_quote", "safe_encoding"},
                                         {"array_nulls", "on"},
                                         {"transform_null_equals", "off"},
                                         {"xmloption", "content"},
                                         {"default_tablespace", ""},
                                         {"default_table_access_method", "heap"},
                                         {"default_toast_compression", "pglz"}};

static void append_field(StringInfo line, const char* text, size_t length) {
  appendStringInfoChar(line, '\t');
  lpbm_append_escaped(line, text, length);
}

static void append_string(StringInfo line, const char* text) {
  append_field(line, text, strlen(text));
}

static int append_setting(StringInfo list, const char* name, const char* usual) {
  const char* value = GetConfigOption(name, true, false);

  if (value == NULL || (usual != NULL && strcmp(value, usual) == 0)) return 0;
  append_string(list, name);
  append_string(list, value);
  return 1;
}

/* Q, kind, tag, extension, role, settings; the text follows. */
static void append_head(StringInfo line, char kind, const char* tag, const char* extension, const char* text) {
  StringInfoData list;
  int settings = 0;

  initStringInfo(&list);
  for (size_t i = 0; i < lengthof(meaning); i++) settings += append_setting(&list, meaning[i][0], meaning[i][1]);
  /* A locale that replay's server may not have is told only where it can matter. */
  if (strcasestr(text, "money") != NULL) settings += append_setting(&list, "lc_monetary", "C");
  appendStringInfo(line, "Q\t%c", kind);
  append_string(line, tag);
  append_string(line, extension);
  append_string(line, GetUserNameFromId(GetUserId(), false));
  appendStringInfo(line, "\t%d", settings);
  appendBinaryStringInfo(line, list.data, list.len);
  pfree(list.data);
}

/* --- text slices ------------------------------------------------------------------------------------------------- */

/*
 * Parse analysis has replaced the query inside of CREATE MATERIALIZED VIEW: it cannot be compared with the text's; what
 * is around it can.
 */
static bool is_same_view(CreateTableAsStmt* parsed, CreateTableAsStmt* statement) {
  IntoClause shell = *statement->into;

  shell.viewQuery = NULL;
  return parsed->objtype == statement->objtype && parsed->if_not_exists == statement->if_not_exists &&
         equal(parsed->into, &shell);
}

static bool is_same(Node* parsed, Node* statement) {
  if (IsA(statement, CreateTableAsStmt) && IsA(parsed, CreateTableAsStmt))
    return is_same_view((CreateTableAsStmt*)parsed, (CreateTableAsStmt*)statement);
  return equal(parsed, statement);
}

/*
 * Whether the text alone parses to this statement: with the settings of this moment, which replay has too. The parser
 * holds no resources, so an error of it can be passed over without a subtransaction.
 */
static bool parses_to(const char* text, Node* statement) {
  MemoryContext context = CurrentMemoryContext;
  volatile bool same = false;

  PG_TRY();
  {
    List* parsed = raw_parser(text, RAW_PARSE_DEFAULT);

    same = list_length(parsed) == 1 && is_same(linitial_node(RawStmt, parsed)->stmt, statement);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
    same = false;
  }
  PG_END_TRY();
  return same;
}

static char* slice(const PlannedStmt* statement, const char* query) {
  size_t length = query != NULL ? strlen(query) : 0;
  size_t begin = statement->stmt_location > 0 ? (size_t)statement->stmt_location : 0;

  if (begin > length) return NULL;
  length -= begin;
  if (statement->stmt_len > 0 && (size_t)statement->stmt_len < length) length = (size_t)statement->stmt_len;
  return length <= TEXT_MAX ? pnstrdup(query + begin, length) : NULL;
}

char* lpbm_ddl_line(char kind, const PlannedStmt* statement, const char* query, const char* extension,
                    const char** code, const char** detail) {
  Node* node = statement->utilityStmt;
  char* text = slice(statement, query);
  StringInfoData line;

  *code = NULL;
  *detail = GetCommandTagName(CreateCommandTag(node));
  if (text == NULL || !parses_to(text, node)) {
    *code = "ddl_text";
  } else if (lpbm_has_time_literal(text, node)) {
    *code = "time_literal";
  } else if (!IsA(node, ViewStmt) && lpbm_names_temporary(text)) { /* a view that reads one is temporary itself */
    *code = "temporary";
  } else if (lpbm_has_evaluated_bound(node)) {
    *code = "partition_bound";
  }
  if (*code != NULL) return NULL;
  initStringInfo(&line);
  append_head(&line, kind, *detail, extension, text);
  append_string(&line, text);
  pfree(text);
  return line.data;
}

/* --- CREATE TABLE AS --------------------------------------------------------------------------------------------- */

static void append_column(StringInfo text, const char* name, Oid type, int32 typmod, Oid collation) {
  appendStringInfo(text, "%s %s", quote_identifier(name),
                   format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
  if (OidIsValid(collation) && collation != get_typcollation(type))
    appendStringInfo(text, " COLLATE %s", generate_collation_name(collation));
}

/* The next name of the statement's own list, or the query's. */
static const char* column_name(List* names, int number, const char* name) {
  return number < list_length(names) ? strVal(list_nth(names, number)) : name;
}

static bool append_columns(StringInfo text, CreateTableAsStmt* statement) {
  Query* query = (Query*)statement->query;
  List* names = statement->into->colNames;
  int number = 0;

  if (!IsA(query, Query)) return false;
  if (query->commandType == CMD_UTILITY) {
    PreparedStatement* prepared;
    TupleDesc result;

    if (query->utilityStmt == NULL || !IsA(query->utilityStmt, ExecuteStmt)) return false;
    prepared = FetchPreparedStatement(((ExecuteStmt*)query->utilityStmt)->name, false);
    result = prepared != NULL ? prepared->plansource->resultDesc : NULL;
    if (result == NULL) return false;
    for (number = 0; number < result->natts; number++) {
      Form_pg_attribute attribute = TupleDescAttr(result, number);

      if (number > 0) appendStringInfoString(text, ", ");
      append_column(text, column_name(names, number, NameStr(attribute->attname)), attribute->atttypid,
                    attribute->atttypmod, attribute->attcollation);
    }
  } else {
    ListCell* cell;

    foreach (cell, query->commandType == CMD_SELECT ? query->targetList : query->returningList) {
      TargetEntry* entry = lfirst_node(TargetEntry, cell);
      Node* expression = (Node*)entry->expr;

      if (entry->resjunk) continue;
      if (number > 0) appendStringInfoString(text, ", ");
      append_column(text, column_name(names, number++, entry->resname), exprType(expression), exprTypmod(expression),
                    exprCollation(expression));
    }
  }
  return true;
}

static void append_options(StringInfo text, List* options) {
  ListCell* cell;
  const char* separator = " WITH (";

  foreach (cell, options) {
    DefElem* option = lfirst_node(DefElem, cell);

    appendStringInfoString(text, separator);
    if (option->defnamespace != NULL) appendStringInfo(text, "%s.", quote_identifier(option->defnamespace));
    appendStringInfoString(text, quote_identifier(option->defname));
    if (option->arg != NULL) appendStringInfo(text, " = %s", quote_literal_cstr(defGetString(option)));
    separator = ", ";
  }
  if (options != NIL) appendStringInfoChar(text, ')');
}

char* lpbm_ddl_table_as_line(CreateTableAsStmt* statement, const char** code, const char** detail) {
  IntoClause* into = statement->into;
  StringInfoData text, line;

  initStringInfo(&text);
  appendStringInfo(&text, "CREATE %sTABLE %s", into->rel->relpersistence == RELPERSISTENCE_UNLOGGED ? "UNLOGGED " : "",
                   statement->if_not_exists ? "IF NOT EXISTS " : "");
  if (into->rel->schemaname != NULL) appendStringInfo(&text, "%s.", quote_identifier(into->rel->schemaname));
  appendStringInfo(&text, "%s (", quote_identifier(into->rel->relname));
  if (!append_columns(&text, statement)) {
    *code = "ddl_text";
    *detail = "CREATE TABLE AS";
    return NULL;
  }
  appendStringInfoChar(&text, ')');
  if (into->accessMethod != NULL) appendStringInfo(&text, " USING %s", quote_identifier(into->accessMethod));
  append_options(&text, into->options);
  if (into->tableSpaceName != NULL) appendStringInfo(&text, " TABLESPACE %s", quote_identifier(into->tableSpaceName));
  initStringInfo(&line);
  append_head(&line, 't', "CREATE TABLE", "", text.data);
  append_string(&line, text.data);
  return line.data;
}

/* --- columns that are added with a default ----------------------------------------------------------------------- */

/* Replay would find the same value: a literal, perhaps with a cast. */
static bool is_constant(Node* expression) {
  while (IsA(expression, TypeCast)) expression = ((TypeCast*)expression)->arg;
  return IsA(expression, A_Const);
}

static bool is_domain(TypeName* name) {
  Oid type = name != NULL ? LookupTypeNameOid(NULL, name, true) : InvalidOid;

  return OidIsValid(type) && get_typtype(type) == TYPTYPE_DOMAIN;
}

/* A domain may have a default of its own. */
static bool is_evaluated_column(ColumnDef* column) {
  ListCell* cell;

  foreach (cell, column->constraints) {
    Constraint* constraint = lfirst_node(Constraint, cell);

    if (constraint->contype == CONSTR_DEFAULT) return !is_constant(constraint->raw_expr);
  }
  return is_domain(column->typeName);
}

Oid lpbm_ddl_altered_table(Node* statement, List** columns) {
  ListCell* cell;

  *columns = NIL;
  if (!IsA(statement, AlterTableStmt)) return InvalidOid;
  foreach (cell, ((AlterTableStmt*)statement)->cmds) {
    AlterTableCmd* command = lfirst_node(AlterTableCmd, cell);

    if (command->subtype == AT_AddColumn && command->def != NULL && IsA(command->def, ColumnDef) &&
        is_evaluated_column((ColumnDef*)command->def))
      *columns = lappend(*columns, pstrdup(((ColumnDef*)command->def)->colname));
  }
  if (*columns == NIL) return InvalidOid;
  return RangeVarGetRelidExtended(((AlterTableStmt*)statement)->relation, NoLock, RVR_MISSING_OK, NULL, NULL);
}

char* lpbm_ddl_added_columns(Oid relid, List* columns) {
  StringInfoData lines;
  List* relations;
  ListCell *relation, *column;

  initStringInfo(&lines);
  if (!OidIsValid(relid)) return lines.data;
  relations = find_all_inheritors(relid, NoLock, NULL);
  foreach (relation, relations)
    foreach (column, columns) appendStringInfo(&lines, "%u %s\n", lfirst_oid(relation), (char*)lfirst(column));
  return lines.data;
}
