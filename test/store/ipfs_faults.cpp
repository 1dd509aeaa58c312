// What networks and daemons do to an IPFS Cluster store, on real daemons: nothing is lost, nothing is there twice.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "store/cluster.h"
#include "store/conformance.h"
#include "store/expect.h"
#include "store/proxy.h"

namespace lpbm::store {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Fault = Proxy::Fault;

constexpr const char* name = "lpbm/site/e/dump";
constexpr std::size_t three_parts = 2'500'000;

class IpfsFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (!cluster_tests_wanted()) GTEST_SKIP() << "LPBM_CLUSTER_TESTS is not set";
    cluster().unpin_all();
  }
  static TestCluster& cluster() { return TestCluster::shared(); }
  static Options through(const Proxy& proxy) {
    Options out = cluster().options();
    out.url = "ipfs+http://" + proxy.host();
    out.stall_timeout = milliseconds(3000);
    return out;
  }
  static std::string peer(std::size_t index, const char* what) { return cluster().description()["peers"][index][what]; }
  // Exactly this object is pinned, and it is whole.
  static void expect_stored(const std::string& cid, const std::string& content) {
    EXPECT_EQ(cluster().pin_names(), std::vector<std::string>{name});
    EXPECT_TRUE(get(*open(cluster().options()), cid) == content);
  }
};

