// Reading records of csvlog files into an encrypted delta, beside plain libcsv parsing of the same files.
//   bench_reading LOG_DIRECTORY CLUSTER_KEY_FILE [RUNS]
// Prints MB/s of both (medians of alternating runs) and their ratio.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/pipe.h"
#include "codec/age.h"
#include "codec/zstd.h"
#include "csvlog/log_files.h"
#include "csvlog/log_reader.h"
#include "csvlog/log_streams.h"
#include "delta/script_writer.h"
#include "job/extract.h"
#include "measure.h"

namespace {

using namespace lpbm;

struct Nothing final : Sink {
  std::uint64_t bytes = 0;
  void write(Bytes data) override { bytes += data.size(); }
  void finish() override {}
};

std::uint64_t delta(const std::vector<std::filesystem::path>& files, const std::string& stream, const std::string& key,
                    const std::string& recipient) {
  Nothing out;
  const auto age = codec::age_encrypt({recipient}, out);
  const auto zstd = codec::zstd_compress(1, *age);
  ThreadedSink threaded(*zstd);
  delta::ScriptWriter script({"{}", "UTF8", {}}, threaded);
  csvlog::LogOptions options;
  options.files = files;
  options.stream = stream;
  options.key = key;
  options.check_links = false;
  csvlog::read_log(options, script);
  script.finish();
  threaded.finish();
  return out.bytes;
}

int run(int argc, char** argv) {
  const std::vector<std::filesystem::path> files = csvlog::csv_files(argv[1]);
  const std::string key = job::read_cluster_key(argv[2]);
  const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
  const csvlog::StreamList list = csvlog::list_streams(files, key);
  const auto largest = std::max_element(list.streams.begin(), list.streams.end(),
                                        [](const auto& a, const auto& b) { return a.frames < b.frames; });
  if (largest == list.streams.end()) throw Error(ErrorKind::permanent, "looking for records", "there are none");
  const std::string recipient = codec::generate_identity().recipient;
  std::vector<double> parsing, reading;
  std::uint64_t size = 0, stored = 0;
  for (int i = 0; i < runs; ++i) {
    parsing.push_back(bench::seconds([&] { size = bench::parse_plainly(files); }));
    reading.push_back(bench::seconds([&] { stored = delta(files, largest->stream, key, recipient); }));
  }
  const double mb = static_cast<double>(size) / 1e6;
  const double plain_speed = mb / bench::median(parsing), delta_speed = mb / bench::median(reading);
  std::printf(
      "csvlog of %.1f MB: plain libcsv %.0f MB/s, records into an encrypted delta (%.1f MB) %.0f MB/s, ratio %.2f\n",
      mb, plain_speed, static_cast<double>(stored) / 1e6, delta_speed, delta_speed / plain_speed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: bench_reading LOG_DIRECTORY CLUSTER_KEY_FILE [RUNS]\n", stderr);
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const lpbm::Error& error) {
    std::fprintf(stderr, "bench_reading: %s\n", error.what());
    return 1;
  }
}
