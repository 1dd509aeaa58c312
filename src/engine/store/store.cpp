#include "store/store.h"

#include <filesystem>

#include "base/error.h"
#include "store/file_store.h"

namespace lpbm::store {
namespace {

[[noreturn]] void refuse(const std::string& url, const std::string& cause) {
  throw Error(ErrorKind::usage, "opening store \"" + url + "\"", cause,
              "Use file:<path>, for example file:store or file:/srv/backups.");
}

}  // namespace

std::unique_ptr<Store> open(const Options& options) {
  constexpr std::string_view scheme = "file:";
  const std::string& url = options.url;
  if (!url.starts_with(scheme)) refuse(url, "this kind of store is not known");
  std::string path = url.substr(scheme.size());
  if (path.starts_with("//")) {
    if (!path.starts_with("///")) refuse(url, "a file store has no host");
    path.erase(0, 2);
  }
  if (path.empty()) refuse(url, "the path is missing");
  if (path.find('\0') != std::string::npos) refuse(url, "the path holds a zero byte");
  if (options.part_size == 0) throw Error(ErrorKind::usage, "opening store " + url, "the size of a part cannot be 0");
  const std::filesystem::path root = std::filesystem::path(options.directory) / path;
  return std::make_unique<FileStore>(root, options.site, options.part_size);
}

}  // namespace lpbm::store
