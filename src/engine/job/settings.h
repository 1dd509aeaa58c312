// A request of the worker: the job and the settings it runs under (docs/formats.md, Worker and engine).
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpbm::job {

// The settings of a server as a job sees them. Paths are absolute. Owned by whoever parsed them; plain data.
struct Settings {
  std::filesystem::path directory;       // lpbm.directory
  std::filesystem::path state;           // what belongs to this database alone: lpbm.directory, or a folder in it
  unsigned share = 0;                    // of names of entries: another one for each database (site.h, entry_name)
  std::filesystem::path data_directory;  // of the server
  std::filesystem::path log_directory;
  std::filesystem::path bindir;  // PostgreSQL's programs
  std::string site, system, database, encoding;
  std::string conninfo;    // for the local server; dbname is replaced by `database`
  int server_version = 0;  // PG_VERSION_NUM

  std::string store = "file:store", store_auth_file, store_ca_file, ipfs_api;
  int replication_min = 1, replication_max = 3;
  std::uint64_t part_size = 256u << 20;  // bytes
  std::optional<int> zstd_level = 1;
  std::string encryption = "age";
  std::vector<std::string> recipients;
  std::string passphrase_file, passphrase_command, identity_file;
  std::filesystem::path drill_directory;  // empty: the system's directory of temporary files
  bool delete_processed_logs = true;
  int max_full_backups = 2;
  std::uint64_t refresh_percent = 25;     // of the database's size
  std::uint64_t proof_limit = 64u << 20;  // bytes of tables that are read at once for proofs; 0: none
  bool replica_identity_full = false;     // tables without a key are given REPLICA IDENTITY FULL
};

// Whether the store is a directory inside of the data directory or of lpbm.directory: lost, moved and copied with them.
bool store_is_on_server(const Settings& settings);

struct Request {
  std::string job;
  Settings settings;
  nlohmann::json body;  // the whole request, for what belongs to the job
};

// Throws Error (usage) for anything that is not such a request: the name of the member is in the cause.
Request parse_request(std::string_view line);

// Members of a request's body; a missing or mistyped one throws Error (usage) that names it.
std::string text_member(const nlohmann::json& object, const char* name);
std::optional<std::string> optional_text_member(const nlohmann::json& object, const char* name);

// Words of a comma-separated list, trimmed; empty words are dropped.
std::vector<std::string> split_list(std::string_view text);

}  // namespace lpbm::job
