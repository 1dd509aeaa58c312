#include "store/unixfs.h"

#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::store {
namespace {

constexpr std::size_t cid_size = 36, v0_cid_size = 34, digest_size = 32;
constexpr std::string_view raw_prefix = "\x01\x55\x12\x20";

[[noreturn]] void refuse(const char* cause) {
  throw Error(ErrorKind::permanent, "reading a node", cause);
}

// The fields of a protobuf message.
class Fields {
 public:
  explicit Fields(Bytes message) : left_(message) {}
  // False at the end. Afterwards either `number` or `bytes` is the value.
  bool next() {
    if (left_.empty()) return false;
    constexpr unsigned type_bits = 3, type_mask = 7, varint_type = 0, bytes_type = 2;
    const std::uint64_t tag = varint();
    field = tag >> type_bits;
    bytes = {};
    number = 0;
    if ((tag & type_mask) == varint_type) {
      number = varint();
    } else if ((tag & type_mask) == bytes_type) {
      const std::uint64_t size = varint();
      if (size > left_.size()) refuse("it is cut off");
      bytes = left_.substr(0, size);
      left_.remove_prefix(size);
    } else {
      refuse("it holds a field of an unknown type");
    }
    return true;
  }

  std::uint64_t field = 0, number = 0;
  Bytes bytes;

 private:
  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) refuse("it is cut off");
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return out;
    }
    refuse("a number in it has no end");
  }

  Bytes left_;
};

bool is_known(const std::string& cid) {
  return cid.size() == cid_size || (cid.size() == v0_cid_size && cid.starts_with("\x12\x20"));
}

std::string parse_link(Bytes link) {
  std::string cid;
  for (Fields fields(link); fields.next();)
    if (fields.field == 1) cid = fields.bytes;
  if (!is_known(cid)) refuse("a link is not of a form that is known here");
  return cid;
}

std::vector<std::uint64_t> parse_sizes(Bytes data) {
  constexpr std::uint64_t type_field = 1, bytes_field = 2, sizes_field = 4, file = 2;
  std::vector<std::uint64_t> out;
  bool is_file = false;
  for (Fields fields(data); fields.next();) {
    if (fields.field == type_field) is_file = fields.number == file;
    if (fields.field == bytes_field && !fields.bytes.empty()) refuse("it holds bytes of its own");
    if (fields.field == sizes_field) out.push_back(fields.number);
  }
  if (!is_file) refuse("it is no file");
  return out;
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

}  // namespace

bool is_raw(const std::string& cid) {
  return cid.starts_with(raw_prefix);
}

bool is_block_of(const std::string& cid, Bytes block) {
  return is_known(cid) && cid.substr(cid.size() - digest_size) == codec::sha256(block);
}

std::vector<DagChild> parse_node(Bytes block) {
  std::vector<DagChild> out;
  std::vector<std::uint64_t> sizes;
  for (Fields fields(block); fields.next();) {
    if (fields.field == 2) out.push_back({parse_link(fields.bytes), 0});
    if (fields.field == 1) sizes = parse_sizes(fields.bytes);
  }
  if (sizes.size() != out.size()) refuse("links and sizes do not belong together");
  for (std::size_t i = 0; i < out.size(); ++i) out[i].size = sizes[i];
  return out;
}

std::optional<Bytes> leaf_bytes(Bytes block) {
  constexpr std::uint64_t type_field = 1, bytes_field = 2, raw = 0, file = 2;
  Bytes out;
  bool is_file = false;
  for (Fields fields(block); fields.next();) {
    if (fields.field == 2) return std::nullopt;
    if (fields.field != 1) continue;
    for (Fields data(fields.bytes); data.next();) {
      if (data.field == type_field) is_file = data.number == file || data.number == raw;
      if (data.field == bytes_field) out = data.bytes;
    }
  }
  if (!is_file) refuse("it is no file");
  return out;
}

std::string make_car(const std::vector<codec::DagBlock>& blocks) {
  // The header in DAG-CBOR: {"roots": [CID], "version": 1}; a CID is tag 42 over a zero byte and its binary form.
  std::string header("\xA2\x65roots\x81\xD8\x2A\x58", 11);
  header += static_cast<char>(cid_size + 1);
  header += '\0';
  header += blocks.back().cid;
  header += "\x67version\x01";
  std::string out;
  put_varint(out, header.size());
  out += header;
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    put_varint(out, block->cid.size() + block->bytes.size());
    out += block->cid;
    out += block->bytes;
  }
  return out;
}

}  // namespace lpbm::store
