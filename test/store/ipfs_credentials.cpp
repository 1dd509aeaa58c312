// Who may use an IPFS Cluster: user and password, tokens that the cluster issues, certificates; on real daemons.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "store/cluster.h"
#include "store/conformance.h"
#include "store/expect.h"
#include "store/http.h"

namespace lpbm::store {
namespace {

constexpr const char* name = "lpbm/site/e/dump";

// A cluster with and one without TLS.
class IpfsCredentials : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!cluster_tests_wanted()) GTEST_SKIP() << "LPBM_CLUSTER_TESTS is not set";
    cluster_ = &clusters[GetParam()];
    if (*cluster_) return;
    std::vector<std::string> arguments{"--peers", "1", "--auth", "lpbm:secret"};
    if (GetParam()) arguments.emplace_back("--tls");
    *cluster_ = std::make_unique<TestCluster>(arguments);
  }
  static void TearDownTestSuite() { clusters.clear(); }
  ~IpfsCredentials() override { std::filesystem::remove(path_); }
  [[nodiscard]] TestCluster& cluster() const { return **cluster_; }

  // The store as whoever has this secret sees it.
  Options with(const std::string& secret, mode_t mode = 0600) {
    std::ofstream(path_) << secret << '\n';
    ::chmod(path_.c_str(), mode);
    Options out = cluster().options();
    out.auth_file = path_;
    return out;
  }
  // What the cluster answers to user and password.
  std::string token() {
    const Options options = with("lpbm:secret");
    HttpOptions http;
    http.credentials = read_credentials(options.auth_file);
    http.ca_file = options.ca_file;
    HttpClient client(http);
    const std::string peer = cluster().description()["peers"][0]["cluster"];
    const HttpResponse answer = client.perform({.method = "POST", .url = peer + "/token"});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return nlohmann::json::parse(answer.body)["token"];
  }
  static void expect_it_serves(const Options& options, unsigned seed) {
    const auto store = open(options);
    const std::string content = sample(2'000'000, seed);
    const std::string cid = put(*store, name, content).cid;
    store->confirm(cid);
    EXPECT_TRUE(get(*store, cid) == content);
    EXPECT_EQ(store->list(name).size(), 1u);
    store->remove(cid);
  }
  static void expect_it_refuses(const Options& options) {
    std::string text;
    EXPECT_EQ(kind_of([&] { put(*open(options), name, "x"); }, &text), ErrorKind::permanent);
    EXPECT_NE(text.find("401"), std::string::npos) << text;
    EXPECT_NE(text.find("lpbm.store_auth_file"), std::string::npos) << text;
    EXPECT_EQ(kind_of([&] { open(options)->list(""); }), ErrorKind::permanent);
  }

  static inline std::map<bool, std::unique_ptr<TestCluster>> clusters;
  std::unique_ptr<TestCluster>* cluster_ = nullptr;
  const std::string path_ = std::filesystem::temp_directory_path() / ("lpbm-auth-" + std::to_string(::getpid()));
};

TEST_P(IpfsCredentials, a_password_and_a_certificate_are_wanted) {
  expect_it_refuses(with("lpbm:wrong"));
  expect_it_refuses(cluster().options());
  Options good = with("lpbm:secret");
  expect_it_serves(good, 180);
  if (!GetParam()) return;
  good.ca_file.clear();
  std::string text;
  EXPECT_EQ(kind_of([&] { open(good)->list(""); }, &text), ErrorKind::permanent);
  EXPECT_NE(text.find("lpbm.store_ca_file"), std::string::npos) << text;
}

TEST_P(IpfsCredentials, a_token_of_the_cluster_is_as_good_as_the_password) {
  std::string secret = token();
  expect_it_serves(with(secret), 181);
  secret[secret.rfind('.') + 5] ^= 1;  // its signature
  expect_it_refuses(with(secret));
  expect_it_refuses(with("no-token"));
}

TEST_P(IpfsCredentials, a_secret_that_others_can_read_is_not_used) {
  std::string text;
  EXPECT_EQ(kind_of([&] { open(with("lpbm:secret", 0640)); }, &text), ErrorKind::permanent);
  EXPECT_NE(text.find("chmod 0600"), std::string::npos) << text;
}

TEST_P(IpfsCredentials, an_address_that_refuses_to_be_read_from_is_passed_over) {
  Options options = with("lpbm:secret");
  const std::string content = sample(2'000'000, 182);
  const std::string cid = put(*open(options), name, content).cid;
  // The REST API under a name to whose host no secret is sent: it answers 401.
  std::string refusing = cluster().description()["peers"][0]["cluster"];
  refusing.replace(refusing.find("127.0.0.1"), std::string_view("127.0.0.1").size(), "localhost");
  options.ipfs_api.insert(options.ipfs_api.begin(), refusing);
  EXPECT_TRUE(get(*open(options), cid) == content);
  options.ipfs_api.pop_back();
  std::string text;
  EXPECT_EQ(kind_of([&] { get(*open(options), cid); }, &text), ErrorKind::permanent);
  EXPECT_NE(text.find("refuses to be read from (401)"), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(Cluster, IpfsCredentials, testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "https" : "http"); });

}  // namespace
}  // namespace lpbm::store
