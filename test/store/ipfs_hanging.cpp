// Daemons that neither answer nor close a connection (SIGSTOP): the work goes on at another address.
#include <gtest/gtest.h>

#include <algorithm>

#include "store/cluster.h"
#include "store/conformance.h"
#include "store/expect.h"

namespace lpbm::store {
namespace {

using std::chrono::milliseconds;

class IpfsHanging : public testing::Test {
 protected:
  void SetUp() override {
    if (!cluster_tests_wanted()) GTEST_SKIP() << "LPBM_CLUSTER_TESTS is not set";
    if (!cluster_) cluster_ = std::make_unique<TestCluster>(std::vector<std::string>{"--peers", "3"});
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  [[nodiscard]] static Options options() {
    Options out = cluster_->options();
    out.replication_min = 2;
    out.stall_timeout = milliseconds(17'000);  // longer than peers wait for each other
    return out;
  }
  // Written in two halves, between which `daemon` falls silent.
  static Stored put_while_it_hangs(Store& store, const std::string& name, const std::string& content,
                                   const std::string& daemon) {
    const auto writer = store.put(name);
    const std::size_t half = content.size() / 2;
    writer->write(Bytes(content).substr(0, half));
    cluster_->command("stop-" + daemon);
    writer->write(Bytes(content).substr(half));
    writer->finish();
    store.confirm(writer->stored().cid);
    return writer->stored();
  }
  // Requests of before, which nobody waits for any more, may come to effect now: their pins can be told and removed.
  static void expect_stored_once(Store& store, const std::string& name, const std::string& cid,
                                 const std::string& content) {
    cluster_->command("cont 0");
    cluster_->command("ready");
    store.remove_unfinished({name}, {cid});
    store.confirm(cid);
    EXPECT_TRUE(get(store, cid) == content);
    EXPECT_EQ(store.list(name).size(), 1u);
  }

  static inline std::unique_ptr<TestCluster> cluster_;
};

TEST_F(IpfsHanging, an_upload_goes_on_without_a_cluster_daemon_that_hangs) {
  const auto store = open(options());
  const std::string content = sample(3'300'000, 300);
  const Stored stored = put_while_it_hangs(*store, "lpbm/site/a/dump", content, "cluster 0");
  EXPECT_TRUE(get(*store, stored.cid) == content);
  expect_stored_once(*store, "lpbm/site/a/dump", stored.cid, content);
}

TEST_F(IpfsHanging, an_upload_goes_on_without_a_node_that_hangs) {
  const auto store = open(options());
  const std::string content = sample(3'300'000, 301);
  const Stored stored = put_while_it_hangs(*store, "lpbm/site/b/dump", content, "ipfs 0");
  EXPECT_TRUE(get(*store, stored.cid) == content);
  expect_stored_once(*store, "lpbm/site/b/dump", stored.cid, content);
}

TEST_F(IpfsHanging, reading_goes_on_at_the_same_place_when_a_node_hangs) {
  const auto store = open(options());
  const std::string content = sample(60'000'000, 302);  // more than what lies in buffers on its way
  const std::string cid = put(*store, "lpbm/site/c/dump", content).cid;
  store->confirm(cid);
  for (const char* api : {"api", "gateway"}) {
    class Stopping final : public Sink {
     public:
      explicit Stopping(TestCluster& cluster) : cluster_(cluster) {}
      void write(Bytes data) override {
        if (text.empty()) cluster_.command("stop-ipfs 0");
        text.append(data);
      }
      void finish() override {}
      std::string text;

     private:
      TestCluster& cluster_;
    } sink(*cluster_);
    Options reading = options();
    reading.stall_timeout = milliseconds(2000);
    reading.ipfs_api.clear();
    for (const auto& peer : cluster_->description()["peers"]) reading.ipfs_api.push_back(peer[api]);
    open(reading)->get(cid, {}, sink);
    EXPECT_TRUE(sink.text == content) << api;
    // And what is asked for only now.
    EXPECT_TRUE(get(*open(reading), cid, {1'000'000, 100'000}) == content.substr(1'000'000, 100'000)) << api;
    cluster_->command("cont 0");
  }
}

}  // namespace
}  // namespace lpbm::store
