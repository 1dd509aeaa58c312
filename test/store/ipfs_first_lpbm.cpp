// Files as the first LPBM put them into a cluster: by ipfs-cluster-ctl with its defaults, so CIDs of version 0, whose
// leaves are nodes.
#include <gtest/gtest.h>
#include <stdio.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "codec/cid.h"
#include "store/cluster.h"

namespace lpbm::store {
namespace {

class Text final : public Sink {
 public:
  void write(Bytes data) override { text.append(data); }
  void finish() override {}
  std::string text;
};

std::string content(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

// Adds a file as the first LPBM did, and returns its CID: "added <CID> <name>".
std::string add(const std::string& bytes) {
  const auto file = std::filesystem::temp_directory_path() / "lpbm-2022-04-07T12:56:14.326Z-delta.sql.enc";
  std::ofstream(file, std::ios::binary) << bytes;
  const std::string url = TestCluster::shared().description()["peers"][0]["cluster"];
  const std::filesystem::path program(TEST_DATA "/../../../../.daemons/bin/ipfs-cluster-ctl");
  const std::string command = program.lexically_normal().string() + " --host /ip4/127.0.0.1/tcp/" +
                              url.substr(url.rfind(':') + 1) + " add '" + file.string() + "' 2>&1";
  std::string said(1000, '\0');
  FILE* pipe = ::popen(command.c_str(), "r");
  said.resize(::fread(said.data(), 1, said.size(), pipe));
  ::pclose(pipe);
  std::filesystem::remove(file);
  const std::size_t at = said.find("added ");
  if (at == std::string::npos) throw std::runtime_error(said);
  constexpr std::size_t cid_size = 46;
  return said.substr(at + 6, cid_size);
}

TEST(IpfsFirstLpbm, files_of_version_0_are_read_and_have_the_cid_that_is_computed) {
  if (!cluster_tests_wanted()) GTEST_SKIP() << "set LPBM_CLUSTER_TESTS to run it";
  const std::unique_ptr<Store> store = open(TestCluster::shared().options());
  for (const std::size_t size : {std::size_t{1}, std::size_t{262144}, std::size_t{600000}, std::size_t{46} << 20}) {
    const std::string bytes = content(size);
    const std::string cid = add(bytes);
    codec::CidHasher hasher(codec::CidVersion::v0);
    hasher.write(bytes);
    hasher.finish();
    EXPECT_EQ(codec::cid_text(hasher.root().cid), cid);
    Text out;
    store->get(cid, {}, out);
    EXPECT_EQ(out.text == bytes, true) << size;
    Text part;
    store->get(cid, {size / 2, 1000}, part);
    EXPECT_EQ(part.text == bytes.substr(size / 2, 1000), true) << size;
  }
  TestCluster::shared().unpin_all();
}

}  // namespace
}  // namespace lpbm::store
