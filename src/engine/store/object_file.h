// File names of the file store (store/file_store.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lpbm::store {

struct ObjectFile {
  std::string cid;
  std::uint64_t part_size = 0;  // 0: one part
};

std::string object_file(const ObjectFile& object);
// Nothing when it is no object's file name.
std::optional<ObjectFile> parse_object_file(const std::string& file);

// The file in the folder of names that says which object has a name.
struct NameFile {
  std::string name;
  std::string tail;  // the last characters of the CID: two objects of one name are two files
};

std::string name_file(const std::string& name, const std::string& cid, const std::string& site);
std::optional<NameFile> parse_name_file(const std::string& file, const std::string& site);
// Throws Error (permanent) unless `name` may be given to put().
void check_object_name(const std::string& name);
// The folder of a site.
std::string site_folder(const std::string& site);

}  // namespace lpbm::store
