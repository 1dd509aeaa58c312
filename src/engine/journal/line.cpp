#include "journal/line.h"

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/cid.h"

namespace lpbm::journal {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view magic = "lpbm-journal ";
constexpr std::string_view version = "1";
constexpr std::string_view sig_begin = ",\"sig\":\"";
constexpr std::string_view sig_end = "\"}";
constexpr std::size_t sig_size = 88;  // base64 of 64 bytes
constexpr std::size_t hash_size = 64;

[[noreturn]] void refuse(const std::string& cause, const std::string& hint = {}) {
  throw Error(ErrorKind::permanent, "reading the journal", cause, hint);
}

std::string sign_line(const std::string& start, const ordered_json& members, const codec::SigningKey& key) {
  std::string line = start + members.dump(-1, ' ', false, json::error_handler_t::replace);
  line.pop_back();  // the closing brace: `sig` comes last
  return line + std::string(sig_begin) + to_base64(codec::sign(key, line)) + std::string(sig_end);
}

// Reads members of an object and says which one is wrong.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {
    if (!object.is_object()) refuse("an object is expected in it");
  }

  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
  [[nodiscard]] const json& at(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) refuse(std::string("its member \"") + name + "\" is missing");
    return *found;
  }
  [[nodiscard]] std::string text(const char* name) const {
    const json& value = at(name);
    if (!value.is_string()) wrong(name);
    return value.get<std::string>();
  }
  [[nodiscard]] std::string text_or_empty(const char* name) const { return has(name) ? text(name) : std::string(); }
  [[nodiscard]] std::uint64_t number(const char* name) const {
    const json& value = at(name);
    if (!value.is_number_unsigned()) wrong(name);
    return value.get<std::uint64_t>();
  }
  [[nodiscard]] Micros time(const char* name) const {
    const json& value = at(name);
    if (!value.is_number_integer()) wrong(name);
    return value.get<Micros>();
  }
  [[nodiscard]] Micros time_or_zero(const char* name) const { return has(name) ? time(name) : 0; }
  [[nodiscard]] Lsn lsn(const char* name) const { return Lsn::parse(text(name)); }
  [[nodiscard]] const json& list(const char* name) const {
    const json& value = at(name);
    if (!value.is_array()) wrong(name);
    return value;
  }
  [[nodiscard]] std::string hash(const char* name) const {
    std::string value = text(name);
    if (value.size() != hash_size || value.find_first_not_of("0123456789abcdef") != std::string::npos) wrong(name);
    return value;
  }
  [[nodiscard]] std::string cid(const char* name) const {
    std::string value = text(name);
    if (!codec::is_cid(value)) wrong(name);
    return value;
  }
  [[noreturn]] static void wrong(const char* name) {
    refuse(std::string("its member \"") + name + "\" has a value that cannot be");
  }

 private:
  const json& object_;
};

json parse_json(std::string_view text) {
  json out = json::parse(text, nullptr, false);
  if (!out.is_object()) refuse("it is not readable");
  return out;
}

ordered_json to_json(const Object& object) {
  return {{"name", object.name},     {"cid", object.cid},     {"size", object.size},  {"plain_size", object.plain_size},
          {"sha256", object.sha256}, {"codec", object.codec}, {"parts", object.parts}};
}

Object to_object(const json& value) {
  const Members in(value);
  Object out;
  out.name = in.text("name");
  out.cid = in.cid("cid");
  out.size = in.number("size");
  out.plain_size = in.number("plain_size");
  out.sha256 = in.hash("sha256");
  out.codec = in.text("codec");
  const std::uint64_t parts = in.number("parts");
  if (parts == 0 || parts > UINT32_MAX) Members::wrong("parts");
  out.parts = static_cast<std::uint32_t>(parts);
  return out;
}

char one_of(const Members& in, const char* name, std::string_view letters) {
  const std::string text = in.text(name);
  if (text.size() != 1 || letters.find(text) == std::string_view::npos) Members::wrong(name);
  return text.front();
}

std::uint32_t to_oid(const json& value, const char* name) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX) Members::wrong(name);
  return value.get<std::uint32_t>();
}
std::uint32_t to_oid(const Members& in) {
  return to_oid(in.at("relation"), "relation");
}

Stale to_stale(const json& value) {
  const Members in(value);
  return {in.lsn("lsn"), one_of(in, "kind", "tl"), to_oid(in), in.text_or_empty("schema"), in.text_or_empty("name")};
}

Refresh to_refresh(const json& value) {
  const Members in(value);
  Refresh out;
  out.kind = one_of(in, "kind", "tlu");
  out.relation = to_oid(in);
  out.schema = in.text_or_empty("schema");
  out.name = in.text_or_empty("name");
  out.object = in.text_or_empty("object");
  out.rows = in.number("rows");
  out.bytes = in.number("bytes");
  out.reason = in.text_or_empty("reason");
  return out;
}

