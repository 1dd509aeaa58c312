#include "codec/cid.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "codec/crypto.h"
#include "codec/openssl.h"
#include "unit/codec/text_sink.h"

namespace lpbm::codec::test {
namespace {

// The data of the vectors: the keystream of ChaCha20 under sha256("v0-seed"), nonce and counter zero.
std::string keystream(std::size_t size) {
  const openssl::CipherContext context(EVP_CIPHER_CTX_new());
  const std::string key = sha256("v0-seed"), nonce(16, '\0'), zeros(size, '\0');
  std::string out(size, '\0');
  int written = 0;
  EVP_EncryptInit_ex2(context.get(), EVP_chacha20(), openssl::bytes(key), openssl::bytes(nonce), nullptr);
  EVP_EncryptUpdate(context.get(), openssl::bytes(out), &written, openssl::bytes(zeros), static_cast<int>(size));
  return out;
}

DagNode hash(Bytes data, std::size_t step = SIZE_MAX) {
  CidHasher hasher;
  feed(hasher, data, step);
  return hasher.root();
}

constexpr std::size_t large = 45613057;  // 174 chunks and a byte: two levels of nodes
constexpr const char* large_cid = "bafybeifr472xiwfk53w5s7bayijk3lq2go6ocqqcfch6ygy5qwza5hkdl4";

TEST(Cid, is_that_of_kubo) {
  const struct {
    std::size_t size;
    const char* cid;
    std::uint64_t tsize;
  } vectors[] = {{262144, "bafkreigor3rsjpephi7t7qtfderiyx4qhhnwshocozfy6b5cr3labpjyvq", 262144},
                 {262145, "bafybeiagvbt6armm6scpjtounqinknmzegh2ke45ujvgn35frgbhze5m5a", 262249},
                 {large, large_cid, 45621926},
                 {0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", 0}};
  for (const auto& vector : vectors) {
    const DagNode node = hash(keystream(vector.size));
    EXPECT_EQ(cid_text(node.cid), vector.cid);
    EXPECT_EQ(node.tsize, vector.tsize);
    EXPECT_EQ(node.file_size, vector.size);
  }
  EXPECT_EQ(cid_text(hash("hello world").cid), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
}

// `ipfs add --only-hash --cid-version=0 --raw-leaves=false --chunker=size-262144` of Kubo 0.43.
TEST(Cid, of_version_0_is_that_of_kubo) {
  const struct {
    std::size_t size;
    const char* cid;
  } vectors[] = {{0, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"},
                 {1, "QmeFD9LBCrkTceFUxF5CdseS6rWtSWmknW57Vy6dnwBEPT"},
                 {262144, "QmTeZm976A3YuPNCLHWuVqtCeB5gu1qoXMVwspqTxnNhBp"},
                 {262145, "QmcEkqKWJFhDFrLkomrqCZsGJSFYsbBUQ6xHDYZNteriZh"},
                 {large, "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW"}};
  for (const auto& vector : vectors) {
    CidHasher hasher(CidVersion::v0);
    feed(hasher, keystream(vector.size), 100003);
    EXPECT_EQ(cid_text(hasher.root().cid), vector.cid);
    EXPECT_EQ(hasher.root().file_size, vector.size);
    EXPECT_TRUE(is_cid(vector.cid));
    EXPECT_EQ(cid_text(cid_binary(vector.cid)), vector.cid);
  }
}

TEST(Cid, does_not_depend_on_how_the_bytes_come) {
  const std::string data = keystream(3 * 262144 + 5);
  const std::string cid = hash(data).cid;
  for (const std::size_t step : {std::size_t{4099}, std::size_t{262143}, std::size_t{262144}, std::size_t{262145}})
    EXPECT_EQ(hash(data, step).cid, cid) << step;
}

TEST(Cid, may_be_finished_again_but_not_asked_for_before) {
  CidHasher hasher;
  hasher.write("hello world");
  EXPECT_THROW((void)hasher.root(), Error);
  hasher.finish();
  hasher.finish();
  EXPECT_EQ(cid_text(hasher.root().cid), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
}

TEST(Parts, join_to_the_same_tree_that_their_chunks_make) {
  const std::string data = keystream(large);
  std::vector<DagNode> parts;
  for (std::size_t at = 0; at < data.size(); at += 262144) parts.push_back(hash(Bytes(data).substr(at, 262144)));
  ASSERT_EQ(parts.size(), 175u);
  std::vector<DagBlock> blocks;
  const DagNode root = join_parts(parts, &blocks);
  EXPECT_EQ(cid_text(root.cid), large_cid);
  EXPECT_EQ(root.tsize, 45621926u);
  EXPECT_EQ(root.file_size, large);
  ASSERT_EQ(blocks.size(), 3u);
  for (const DagBlock& block : blocks) EXPECT_EQ(block.cid, std::string("\x01\x70\x12\x20", 4) + sha256(block.bytes));
  EXPECT_EQ(blocks.back().cid, root.cid);
}

TEST(Parts, that_are_one_are_their_own_root) {
  std::vector<DagBlock> blocks;
  const DagNode part = hash(keystream(300000));
  EXPECT_EQ(join_parts({part}, &blocks).cid, part.cid);
  EXPECT_TRUE(blocks.empty());
  EXPECT_THROW(join_parts({}), Error);
}

TEST(Parts, up_to_174_hang_on_one_node_and_more_on_a_tree) {
  const std::vector<std::pair<std::size_t, std::size_t>> blocks_of = {
      {2, 1}, {174, 1}, {175, 3}, {348, 3}, {349, 4}, {174 * 174, 175}, {174 * 174 + 1, 178}};
  for (const auto& [count, expected] : blocks_of) {
    std::vector<DagBlock> blocks;
    const DagNode root = join_parts(std::vector<DagNode>(count, hash("part")), &blocks);
    EXPECT_EQ(blocks.size(), expected) << count;
    EXPECT_EQ(root.file_size, 4 * count);
    std::uint64_t bytes = 0;
    for (const DagBlock& block : blocks) bytes += block.bytes.size();
    EXPECT_EQ(root.tsize, 4 * count + bytes);
  }
}

TEST(CidText, goes_both_ways_and_refuses_what_is_none) {
  EXPECT_EQ(cid_text(cid_binary(large_cid)), large_cid);
  const std::string good = large_cid;
  for (const std::string& wrong :
       {std::string(), std::string("b"), good + "a", good.substr(0, 58), "z" + good.substr(1), "B" + good.substr(1),
        good.substr(0, 58) + "5", good.substr(0, 58) + "1", good.substr(0, 30) + "\n" + good.substr(31),
        std::string("bafyreifr472xiwfk53w5s7bayijk3lq2go6ocqqcfch6ygy5qwza5hkdl4"),
        std::string("../../../../etc/passwd")}) {
    EXPECT_THROW(cid_binary(wrong), Error) << wrong;
    EXPECT_FALSE(is_cid(wrong)) << wrong;
  }
  EXPECT_TRUE(is_cid(good));
  EXPECT_TRUE(is_cid("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"));
  EXPECT_FALSE(is_cid("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd0"));
  EXPECT_FALSE(is_cid("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd"));
}

}  // namespace
}  // namespace lpbm::codec::test
