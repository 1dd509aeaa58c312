#include "store/object_file.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/cid.h"
#include "store/store.h"

namespace lpbm::store {
namespace {

// A file name has 255 bytes.
constexpr std::size_t max_name = 170;
constexpr std::size_t tail_size = 8;
constexpr std::uint64_t mebibyte = 1 << 20;

bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

std::string object_file(const ObjectFile& object) {
  if (object.part_size == 0) return object.cid;
  if (object.part_size % mebibyte == 0) return object.cid + '.' + std::to_string(object.part_size / mebibyte) + 'M';
  return object.cid + '.' + std::to_string(object.part_size);
}

std::optional<ObjectFile> parse_object_file(const std::string& file) {
  ObjectFile out;
  const auto dot = file.find('.');
  out.cid = file.substr(0, dot);
  if (!codec::is_cid(out.cid)) return std::nullopt;
  if (dot == std::string::npos) return out;
  const char* end = file.data() + file.size();
  const std::uint64_t unit = file.back() == 'M' ? mebibyte : 1;
  if (unit != 1) --end;
  const auto [stop, error] = std::from_chars(file.data() + dot + 1, end, out.part_size);
  if (error != std::errc{} || stop != end || out.part_size == 0 || out.part_size > UINT64_MAX / unit)
    return std::nullopt;
  out.part_size *= unit;
  return out;
}

// Without what all names of a site begin with; a name that begins otherwise has a leading '+'.
std::string name_file(const std::string& name, const std::string& cid, const std::string& site) {
  const std::string prefix = name_prefix(site);
  const bool own = name.starts_with(prefix) && name.substr(prefix.size(), 1) != "/";
  std::string out = own ? name.substr(prefix.size()) : '/' + name;
  std::replace(out.begin(), out.end(), '/', '+');
  return out + '@' + cid.substr(cid.size() - std::min(cid.size(), tail_size));
}

std::optional<NameFile> parse_name_file(const std::string& file, const std::string& site) {
  const auto at = file.rfind('@');
  if (at == std::string::npos || file.size() - at - 1 != tail_size) return std::nullopt;
  NameFile out{file.substr(0, at), file.substr(at + 1)};
  std::replace(out.name.begin(), out.name.end(), '+', '/');
  out.name = out.name.starts_with('/') ? out.name.substr(1) : name_prefix(site) + out.name;
  return out;
}

void check_object_name(const std::string& name) {
  const auto allowed = [](char c) { return is_plain(c) || c == ':' || c == '/'; };
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed))
    throw Error(ErrorKind::permanent, "storing \"" + name + "\"",
                "the name of an object consists of letters, digits and ._:/-");
  if (name.size() > max_name)
    throw Error(ErrorKind::permanent, "storing \"" + name + "\"",
                "the name of an object has at most " + std::to_string(max_name) + " bytes",
                "Choose a shorter name for the site.");
}

std::string site_folder(const std::string& site) {
  std::string out;
  for (const char c : site) {
    if (is_plain(c) && !(out.empty() && c == '.'))
      out += c;
    else
      out += '%' + to_hex(std::string_view(&c, 1));
  }
  return out;
}

}  // namespace lpbm::store