void add_refreshes(const Entry& entry, ordered_json& out) {
  if (entry.ddl != 0) out["ddl"] = entry.ddl;
  if (entry.latest_commit > entry.last_commit) out["latest_commit"] = entry.latest_commit;
  for (const Stale& one : entry.stale)
    out["stale"].push_back({{"lsn", one.lsn.text()},
                            {"kind", std::string(1, one.kind)},
                            {"relation", one.relation},
                            {"schema", one.schema},
                            {"name", one.name}});
  for (const Refresh& one : entry.refreshes)
    out["refreshes"].push_back({{"kind", std::string(1, one.kind)},
                                {"relation", one.relation},
                                {"schema", one.schema},
                                {"name", one.name},
                                {"object", one.object},
                                {"rows", one.rows},
                                {"bytes", one.bytes},
                                {"reason", one.reason}});
  for (const Proven& one : entry.proven)
    out["proven"] += one.slice == 0 ? ordered_json(one.relation) : ordered_json{one.relation, one.slice};
}

// "<UTC time>-full" or "-delta", the time as to_iso writes it.
void check_name(const Entry& entry) {
  const std::string_view suffix = entry.kind == Kind::full ? "-full" : "-delta";
  if (entry.name.ends_with(suffix)) {
    const std::string time = entry.name.substr(0, entry.name.size() - suffix.size());
    try {
      const Micros micros = parse_time(time);
      if (time == to_iso(micros) || time == to_iso(micros, true)) return;
    } catch (const Error&) {
      // said below
    }
  }
  refuse("its name is not a time and the entry's kind");
}

void check_entry(const Entry& entry) {
  if (!codec::is_cid(entry.cid)) refuse("it does not begin with a CID");
  check_name(entry);
  if (entry.from > entry.to) refuse("it ends before it begins");
  if (entry.kind == Kind::full && entry.anchor != entry.to) refuse("its anchor is not its end");
  for (const Object& object : entry.objects)
    if (object.cid == entry.cid) return;
  refuse("none of its objects has the entry's CID");
}

Kind to_kind(const std::string& text) {
  if (text == "full") return Kind::full;
  if (text == "delta") return Kind::delta;
  Members::wrong("kind");
}

Entry to_entry(const Members& in) {
  Entry out;
  out.number = in.number("entry");
  out.kind = to_kind(in.text("kind"));
  out.stream = in.text("stream");
  out.database = in.text_or_empty("database");
  out.from = in.lsn("from");
  out.to = in.lsn("to");
  if (out.kind == Kind::full) {
    out.anchor = in.lsn("anchor");
    out.snapshot = in.text("snapshot");
  }
  out.started = in.time("started");
  out.finished = in.time("finished");
  out.first_commit = in.time_or_zero("first_commit");
  out.last_commit = in.time_or_zero("last_commit");
  out.transactions = in.number("transactions");
  out.rows = in.number("rows");
  out.bytes = in.number("bytes");
  out.stored_bytes = in.number("stored_bytes");
  out.reason = in.text_or_empty("reason");
  if (in.has("holes"))
    for (const json& value : in.list("holes")) {
      const Members hole(value);
      out.holes.push_back({hole.lsn("lsn"), hole.text("code"), hole.text("detail")});
    }
  if (in.has("ddl")) out.ddl = in.number("ddl");
  out.latest_commit = std::max(in.time_or_zero("latest_commit"), out.last_commit);
  if (in.has("stale"))
    for (const json& value : in.list("stale")) out.stale.push_back(to_stale(value));
  if (in.has("refreshes"))
    for (const json& value : in.list("refreshes")) out.refreshes.push_back(to_refresh(value));
  if (in.has("proven"))
    for (const json& value : in.list("proven")) {
      const bool sliced = value.is_array() && value.size() == 2;
      out.proven.push_back({to_oid(sliced ? value[0] : value, "proven"), sliced ? to_oid(value[1], "proven") : 0});
    }
  out.encoding = in.text("encoding");
  const std::uint64_t server_version = in.number("server_version");
  if (server_version > INT32_MAX) Members::wrong("server_version");
  out.server_version = static_cast<int>(server_version);
  for (const json& value : in.list("objects")) out.objects.push_back(to_object(value));
  return out;
}

// The line before its signature, and the signature (base64); empty when the line does not end as a signed one does.
std::pair<std::string_view, std::string_view> split_signature(std::string_view line) {
  const std::size_t tail = sig_begin.size() + sig_size + sig_end.size();
  if (line.size() <= tail || !line.ends_with(sig_end)) return {};
  const std::size_t at = line.size() - tail;
  if (line.substr(at, sig_begin.size()) != sig_begin) return {};
  return {line.substr(0, at), line.substr(at + sig_begin.size(), sig_size)};
}

