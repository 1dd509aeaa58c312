#include "job/replay_session.h"

#include "base/error.h"

namespace lpbm::job {
namespace {

constexpr const char* own_settings =
    "SET session_replication_role = replica; SET synchronous_commit = off; SET lc_messages = 'C';"
    "SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed';"
    "SET row_security = off; SET client_min_messages = error; SET check_function_bodies = off;"
    "SET plan_cache_mode = force_generic_plan; SET jit = off;";

// Without any operator, which a changed search_path would have found elsewhere.
constexpr const char* show_settings =
    "SELECT pg_catalog.string_agg(pg_catalog.concat(name, '=', pg_catalog.current_setting(name)), '; ' ORDER BY name)"
    " FROM pg_catalog.unnest(ARRAY['session_replication_role', 'row_security', 'client_encoding', 'search_path', "
    "'DateStyle',"
    " 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'backslash_quote', 'array_nulls', 'xmlbinary',"
    " 'xmloption', 'lc_monetary', 'lc_numeric', 'transform_null_equals', 'bytea_output', 'extra_float_digits',"
    " 'quote_all_identifiers', 'default_text_search_config', 'timezone_abbreviations', 'default_tablespace',"
    " 'default_table_access_method', 'default_toast_compression', 'check_function_bodies']) AS name";

}  // namespace

void ReplaySession::begin() {
  connection_.exec(own_settings);
  postgres::lift_timeouts(connection_);
  connection_.exec(keyed_plans);
}

void ReplaySession::begin_script() {
  head_.clear();
  kept_.clear();
}

void ReplaySession::keep() {
  if (kept_.empty()) kept_ = connection_.exec(show_settings).text(0, 0);
}

void ReplaySession::look(const std::string& what) {
  const std::string now = connection_.exec(std::string("CLOSE ALL;") + show_settings).text(0, 0);
  if (kept_.empty() || now == kept_) return;
  throw Error(
      ErrorKind::permanent, what,
      "code of the database changed the settings of the session: they are " + now + ", were " + kept_,
      "A function in a constraint, domain, index or generated column sets them. Whoever wrote it may mean harm; "
      "--trust-source lets it.");
}

void ReplaySession::settle() {
  connection_.exec("RESET ALL");
  connection_.exec(std::string(own_settings) + head_);
  postgres::lift_timeouts(connection_);
  kept_.clear();
}

}  // namespace lpbm::job
