#include <stdlib.h>

#include <filesystem>

#include "store/conformance.h"

namespace lpbm::store {
namespace {

class FilePlace final : public Place {
 public:
  FilePlace() {
    std::string name = (std::filesystem::temp_directory_path() / "lpbm-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~FilePlace() override { std::filesystem::remove_all(path_); }
  std::unique_ptr<Store> open(const std::string& site, std::uint64_t part_size) override {
    return store::open({"file:store", path_.string(), site, part_size});
  }

 private:
  std::filesystem::path path_;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values(Setup{"file", [] { return std::make_unique<FilePlace>(); }}), setup_name);

}  // namespace
}  // namespace lpbm::store
