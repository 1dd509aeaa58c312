#include "codec/cid.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "codec/crypto.h"

namespace lpbm::codec {
namespace {

constexpr std::size_t chunk_size = 262144;
constexpr std::size_t max_links = 174;
constexpr std::size_t binary_size = 36;
constexpr std::string_view raw_prefix = "\x01\x55\x12\x20";
constexpr std::string_view dag_pb_prefix = "\x01\x70\x12\x20";
constexpr std::string_view v0_prefix = "\x12\x20";
constexpr std::size_t v0_binary_size = 34;
constexpr std::size_t v0_text_size = 46;
constexpr std::string_view base32_digits = "abcdefghijklmnopqrstuvwxyz234567";
constexpr unsigned base58 = 58;
constexpr std::string_view base58_digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// A protobuf field of bytes; `tag` is field number and wire type.
void put_bytes(std::string& out, char tag, std::string_view bytes) {
  out.push_back(tag);
  put_varint(out, bytes.size());
  out.append(bytes);
}

void put_number(std::string& out, char tag, std::uint64_t value) {
  out.push_back(tag);
  put_varint(out, value);
}

// A UnixFS file node: PBNode with the links first, as dag-pb's canonical form has it, and Data of type file.
std::string encode_node(const std::vector<DagNode>& children) {
  std::string block, data("\x08\x02", 2), link;
  std::uint64_t file_size = 0;
  for (const DagNode& child : children) {
    link.clear();
    put_bytes(link, '\x0A', child.cid);
    put_bytes(link, '\x12', "");
    put_number(link, '\x18', child.tsize);
    put_bytes(block, '\x12', link);
    file_size += child.file_size;
  }
  put_number(data, '\x18', file_size);
  for (const DagNode& child : children) put_number(data, '\x20', child.file_size);
  put_bytes(block, '\x0A', data);
  return block;
}

// A leaf of CIDv0: a UnixFS file node that holds the bytes.
std::string encode_leaf(std::string_view bytes) {
  std::string block, data("\x08\x02", 2);
  if (!bytes.empty()) put_bytes(data, '\x12', bytes);
  put_number(data, '\x18', bytes.size());
  put_bytes(block, '\x0A', data);
  return block;
}

std::string to_base58(std::string_view bytes) {
  std::string digits;  // least significant first
  for (const char c : bytes) {
    unsigned carry = static_cast<unsigned char>(c);
    for (char& digit : digits) {
      carry += static_cast<unsigned>(digit) << 8;
      digit = static_cast<char>(carry % base58);
      carry /= base58;
    }
    for (; carry > 0; carry /= base58) digits.push_back(static_cast<char>(carry % base58));
  }
  std::string out;
  for (auto at = digits.rbegin(); at != digits.rend(); ++at)
    out.push_back(base58_digits[static_cast<std::size_t>(*at)]);
  return out;
}

// Empty for anything that base58 of a CIDv0 does not write.
std::string from_base58(std::string_view text) {
  std::string bytes;  // least significant first
  for (const char c : text) {
    const std::size_t digit = base58_digits.find(c);
    if (digit == std::string_view::npos) return {};
    auto carry = static_cast<unsigned>(digit);
    for (char& byte : bytes) {
      carry += static_cast<unsigned char>(byte) * base58;
      byte = static_cast<char>(carry);
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push_back(static_cast<char>(carry));
  }
  return {bytes.rbegin(), bytes.rend()};
}

// Kubo's balanced layout, built from the left: a full level is folded only when another sibling arrives.
class Tree {
 public:
  explicit Tree(std::vector<DagBlock>* blocks = nullptr, std::string_view prefix = dag_pb_prefix)
      : blocks_(blocks), prefix_(prefix) {}

  void add(DagNode node, std::size_t level = 0) {
    if (level == levels_.size()) levels_.emplace_back();
    if (levels_[level].size() == max_links) {
      DagNode parent = fold(levels_[level]);
      levels_[level].clear();
      add(std::move(parent), level + 1);
    }
    levels_[level].push_back(std::move(node));
  }

  DagNode finish() {
    for (std::size_t level = 0;; ++level) {
      if (level + 1 == levels_.size() && levels_[level].size() == 1) return levels_[level].front();
      DagNode parent = fold(levels_[level]);
      add(std::move(parent), level + 1);
    }
  }

 private:
  DagNode fold(const std::vector<DagNode>& children) {
    std::string block = encode_node(children);
    DagNode node{std::string(prefix_) + sha256(block), block.size(), 0};
    for (const DagNode& child : children) {
      node.tsize += child.tsize;
      node.file_size += child.file_size;
    }
    if (blocks_) blocks_->push_back({node.cid, std::move(block)});
    return node;
  }

  std::vector<std::vector<DagNode>> levels_;
  std::vector<DagBlock>* blocks_;
  std::string_view prefix_;
};

[[noreturn]] void refuse(const std::string& text, const char* cause) {
  throw Error(ErrorKind::permanent, "reading CID \"" + text.substr(0, 80) + "\"", cause);
}

}  // namespace

std::string cid_text(const std::string& binary) {
  if (binary.size() == v0_binary_size) return to_base58(binary);
  std::string out = "b";
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : binary) {
    group = group << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) out.push_back(base32_digits[group >> (bits - 5) & 31]);
  }
  if (bits > 0) out.push_back(base32_digits[group << (5 - bits) & 31]);
  return out;
}

