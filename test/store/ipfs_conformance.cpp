#include "store/cluster.h"
#include "store/conformance.h"

namespace lpbm::store {
namespace {

class IpfsPlace final : public Place {
 public:
  IpfsPlace() { TestCluster::shared().unpin_all(); }
  ~IpfsPlace() override { TestCluster::shared().unpin_all(); }
  std::unique_ptr<Store> open(const std::string& site, std::uint64_t part_size) override {
    return store::open(TestCluster::shared().options(site, part_size));
  }
};

std::vector<Setup> setups() {
  if (!cluster_tests_wanted()) return {};
  return {Setup{"ipfs", [] { return std::make_unique<IpfsPlace>(); }}};
}

INSTANTIATE_TEST_SUITE_P(Cluster, StoreConformance, testing::ValuesIn(setups()), setup_name);

}  // namespace
}  // namespace lpbm::store
