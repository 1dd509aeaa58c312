#include "store/store.h"

#include <filesystem>

#include "base/error.h"
#include "store/file_store.h"
#include "store/ipfs_store.h"

namespace lpbm::store {
namespace {

[[noreturn]] void refuse(const std::string& url, const std::string& cause) {
  throw Error(ErrorKind::usage, "opening store \"" + url + "\"", cause,
              "Use file:<path>, for example file:/srv/backups, or ipfs+http://<host>:<port>.");
}

}  // namespace

std::string name_prefix(const std::string& site) {
  std::string out = "lpbm/";
  for (const char c : site) {
    const bool plain =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    out += plain ? c : '_';
  }
  return out + '/';
}

std::unique_ptr<Store> open(const Options& options) {
  constexpr std::string_view scheme = "file:";
  const std::string& url = options.url;
  if (options.part_size == 0) throw Error(ErrorKind::usage, "opening store " + url, "the size of a part cannot be 0");
  if (url.starts_with("ipfs+http://") || url.starts_with("ipfs+https://")) return open_ipfs_store(options);
  if (!url.starts_with(scheme)) refuse(url, "this kind of store is not known");
  std::string path = url.substr(scheme.size());
  if (path.starts_with("//")) {
    if (!path.starts_with("///")) refuse(url, "a file store has no host");
    path.erase(0, 2);
  }
  if (path.empty()) refuse(url, "the path is missing");
  if (path.find('\0') != std::string::npos) refuse(url, "the path holds a zero byte");
  const std::filesystem::path root = std::filesystem::path(options.directory) / path;
  return std::make_unique<FileStore>(root, options.site, options.part_size);
}

}  // namespace lpbm::store
