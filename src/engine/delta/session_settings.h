// The settings of a session as SET, RESET, DISCARD ALL and set_config leave them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delta/logged_sql.h"

namespace lpbm::delta {

struct SettingChange {
  enum Scope : std::uint8_t { one, all, everything };  // everything: DISCARD ALL, the role too
  Scope scope = one;
  std::string name;                      // as in pg_settings, or session_authorization, role
  std::optional<std::string> statement;  // sets it anew in another session; none: back to its default
  bool local = false;                    // until the end of the transaction
};

struct SettingChanges {
  std::vector<SettingChange> changes;  // in order
  bool unknown = false;                // set_config() sets what the log does not show, or perhaps not
};

// What SET, RESET, DISCARD and calls of set_config() in any statement change; nothing for settings that do not change
// what statements mean (client_encoding: the log is not in it; time limits, logging, planning).
SettingChanges setting_changes(const LoggedStatement& statement);

bool is_neutral_setting(std::string_view name);
// Settings do not differ by case, in quotes neither.
std::string setting_name(std::string_view name);

// By name; the values are the statements that set them. The session authorization and the role are apart: they come
// last.
struct Settings {
  std::map<std::string, std::string> values;
  std::optional<std::string> authorization, role;

  void apply(const SettingChange& change);
  bool operator==(const Settings&) const = default;
};

}  // namespace lpbm::delta
