#include "delta/sql_class.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>

namespace lpbm::delta {
namespace {

constexpr std::size_t longest_name = 40;

// In lower case; empty where it is longer than any word that matters.
std::string_view lowered(std::string_view text, std::array<char, longest_name>& buffer) {
  if (text.size() > buffer.size()) return {};
  std::transform(text.begin(), text.end(), buffer.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return {buffer.data(), text.size()};
}

using Words = std::unordered_set<std::string_view>;

Words words_of(std::string_view text) {
  Words out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    out.insert(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// What may stand before a parenthesis and calls nothing.
const Words& keywords() {
  static const Words words = words_of(
      "all and any array as between by case cast conflict copy cross cube default distinct do else except exists "
      "filter for from group grouping having ilike in inner interval intersect into is join key lateral like "
      "limit materialized not of offset on only or order outer over partition recursive returning rollup row "
      "select set sets similar some table tablesample then to union using values when where window with within "
      "extract overlay numeric decimal varchar char character varying bit float time timestamp analyze verbose "
      "costs buffers format nothing explain update insert delete");
  return words;
}

// Functions of PostgreSQL that only compute: what they return depends on what they are given, or on data that the
// replay has, too.
const Words& harmless() {
  static const Words words = words_of(
      "abs acos age array_agg array_append array_cat array_dims array_length array_lower array_ndims "
      "array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string "
      "array_upper ascii asin atan atan2 avg bit_and bit_length bit_or bool_and bool_or box broadcast btrim "
      "cardinality cbrt ceil ceiling char_length character_length chr circle coalesce col_description concat "
      "concat_ws convert convert_from convert_to corr cos cot count cume_dist current_database current_schema "
      "current_schemas current_setting current_user date date_bin date_part date_trunc decode degrees "
      "dense_rank digest div encode every exp factorial first_value floor format format_type gcd "
      "generate_series generate_subscripts get_bit get_byte greatest has_column_privilege "
      "has_database_privilege has_schema_privilege has_sequence_privilege has_table_privilege hashtext hmac "
      "host initcap int4range int8range isfinite json_agg json_array_elements json_array_elements_text "
      "json_array_length json_build_array json_build_object json_each json_each_text json_extract_path "
      "json_extract_path_text json_object json_object_agg json_object_keys json_populate_record "
      "json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg "
      "jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object "
      "jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object "
      "jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_query jsonb_populate_record "
      "jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset "
      "jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead least left length ln "
      "log lower lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 "
      "min mod mode network normalize nth_value ntile nullif num_nonnulls num_nulls numrange obj_description "
      "octet_length percent_rank percentile_cont percentile_disc phraseto_tsquery pi plainto_tsquery point "
      "position power quote_ident quote_literal quote_nullable radians rank regexp_count regexp_match "
      "regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace "
      "reverse right round row_number row_to_json rpad rtrim session_user setweight set_byte sha224 sha256 "
      "sha384 sha512 shobj_description sign sin split_part sqrt starts_with stddev stddev_pop stddev_samp "
      "string_agg string_to_array string_to_table strpos substr substring sum tan to_ascii to_char to_date "
      "to_hex to_json to_jsonb to_number to_regclass to_regtype to_timestamp to_tsquery to_tsvector translate "
      "treat trim trim_array trunc ts_headline ts_rank tsrange tstzrange daterange unistr unnest upper var_pop "
      "var_samp variance version websearch_to_tsquery width_bucket xmlagg xmlelement xmlforest xmlparse xpath");
  return words;
}

// Functions whose value is another one at each call.
const Words& volatile_functions() {
  static const Words words = words_of(
      "now clock_timestamp statement_timestamp transaction_timestamp timeofday random random_normal "
      "gen_random_uuid gen_random_bytes gen_salt uuidv4 uuidv7 nextval currval lastval txid_current "
      "txid_current_if_assigned txid_current_snapshot inet_client_addr inet_client_port inet_server_addr "
      "inet_server_port lo_create lo_creat lo_import");
  return words;
}

bool is_volatile(std::string_view name) {
  return volatile_functions().contains(name) || name.starts_with("uuid_generate_") || name == "pg_current_xact_id" ||
         name == "pg_backend_pid" || name == "pg_current_wal_lsn" || name == "pg_postmaster_start_time";
}

// Those of the server that begin with pg_ and only read.
bool is_server_function(std::string_view name) {
  for (std::string_view begin : {"pg_advisory_",
                                 "pg_backend_pid",
                                 "pg_blocking_pids",
                                 "pg_cancel_backend",
                                 "pg_char_to_encoding",
                                 "pg_client_",
                                 "pg_collation_",
                                 "pg_column_",
                                 "pg_conf_load_time",
                                 "pg_current_",
                                 "pg_database_size",
                                 "pg_describe_object",
                                 "pg_encoding_",
                                 "pg_export_snapshot",
                                 "pg_filenode_relation",
                                 "pg_get_",
                                 "pg_has_role",
                                 "pg_identify_object",
                                 "pg_index_",
                                 "pg_indexes_size",
                                 "pg_is_",
                                 "pg_last_",
                                 "pg_listening_channels",
                                 "pg_lock_status",
                                 "pg_ls_",
                                 "pg_my_temp_schema",
                                 "pg_notify",
                                 "pg_options_to_table",
                                 "pg_postmaster_start_time",
                                 "pg_relation_",
                                 "pg_size_",
                                 "pg_sleep",
                                 "pg_stat_get_",
                                 "pg_table_size",
                                 "pg_tablespace_",
                                 "pg_terminate_backend",
                                 "pg_timezone_",
                                 "pg_total_relation_size",
                                 "pg_trigger_depth",
                                 "pg_try_advisory_",
                                 "pg_typeof",
                                 "pg_wal_lsn_diff",
                                 "pg_walfile_name"})
    if (name.starts_with(begin)) return true;
  return name.starts_with("pg_") && name.ends_with("_is_visible");
}

// Dates that are counted from the day on which they are read.
bool is_relative_time(std::string_view literal) {
  for (std::string_view word : {"'now'", "'today'", "'tomorrow'", "'yesterday'"})
    if (is_word(literal, word)) return true;
  return false;
}

}  // namespace

void SqlContext::take(SqlToken::Kind kind, std::string_view text, LoggedStatement& statement) {
  if (cursor_next_) statement.current_of = text;
  cursor_next_ = false;
  if (kind == SqlToken::name)
    word(text, statement);
  else if (kind == SqlToken::symbol && text[0] == '(')
    call(statement);
  else if (kind == SqlToken::string && text.size() <= 11 && is_relative_time(text))
    statement.volatile_values = true;
  ring_[taken_++ % ring_.size()] = {kind, text};
}

void SqlContext::word(std::string_view text, LoggedStatement& statement) {
  if (is_word(before(0).text, "as") && (is_word(text, "select") || is_word(text, "with") || is_word(text, "values")))
    query_ = true;
  switch (text.front() | 0x20) {
    case 'i':
      writes_ = writes_ || is_word(text, "insert") || is_word(text, "into");
      break;
    case 'u':
      writes_ =
          writes_ || (is_word(text, "update") && !is_word(before(0).text, "for") && !is_word(before(0).text, "key"));
      break;
    case 'd':
      writes_ = writes_ || is_word(text, "delete");
      break;
    case 'm':
      writes_ = writes_ || is_word(text, "merge");
      break;
    case 't':
      if (is_word(before(0).text, "into") && (is_word(text, "temp") || is_word(text, "temporary")))
        statement.temporary = true;
      break;
    case 'c':
      if (is_word(text, "current_timestamp") || is_word(text, "current_date") || is_word(text, "current_time"))
        statement.volatile_values = true;
      break;
    case 'o':
      cursor_next_ = is_word(text, "of") && is_word(before(0).text, "current");
      break;
    case 'l':
      if (is_word(text, "localtime") || is_word(text, "localtimestamp")) statement.volatile_values = true;
      break;
    default:
      break;
  }
}

// At an opening parenthesis: is what stands before it a function?
void SqlContext::call(LoggedStatement& statement) {
  const Seen& last = before(0);
  if (last.kind != SqlToken::name && last.kind != SqlToken::quoted_name) return;
  const bool qualified = before(1).text == "." && before(2).kind != SqlToken::symbol;
  const Seen& ahead = qualified ? before(3) : before(1);
  // A list of columns, or the width of a type.
  for (std::string_view word : {"into", "as", "table", "references", "prepare", "execute", "copy"})
    if (is_word(ahead.text, word)) return;
  if (ahead.text == ")" || ahead.text == ":") return;
  std::array<char, longest_name> buffer;
  const std::string_view name = lowered(last.text, buffer);
  if (!qualified && last.kind == SqlToken::name && keywords().contains(name)) return;
  const bool own = qualified && folded(before(2).text) != "pg_catalog";
  if (!own && (name == "set_config" || name == "\"set_config\"")) {
    sets_config_ = true;
    return;
  }
  if (!own && last.kind == SqlToken::name && is_volatile(name)) statement.volatile_values = true;
  if (name == "nextval" || name == "setval" || name.starts_with("lo_") || name == "lowrite") writes_ = true;
  // Those of the server: what pg_...() change is not the data.
  const bool harmless_here = name == "nextval" || name == "setval" || is_volatile(name) || harmless().contains(name) ||
                             is_server_function(name) || qualified;
  if (!own && last.kind == SqlToken::name && harmless_here) return;
  calls_ = true;
}

}  // namespace lpbm::delta
