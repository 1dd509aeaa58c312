#include "store/part_spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "store/conformance.h"

namespace lpbm::store {
namespace {

std::string all_of(Rereadable& spool) {
  std::string out, buffer(70'001, '\0');
  while (const std::size_t got = spool.read(out.size(), buffer.data(), buffer.size())) out.append(buffer, 0, got);
  return out;
}

TEST(PartSpool, gives_back_what_it_took_as_often_as_it_is_asked) {
  PartSpool spool("");
  for (const std::size_t size : {0, 10, 1 << 20, (1 << 20) + 1, 3 << 20, 7}) {
    spool.clear();
    const std::string content = sample(size);
    for (std::size_t at = 0; at < size; at += 300'000) spool.append(Bytes(content).substr(at, 300'000));
    EXPECT_EQ(spool.size(), unknown_size);
    spool.close("cid");
    EXPECT_EQ(spool.size(), size);
    EXPECT_TRUE(all_of(spool) == content) << size;
    EXPECT_TRUE(all_of(spool) == content) << size;
  }
}

TEST(PartSpool, is_read_while_it_is_filled) {
  PartSpool spool("");
  const std::string content = sample(5'000'000);
  std::thread writer([&] {
    for (std::size_t at = 0; at < content.size(); at += 99'991) spool.append(Bytes(content).substr(at, 99'991));
    spool.close("cid");
  });
  EXPECT_TRUE(all_of(spool) == content);
  EXPECT_EQ(spool.wait_for_cid(), "cid");
  writer.join();
}

TEST(PartSpool, who_waits_for_more_may_give_up) {
  PartSpool spool("", [] { return true; });
  spool.append("abc");
  char buffer[10];
  EXPECT_EQ(spool.read(0, buffer, sizeof buffer), 3u);
  EXPECT_THROW(spool.read(3, buffer, sizeof buffer), Error);
  EXPECT_THROW(spool.wait_for_cid(), Error);
}

TEST(PartSpool, leaves_no_file) {
  const std::string folder = testing::TempDir() + "/lpbm-spool-" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  PartSpool spool(folder);
  spool.append(sample(3 << 20));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

}  // namespace
}  // namespace lpbm::store
