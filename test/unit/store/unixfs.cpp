#include "store/unixfs.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/error.h"
#include "store/object_hasher.h"

namespace lpbm::store {
namespace {

std::vector<codec::DagBlock> blocks_of(std::size_t parts) {
  std::vector<codec::DagNode> nodes;
  for (std::size_t i = 0; i < parts; ++i) {
    codec::CidHasher hasher;
    hasher.write("part " + std::to_string(i));
    hasher.finish();
    nodes.push_back(hasher.root());
  }
  std::vector<codec::DagBlock> blocks;
  codec::join_parts(nodes, &blocks);
  return blocks;
}

TEST(UnixFs, a_node_is_read_as_it_was_made) {
  const auto blocks = blocks_of(3);
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_TRUE(is_block_of(blocks[0].cid, blocks[0].bytes));
  EXPECT_FALSE(is_block_of(blocks[0].cid, blocks[0].bytes + "x"));
  const auto children = parse_node(blocks[0].bytes);
  ASSERT_EQ(children.size(), 3u);
  for (const DagChild& child : children) {
    EXPECT_TRUE(is_raw(child.cid));
    EXPECT_EQ(child.size, 6u);
  }
  EXPECT_FALSE(is_raw(blocks[0].cid));
}

TEST(UnixFs, a_node_that_is_cut_or_of_another_kind_is_refused) {
  const std::string whole = blocks_of(2)[0].bytes;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // Without its data a node has links without sizes; without links there is nothing that it joins.
    if (size == 0) continue;
    EXPECT_THROW(parse_node(whole.substr(0, size)), Error) << size;
  }
  EXPECT_THROW(parse_node("hello world"), Error);
  EXPECT_THROW(parse_node(std::string("\x0A\x04\x08\x01\x12\x00", 6)), Error);  // a directory
}

TEST(UnixFs, a_car_begins_with_its_root_and_holds_every_block) {
  const auto blocks = blocks_of(200);  // more than one node can link
  ASSERT_EQ(blocks.size(), 3u);
  const std::string car = make_car(blocks);
  constexpr std::size_t header = 1 + 58;
  EXPECT_EQ(static_cast<unsigned char>(car[0]), header - 1);
  EXPECT_EQ(car.find(blocks.back().cid), header - 10 - 36 + 1);
  for (const auto& block : blocks) EXPECT_NE(car.find(block.cid + block.bytes), std::string::npos);
}

TEST(UnixFs, a_leaf_of_version_0_holds_its_bytes) {
  // Kubo's blocks of no bytes and of "hello world".
  EXPECT_EQ(leaf_bytes(from_hex("0a0408021800")), "");
  const std::string hello = from_hex("0a110802120b") + "hello world" + from_hex("180b");
  EXPECT_EQ(leaf_bytes(hello), "hello world");
  EXPECT_TRUE(is_block_of(codec::cid_binary("Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"), hello));
  EXPECT_FALSE(is_block_of(codec::cid_binary("QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"), hello));
  EXPECT_THROW(leaf_bytes(from_hex("0a0408011800")), Error) << "a folder";
}

TEST(UnixFs, a_node_with_children_of_either_version_is_no_leaf) {
  for (const std::string cid : {"QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
                                "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}) {
    const std::string binary = codec::cid_binary(cid);
    const std::string link = '\x0A' + std::string(1, static_cast<char>(binary.size())) + binary;
    const std::string node =
        '\x12' + std::string(1, static_cast<char>(link.size())) + link + from_hex("0a06080218052005");
    EXPECT_FALSE(leaf_bytes(node));
    const auto children = parse_node(node);
    ASSERT_EQ(children.size(), 1u);
    EXPECT_EQ(codec::cid_text(children[0].cid), cid);
    EXPECT_EQ(children[0].size, 5u);
  }
}

}  // namespace
}  // namespace lpbm::store