void check_signature_form(std::string_view line) {
  if (split_signature(line).first.empty()) refuse("it does not end with a signature");
}

}  // namespace

std::string line_hash(std::string_view line) {
  return to_hex(codec::sha256(line));
}

const std::string& no_line() {
  static const std::string zeros(hash_size, '0');
  return zeros;
}

std::string format_header(const Header& header, const std::string& prev, const codec::SigningKey& key) {
  ordered_json out;
  out["site"] = header.site;
  out["system"] = header.system;
  out["key"] = header.key;
  out["created"] = header.created;
  out["recipients"] = header.recipients;
  if (!header.identity.empty()) out["identity"] = header.identity;
  if (!header.mac.empty()) out["mac"] = header.mac;
  out["first"] = header.first;
  out["prev"] = prev;
  return sign_line(std::string(magic) + std::string(version) + ' ', out, key);
}

std::string format_entry(const Entry& entry, const std::string& prev, const codec::SigningKey& key) {
  ordered_json out;
  out["entry"] = entry.number;
  out["kind"] = entry.kind == Kind::full ? "full" : "delta";
  out["stream"] = entry.stream;
  if (!entry.database.empty()) out["database"] = entry.database;
  out["from"] = entry.from.text();
  out["to"] = entry.to.text();
  if (entry.kind == Kind::full) {
    out["anchor"] = entry.anchor.text();
    out["snapshot"] = entry.snapshot;
  }
  out["started"] = entry.started;
  out["finished"] = entry.finished;
  if (entry.first_commit != 0) out["first_commit"] = entry.first_commit;
  if (entry.last_commit != 0) out["last_commit"] = entry.last_commit;
  out["transactions"] = entry.transactions;
  out["rows"] = entry.rows;
  out["bytes"] = entry.bytes;
  out["stored_bytes"] = entry.stored_bytes;
  if (!entry.reason.empty()) out["reason"] = entry.reason;
  for (const Hole& hole : entry.holes)
    out["holes"].push_back({{"lsn", hole.lsn.text()}, {"code", hole.code}, {"detail", hole.detail}});
  add_refreshes(entry, out);
  out["encoding"] = entry.encoding;
  out["server_version"] = entry.server_version;
  out["objects"] = ordered_json::array();
  for (const Object& object : entry.objects) out["objects"].push_back(to_json(object));
  out["prev"] = prev;
  return sign_line(entry.cid + ' ' + entry.name + ' ', out, key);
}

HeaderLine parse_header(const std::string& line) {
  if (!line.starts_with(magic)) refuse("it is not the header of a journal", "Is this the right file?");
  const auto blank = line.find(' ', magic.size());
  if (blank == std::string::npos) refuse("it is cut");
  const std::string found = line.substr(magic.size(), blank - magic.size());
  if (found != version) refuse("version " + found + " of the format is not known here", "Use a newer lpbm.");
  check_signature_form(line);
  const json members = parse_json(std::string_view(line).substr(blank + 1));
  const Members in(members);
  HeaderLine out;
  out.header.site = in.text("site");
  out.header.system = in.text("system");
  out.header.key = in.text("key");
  if (from_base64(out.header.key).size() != 32) Members::wrong("key");
  out.header.created = in.time("created");
  for (const json& recipient : in.list("recipients")) {
    if (!recipient.is_string()) Members::wrong("recipients");
    out.header.recipients.push_back(recipient.get<std::string>());
  }
  out.header.identity = in.text_or_empty("identity");
  if (in.has("mac")) out.header.mac = in.hash("mac");
  out.header.first = in.number("first");
  if (out.header.first == 0) Members::wrong("first");
  out.prev = in.hash("prev");
  return out;
}

EntryLine parse_entry(const std::string& line) {
  const auto first = line.find(' ');
  const auto second = first == std::string::npos ? first : line.find(' ', first + 1);
  if (second == std::string::npos) refuse("it is not an entry");
  check_signature_form(line);
  const json members = parse_json(std::string_view(line).substr(second + 1));
  const Members in(members);
  EntryLine out;
  out.entry = to_entry(in);
  out.entry.cid = line.substr(0, first);
  out.entry.name = line.substr(first + 1, second - first - 1);
  out.prev = in.hash("prev");
  check_entry(out.entry);
  return out;
}

bool signature_is_right(std::string_view line, const std::string& key) {
  const auto [body, sig] = split_signature(line);
  if (body.empty()) return false;
  try {
    return codec::verify(from_base64(key), body, from_base64(sig));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace lpbm::journal