std::string cid_binary(const std::string& text) {
  if (text.starts_with("Qm")) {
    std::string out = text.size() == v0_text_size ? from_base58(text) : std::string();
    if (out.size() != v0_binary_size || !out.starts_with(v0_prefix)) refuse(text, "it is no CIDv0");
    return out;
  }
  constexpr std::size_t text_size = 1 + (binary_size * 8 + 4) / 5;
  if (text.size() != text_size || text[0] != 'b') refuse(text, "it is no CIDv1 in base32");
  std::string out;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : std::string_view(text).substr(1)) {
    const std::size_t digit = base32_digits.find(c);
    if (digit == std::string_view::npos) refuse(text, "a character is not of base32");
    group = group << 5 | static_cast<std::uint32_t>(digit);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(group >> bits & 0xFF));
  }
  if ((group & ((1u << bits) - 1)) != 0) refuse(text, "its last bits are not zero");
  if (!out.starts_with(raw_prefix) && !out.starts_with(dag_pb_prefix))
    refuse(text, "it is not of a raw or dag-pb block hashed with sha2-256");
  return out;
}

bool is_cid(const std::string& text) {
  if (text.size() == v0_text_size && text.starts_with("Qm"))
    return text.find_first_not_of(base58_digits) == std::string::npos;
  try {
    cid_binary(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

struct CidHasher::State {
  explicit State(CidVersion version) : v0(version == CidVersion::v0), tree(nullptr, v0 ? v0_prefix : dag_pb_prefix) {}

  bool v0;
  Tree tree;
  Sha256 leaf;
  std::string chunk;  // of v0, whose leaves tell their length before their bytes
  std::size_t in_leaf = 0;
  bool any = false, finished = false;
  DagNode root;

  void add(Bytes data) {
    if (v0)
      chunk.append(data);
    else
      leaf.update(data);
    in_leaf += data.size();
    if (in_leaf == chunk_size) end_leaf();
  }

  void end_leaf() {
    if (v0) {
      const std::string block = encode_leaf(chunk);
      tree.add({std::string(v0_prefix) + sha256(block), block.size(), in_leaf});
      chunk.clear();
    } else {
      tree.add({std::string(raw_prefix) + leaf.digest(), in_leaf, in_leaf});
      leaf.restart();
    }
    in_leaf = 0;
    any = true;
  }
};

CidHasher::CidHasher(CidVersion version) : state_(new State(version)) {}

CidHasher::~CidHasher() {
  delete state_;
}

void CidHasher::write(Bytes data) {
  while (!data.empty()) {
    const std::size_t count = std::min(data.size(), chunk_size - state_->in_leaf);
    state_->add(data.substr(0, count));
    data.remove_prefix(count);
  }
}

void CidHasher::finish() {
  if (state_->finished) return;
  if (state_->in_leaf > 0 || !state_->any) state_->end_leaf();  // no bytes at all are one empty leaf
  state_->root = state_->tree.finish();
  state_->finished = true;
}

DagNode CidHasher::root() const {
  if (!state_->finished) throw Error(ErrorKind::permanent, "computing a CID", "the bytes have not come to their end");
  return state_->root;
}

DagNode join_parts(const std::vector<DagNode>& parts, std::vector<DagBlock>* blocks) {
  if (parts.empty()) throw Error(ErrorKind::permanent, "computing a CID", "there are no parts to join");
  Tree tree(blocks);
  for (const DagNode& part : parts) tree.add(part);
  return tree.finish();
}

}  // namespace lpbm::codec
