#include "delta/session_settings.h"

#include <algorithm>

#include "delta/set_config.h"
#include "delta/sql_lexer.h"

namespace lpbm::delta {
namespace {

// A setting's name from word `at` on; `at` is then behind it.
std::string take_name(const LoggedStatement& s, std::size_t& at) {
  std::string name;
  while (at < s.word_count) {
    name += setting_name(folded(s.word(at++)));
    if (s.word(at) != ".") break;
    name += '.';
    ++at;
  }
  return name;
}

std::string text_from(const LoggedStatement& s, std::size_t word) {
  const std::size_t begin = static_cast<std::size_t>(s.word(word).data() - s.text.data());
  return guard_colons(explicit_strings(s.text.substr(begin), s.standard_strings), true);
}

// `at`: the word behind SET [SESSION | LOCAL].
void read_set(const LoggedStatement& s, std::size_t at, SettingChange& change) {
  const std::size_t begin = at;
  std::size_t value = 0;
  if (is_word(s.word(at), "session") && is_word(s.word(at + 1), "authorization")) {
    change.name = "session_authorization";
    value = at + 2;
  } else if (is_word(s.word(at), "role")) {
    change.name = "role";
    value = at + 1;
    // SET ROLE TO x, and SET ROLE = x.
    if (s.word(value) == "=" || is_word(s.word(value), "to")) ++value;
    if (is_word(s.word(value), "none")) return;
  } else if (is_word(s.word(at), "time") && is_word(s.word(at + 1), "zone")) {
    change.name = "timezone";
    value = at + 2;
    if (is_word(s.word(value), "local")) return;
  } else if (is_word(s.word(at), "schema")) {
    change.name = "search_path";
    value = at + 1;
  } else if (is_word(s.word(at), "xml")) {
    change.name = "xmloption";
    value = at + 2;
  } else {
    change.name = take_name(s, at);
    value = s.word(at) == "=" || is_word(s.word(at), "to") ? at + 1 : at;
  }
  if (value < s.word_count && !is_word(s.word(value), "default")) change.statement = "SET " + text_from(s, begin);
}

void read_reset(const LoggedStatement& s, SettingChange& change) {
  std::size_t at = 1;
  if (is_word(s.word(1), "all"))
    change.scope = SettingChange::all;
  else if (is_word(s.word(1), "session"))
    change.name = "session_authorization";
  else if (is_word(s.word(1), "time"))
    change.name = "timezone";
  else
    change.name = take_name(s, at);
}

}  // namespace

// What changes no meaning, or cannot be right in a replay.
bool is_neutral_setting(std::string_view name) {
  for (std::string_view prefix : {"log_", "enable_", "geqo", "debug_", "tcp_", "default_transaction_", "transaction_",
                                  "idle_", "vacuum_", "jit", "client_connection_", "track_"})
    if (name.starts_with(prefix)) return true;
  for (std::string_view other :
       {"client_encoding", "names", "seed", "application_name", "statement_timeout", "lock_timeout",
        "client_min_messages", "work_mem", "maintenance_work_mem", "temp_buffers", "synchronous_commit",
        "effective_cache_size", "random_page_cost", "seq_page_cost", "deadlock_timeout"})
    if (name == other) return true;
  return false;
}

std::string setting_name(std::string_view name) {
  std::string out;
  for (char c : name) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return out;
}

SettingChanges setting_changes(const LoggedStatement& s) {
  if (s.sets_config) return config_changes(s);
  if (s.kind != LoggedStatement::set && s.kind != LoggedStatement::discard) return {};
  SettingChange change;
  if (s.kind == LoggedStatement::discard) {
    if (!is_word(s.word(1), "all")) return {};
    change.scope = SettingChange::everything;
  } else if (is_word(s.word(0), "reset")) {
    read_reset(s, change);
  } else {
    change.local = is_word(s.word(1), "local");
    const bool session = is_word(s.word(1), "session") && !is_word(s.word(2), "authorization");
    read_set(s, change.local || session ? 2 : 1, change);
  }
  if (change.scope == SettingChange::one && (change.name.empty() || is_neutral_setting(change.name))) return {};
  return {{std::move(change)}, false};
}

void Settings::apply(const SettingChange& change) {
  if (change.scope != SettingChange::one) {
    values.clear();
    if (change.scope == SettingChange::everything) authorization = role = std::nullopt;
  } else if (change.name == "session_authorization") {
    authorization = change.statement;
    role.reset();
  } else if (change.name == "role") {
    role = change.statement;
  } else if (change.statement) {
    values[change.name] = *change.statement;
  } else {
    values.erase(change.name);
  }
}

}  // namespace lpbm::delta
