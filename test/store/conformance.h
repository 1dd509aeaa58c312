// What every store must do (store/store.h), as a suite over a factory. A store adds itself by
//   INSTANTIATE_TEST_SUITE_P(Name, StoreConformance, testing::Values(Setup{...}), setup_name);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "store/store.h"

namespace lpbm::store {

// A place where one test keeps its store; goes with the test.
class Place {
 public:
  virtual ~Place() = default;
  // A store over this place, again and again with the same content, for this site.
  virtual std::unique_ptr<Store> open(const std::string& site, std::uint64_t part_size) = 0;
};

struct Setup {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

// What a failure prints.
inline void PrintTo(const Setup& setup, std::ostream* out) {
  *out << setup.name;
}

inline std::string setup_name(const testing::TestParamInfo<Setup>& info) {
  return info.param.name;
}

class StoreConformance : public testing::TestWithParam<Setup> {
 protected:
  static constexpr std::uint64_t part_size = 1 << 20;

  [[nodiscard]] std::unique_ptr<Store> open(const std::string& site = "site", std::uint64_t size = part_size) const {
    return place_->open(site, size);
  }

 private:
  std::unique_ptr<Place> place_ = GetParam().make();
};

// Bytes that do not repeat, the same for the same seed.
std::string sample(std::size_t size, unsigned seed = 1);
Stored put(Store& store, const std::string& name, const std::string& content);
std::string get(Store& store, const std::string& cid, Range range = {});

}  // namespace lpbm::store