TEST_F(IpfsFaults, an_upload_that_is_cut_is_sent_again) {
  unsigned seed = 100;
  for (const auto& [fault, bytes] : std::initializer_list<std::pair<Fault, std::uint64_t>>{
           {Fault::cut_request, 0}, {Fault::cut_request, 300'000}, {Fault::cut_answer, 0}, {Fault::cut_answer, 150}}) {
    for (const int times : {1, 3}) {
      Proxy proxy(peer(0, "cluster"));
      const auto store = open(through(proxy));
      const std::string content = sample(three_parts, ++seed);
      proxy.expect("POST /add", fault, bytes, times);
      const Stored stored = put(*store, name, content);
      store->confirm(stored.cid);
      EXPECT_EQ(proxy.met(), times);
      expect_stored(stored.cid, content);
      store->remove(stored.cid);
      EXPECT_TRUE(cluster().pin_names().empty());
    }
  }
}

TEST_F(IpfsFaults, an_answer_that_does_not_come_is_settled_by_asking_for_the_pin) {
  Proxy proxy(peer(0, "cluster"));
  const auto store = open(through(proxy));
  const std::string content = sample(three_parts, 111);
  proxy.expect("POST /add", Fault::hold_answer, 0, 1);
  proxy.expect("GET /pins", Fault::hold_answer, 10, 1);
  proxy.expect("DELETE /pins", Fault::cut_answer, 10, 2);
  const Stored stored = put(*store, name, content);
  store->confirm(stored.cid);
  EXPECT_EQ(proxy.met(), 4);
  expect_stored(stored.cid, content);
}

TEST_F(IpfsFaults, a_listing_that_is_cut_is_no_shorter_list) {
  Proxy proxy(peer(0, "cluster"));
  const auto store = open(through(proxy));
  for (unsigned i = 0; i < 20; ++i) put(*store, std::string(name) + std::to_string(i), sample(1000, 200 + i));
  proxy.expect("GET /allocations", Fault::cut_answer, 2500, 1);
  EXPECT_EQ(store->list("lpbm/site/e/").size(), 20u);
  EXPECT_EQ(proxy.met(), 1);
}

TEST_F(IpfsFaults, reading_goes_on_at_the_same_place_from_another_address) {
  const std::string content = sample(3'000'000, 120);
  const auto store = open(cluster().options());
  const std::string cid = put(*store, name, content).cid;
  store->confirm(cid);
  for (const Fault fault : {Fault::cut_answer, Fault::hold_answer})
    for (const char* api : {"api", "gateway"}) {
      Proxy proxy(peer(0, api));
      Options options = cluster().options();
      options.ipfs_api = {proxy.url(), peer(1, api)};
      options.stall_timeout = milliseconds(1000);
      proxy.expect(std::string(api) == "api" ? "POST /api/v0/cat" : "GET /ipfs", fault, 500'000, 3);
      EXPECT_TRUE(get(*open(options), cid) == content) << api;
      EXPECT_GE(proxy.met(), 1);
    }
}

TEST_F(IpfsFaults, a_block_that_is_not_what_its_cid_says_is_not_handed_on) {
  const std::string content = sample(900'000, 130);
  const std::string cid = put(*open(cluster().options()), name, content).cid;
  Proxy proxy(peer(0, "api"));
  proxy.expect("POST /api/v0/cat", Fault::damage_answer, 100'000, 1000);
  Options options = cluster().options();
  options.ipfs_api = {proxy.url(), peer(1, "api")};
  EXPECT_TRUE(get(*open(options), cid) == content);
  EXPECT_GE(proxy.met(), 1);
  options.ipfs_api = {proxy.url()};
  std::string text;
  EXPECT_EQ(kind_of([&] { get(*open(options), cid); }, &text), ErrorKind::permanent);
  EXPECT_NE(text.find("content does not match its CID"), std::string::npos) << text;
}

TEST_F(IpfsFaults, parts_of_a_writer_that_was_stopped_are_removed_by_name_and_nothing_else) {
  const auto store = open(cluster().options());
  const std::string kept = put(*store, "lpbm/site/f/dump", sample(2'100'000, 140)).cid;
  const auto other = open(cluster().options("other"));
  {
    const auto writer = store->put(name), foreign = other->put("lpbm/other/e/dump");
    writer->write(sample(three_parts, 141));
    foreign->write(sample(three_parts, 142));
  }
  const auto names = cluster().pin_names();
  EXPECT_TRUE(std::find(names.begin(), names.end(), std::string(name) + "@0") != names.end());
  store->remove_unfinished({"lpbm/site/e/"}, {});
  other->remove_unfinished({"lpbm/site/"}, {});
  const auto left = cluster().pin_names();
  EXPECT_EQ(std::count_if(left.begin(), left.end(), [](const auto& n) { return n.starts_with("lpbm/site/e"); }), 0);
  EXPECT_GE(std::count_if(left.begin(), left.end(), [](const auto& n) { return n.starts_with("lpbm/other/e"); }), 1);
  EXPECT_EQ(get(*store, kept).size(), 2'100'000u);
}

TEST_F(IpfsFaults, nobody_listens) {
  Options options = cluster().options();
  options.url = "ipfs+http://127.0.0.1:9";
  options.patience = milliseconds(300);
  std::string text;
  EXPECT_EQ(kind_of([&] { put(*open(options), name, "x"); }, &text), ErrorKind::retryable);
  EXPECT_NE(text.find("127.0.0.1:9"), std::string::npos) << text;
  EXPECT_EQ(kind_of([&] { open(options)->list(""); }), ErrorKind::retryable);
  EXPECT_EQ(kind_of([&] { open(options)->remove(put(*open(cluster().options()), name, "x").cid); }),
            ErrorKind::retryable);
}

TEST_F(IpfsFaults, too_few_peers_is_a_retryable_error_that_says_so) {
  Options options = cluster().options();
  options.replication_min = options.replication_max = 5;
  options.patience = milliseconds(500);
  std::string text;
  EXPECT_EQ(kind_of([&] { put(*open(options), name, sample(3'000'000, 150)); }, &text), ErrorKind::retryable);
  EXPECT_NE(text.find("not enough peers"), std::string::npos) << text;
}

// With peers that die, so on a cluster of its own for each test.
class IpfsPeers : public testing::Test {
 protected:
  void SetUp() override {
    if (!cluster_tests_wanted()) GTEST_SKIP() << "LPBM_CLUSTER_TESTS is not set";
  }
};

Options two_of_three(const TestCluster& cluster) {
  Options out = cluster.options();
  out.replication_min = 2;
  out.stall_timeout = milliseconds(15'000);
  return out;
}

// Peers learn of removals from each other, a little later.
std::vector<std::string> names_in_the_end(const TestCluster& cluster, std::size_t wanted) {
  std::vector<std::string> names;
  for (const auto end = Clock::now() + milliseconds(30'000); Clock::now() < end; std::this_thread::yield())
    if (names = cluster.pin_names(); names.size() == wanted) break;
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(IpfsPeers, a_peer_may_die_at_each_stage) {
  TestCluster cluster({"--peers", "3"});
  const auto store = open(two_of_three(cluster));
  const std::string content = sample(3'300'000, 160);
  const auto writer = store->put(name);
  writer->write(Bytes(content).substr(0, 1'500'000));
  cluster.command("kill 0");  // the one that takes the parts
  writer->write(Bytes(content).substr(1'500'000));
  writer->finish();
  store->confirm(writer->stored().cid);
  EXPECT_TRUE(get(*store, writer->stored().cid) == content);
  const std::string before = put(*store, "lpbm/site/f/one", sample(2'000'000, 161)).cid;
  cluster.command("start 0");
  cluster.command("ready");
  const std::string later = put(*store, "lpbm/site/f/two", sample(2'000'000, 162)).cid;
  cluster.command("kill 2");  // before the confirmation
  store->confirm(before);
  store->confirm(later);
  EXPECT_TRUE(get(*store, later) == sample(2'000'000, 162));
  // A peer that dies takes what only it knew with it, so the removal of a part too: the next run sees to that.
  store->remove_unfinished({"lpbm/site/"}, {});
  EXPECT_EQ(names_in_the_end(cluster, 3), (std::vector<std::string>{name, "lpbm/site/f/one", "lpbm/site/f/two"}));
}

TEST_F(IpfsPeers, all_peers_may_be_away_for_a_while) {
  TestCluster cluster({"--peers", "2"});
  Options options = cluster.options();
  options.patience = milliseconds(300);
  for (const char* peer : {"0", "1"}) cluster.command(std::string("kill ") + peer);
  EXPECT_EQ(kind_of([&] { put(*open(options), name, sample(2'000'000, 170)); }), ErrorKind::retryable);
  options.patience = milliseconds(90'000);
  std::thread back([&] {
    for (const char* peer : {"0", "1"}) cluster.command(std::string("start ") + peer);
  });
  const auto store = open(options);
  const std::string cid = put(*store, name, sample(2'000'000, 170)).cid;
  store->confirm(cid);
  back.join();
  EXPECT_EQ(cluster.pin_names(), std::vector<std::string>{name});
}

TEST_F(IpfsPeers, a_peer_whose_disk_is_full_is_done_without) {
  const std::string small = std::filesystem::temp_directory_path() / ("lpbm-small-" + std::to_string(::getpid()));
  std::filesystem::create_directory(small);
  if (::mount("lpbm-test", small.c_str(), "tmpfs", 0, "size=24m,mode=1777") != 0) GTEST_SKIP() << "no right to mount";
  {
    TestCluster cluster({"--peers", "3", "--data", "1=" + small + "/peer"});
    const auto store = open(two_of_three(cluster));
    const std::string content = sample(60'000'000, 190);
    const std::string cid = put(*store, name, content).cid;
    store->confirm(cid);
    EXPECT_TRUE(get(*store, cid) == content);
    Options all = two_of_three(cluster);
    all.replication_min = 3;
    all.patience = milliseconds(2000);
    EXPECT_EQ(kind_of([&] {
                const auto strict = open(all);
                strict->confirm(put(*strict, "lpbm/site/f/dump", sample(40'000'000, 191)).cid);
              }),
              ErrorKind::retryable);
  }
  ::umount(small.c_str());
  std::filesystem::remove(small);
}

}  // namespace
}  // namespace lpbm::store
