#include "store/object_file.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/cid.h"

namespace lpbm::store {
namespace {

// A file name has 255 bytes; a CID 59, a part size at most 20, and two separators.
constexpr std::size_t max_name = 170;

bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

std::string object_file(const ObjectFile& object) {
  std::string out = object.cid;
  if (object.part_size != 0) out += '.' + std::to_string(object.part_size);
  std::string name = object.name;
  std::replace(name.begin(), name.end(), '/', '+');
  return out + '@' + name;
}

std::optional<ObjectFile> parse_object_file(const std::string& file) {
  ObjectFile out;
  const auto at = file.find('@');
  std::string head = file.substr(0, at);
  if (at != std::string::npos) out.name = file.substr(at + 1);
  std::replace(out.name.begin(), out.name.end(), '+', '/');
  const auto dot = head.find('.');
  if (dot != std::string::npos) {
    const char* end = head.data() + head.size();
    const auto [stop, error] = std::from_chars(head.data() + dot + 1, end, out.part_size);
    if (error != std::errc{} || stop != end || out.part_size == 0) return std::nullopt;
    head.resize(dot);
  }
  if (!codec::is_cid(head)) return std::nullopt;
  out.cid = std::move(head);
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
