#include "job/settings.h"

#include <charconv>

#include <algorithm>

#include "base/error.h"
#include "job/object.h"

namespace lpbm::job {
namespace {

using nlohmann::json;

constexpr const char* step = "reading the request";

[[noreturn]] void refuse(const std::string& cause) {
  throw Error(ErrorKind::usage, step, cause);
}

// The worker hands numbers on as it has them: as JSON numbers or as the text of the setting.
std::int64_t number(const json& object, const char* name, std::int64_t missing) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return missing;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  std::int64_t value = 0;
  if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
  }
  refuse(std::string("\"") + name + "\" is not a whole number");
}

int small_number(const json& object, const char* name, int missing) {
  const std::int64_t value = number(object, name, missing);
  if (value < 0 || value > 1'000'000'000) refuse(std::string("\"") + name + "\" is out of range");
  return static_cast<int>(value);
}

std::string text_or(const json& object, const char* name, const std::string& missing) {
  return optional_text_member(object, name).value_or(missing);
}

std::filesystem::path below(const std::filesystem::path& base, const std::string& path) {
  return (base / path).lexically_normal();  // an absolute path replaces the base
}

Settings parse_settings(const json& object) {
  Settings out;
  out.data_directory = text_or(object, "data_directory", "");
  out.directory = below(out.data_directory, text_member(object, "directory"));
  out.log_directory = below(out.data_directory, text_or(object, "log_directory", "log"));
  if (!out.directory.is_absolute()) refuse("\"directory\" is not absolute");
  const std::string state = text_or(object, "state", "");
  out.state = state.empty() ? out.directory : below(out.directory, state);
  out.share = static_cast<unsigned>(small_number(object, "share", 0));
  out.bindir = text_or(object, "bindir", "");
  out.site = text_member(object, "site");
  out.system = text_or(object, "system", "");
  out.database = text_or(object, "database", "postgres");
  out.encoding = text_or(object, "encoding", "");
  out.conninfo = text_or(object, "conninfo", "");
  out.server_version = small_number(object, "server_version", 0);
  out.store = text_or(object, "store", out.store);
  out.store_auth_file = text_or(object, "store_auth_file", "");
  out.store_ca_file = text_or(object, "store_ca_file", "");
  out.ipfs_api = text_or(object, "ipfs_api", "");
  out.replication_min = small_number(object, "replication_min", out.replication_min);
  out.replication_max = small_number(object, "replication_max", out.replication_max);
  const std::int64_t part = number(object, "part_size", static_cast<std::int64_t>(out.part_size));
  if (part <= 0) refuse("\"part_size\" is out of range");
  out.part_size = static_cast<std::uint64_t>(part);
  out.zstd_level = parse_compression(text_or(object, "compression", "zstd:1"));
  out.encryption = text_or(object, "encryption", out.encryption);
  out.recipients = split_list(text_or(object, "recipients", ""));
  out.passphrase_file = text_or(object, "passphrase_file", "");
  out.passphrase_command = text_or(object, "passphrase_command", "");
  out.identity_file = text_or(object, "identity_file", "");
  const std::filesystem::path drills = text_or(object, "drill_directory", "");
  if (!drills.empty()) out.drill_directory = out.data_directory / drills;
  const std::string processed = text_or(object, "processed_logs", "delete");
  if (processed != "delete" && processed != "keep") refuse("\"processed_logs\" is neither delete nor keep");
  out.delete_processed_logs = processed == "delete";
  std::string limit = text_or(object, "refresh_limit", "25%");
  if (limit.ends_with('%')) limit.pop_back();
  out.refresh_percent = static_cast<std::uint64_t>(small_number({{"refresh_limit", limit}}, "refresh_limit", 0));
  const std::int64_t proofs = number(object, "proof_limit", static_cast<std::int64_t>(out.proof_limit));
  if (proofs < 0) refuse("\"proof_limit\" is out of range");
  out.proof_limit = static_cast<std::uint64_t>(proofs);
  out.replica_identity_full = text_or(object, "replica_identity", "refresh") == "full";
  out.max_full_backups = small_number(object, "max_full_backups", out.max_full_backups);
  return out;
}

}  // namespace

std::optional<std::string> optional_text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) refuse(std::string("\"") + name + "\" is not a text");
  return found->get<std::string>();
}

std::string text_member(const json& object, const char* name) {
  auto value = optional_text_member(object, name);
  if (!value) refuse(std::string("\"") + name + "\" is missing");
  return *value;
}

bool store_is_on_server(const Settings& settings) {
  constexpr std::string_view scheme = "file:";
  if (!settings.store.starts_with(scheme)) return false;
  const std::filesystem::path path = (settings.directory / settings.store.substr(scheme.size())).lexically_normal();
  const auto is_below = [&](const std::filesystem::path& base) {
    return !base.empty() && std::mismatch(base.begin(), base.end(), path.begin(), path.end()).first == base.end();
  };
  return is_below(settings.data_directory) || is_below(settings.directory);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t first = word.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) continue;
    words.emplace_back(word.substr(first, word.find_last_not_of(" \t\n") - first + 1));
  }
  return words;
}

Request parse_request(std::string_view line) {
  Request request;
  request.body = json::parse(line, nullptr, false);
  if (!request.body.is_object()) refuse("it is not a JSON object");
  request.job = text_member(request.body, "job");
  const auto settings = request.body.find("settings");
  if (settings == request.body.end() || !settings->is_object()) refuse("\"settings\" is missing");
  request.settings = parse_settings(*settings);
  return request;
}

}  // namespace lpbm::job
