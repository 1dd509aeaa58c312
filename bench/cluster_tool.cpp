// One object into an IPFS Cluster, or back, as lpbm's jobs do it; for bench/cluster.py.
//   bench_cluster put STORE API MIN MAX FILE      prints the CID and the seconds
//   bench_cluster get STORE API CID               prints the bytes and the seconds
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "job/settings.h"
#include "store/store.h"

#include <fcntl.h>

namespace {

using namespace lpbm;

struct Nothing final : Sink {
  std::uint64_t bytes = 0;
  void write(Bytes data) override { bytes += data.size(); }
  void finish() override {}
};

int put(store::Store& store, const char* path) {
  File file = File::open(path, O_RDONLY);
  const auto start = std::chrono::steady_clock::now();
  const auto writer = store.put("lpbm/bench/e/dump");
  std::string buffer(256u << 10, '\0');
  while (const std::size_t got = file.read(buffer.data(), buffer.size())) writer->write({buffer.data(), got});
  writer->finish();
  store.confirm(writer->stored().cid);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%s %.3f\n", writer->stored().cid.c_str(), took.count());
  return 0;
}

int get(store::Store& store, const char* cid) {
  const auto start = std::chrono::steady_clock::now();
  Nothing sink;
  store.get(cid, {}, sink);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%llu %.3f\n", static_cast<unsigned long long>(sink.bytes), took.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int get_words = 5, put_words = 7;
  if (argc != get_words && argc != put_words) return 2;
  try {
    store::Options options;
    options.url = argv[2];
    options.ipfs_api = job::split_list(argv[3]);
    options.site = "bench";
    if (argc == put_words) {
      options.replication_min = std::atoi(argv[4]);
      options.replication_max = std::atoi(argv[5]);
    }
    const auto store = store::open(options);
    return argc == put_words ? put(*store, argv[6]) : get(*store, argv[4]);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
