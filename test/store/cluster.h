// A private IPFS Cluster of real daemons (test/cluster/cluster.py) for the tests of a store. They run where
// LPBM_CLUSTER_TESTS is set, and need the daemons that scripts/daemons builds.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/store.h"

namespace lpbm::store {

bool cluster_tests_wanted();

class TestCluster {
 public:
  // Started at the first call, for the whole run, with three peers.
  static TestCluster& shared();
  // One of its own. `arguments` of cluster.py.
  explicit TestCluster(std::vector<std::string> arguments);
  ~TestCluster();
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  // Options of a store over all peers, or over one.
  [[nodiscard]] Options options(const std::string& site = "site", std::uint64_t part_size = 1 << 20) const;
  [[nodiscard]] Options options_of(std::size_t peer, const std::string& site = "site") const;
  [[nodiscard]] const nlohmann::json& description() const { return description_; }
  // A command of cluster.py.
  void command(const std::string& line);
  // All pins of the cluster by name.
  [[nodiscard]] std::vector<std::string> pin_names() const;
  void unpin_all() const;

 private:
  std::string read_line();

  int pid_ = -1, input_ = -1, output_ = -1;
  nlohmann::json description_;
};

}  // namespace lpbm::store
