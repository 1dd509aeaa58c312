// Turning the statements of plain csvlog files into SQL, beside plain libcsv parsing of the same files.
//   bench_statements LOG_DIRECTORY [DATABASE [RUNS]]      an empty DATABASE is none
// Prints MB per second of processor time of both (medians of alternating runs), their ratio, and the memory that was
// used.
#include <sys/resource.h>

#include <cstdio>

#include "base/error.h"
#include "job/statement_extract.h"
#include "measure.h"

namespace {

using namespace lpbm;

struct Nothing final : Sink {
  std::uint64_t bytes = 0;
  void write(Bytes data) override { bytes += data.size(); }
  void finish() override {}
};

int run(int argc, char** argv) {
  const std::vector<std::filesystem::path> files = csvlog::csv_files(argv[1]);
  const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
  std::vector<double> parsing, extracting;
  std::uint64_t size = 0, written = 0;
  job::StatementReport report;
  for (int i = 0; i < runs; ++i) {
    parsing.push_back(bench::processor_seconds([&] { size = bench::parse_plainly(files); }));
    extracting.push_back(bench::processor_seconds([&] {
      Nothing out;
      job::StatementOptions options;
      options.files = files;
      options.stop_at_records = true;
      if (argc > 2) options.database = argv[2];
      report = job::extract_statements(options, out);
      if (report.holds_records) throw Error(ErrorKind::usage, "measuring", "records of lpbm are in the files");
      written = out.bytes;
    }));
  }
  const double mb = static_cast<double>(size) / 1e6;
  const double plain_speed = mb / bench::median(parsing), speed = mb / bench::median(extracting);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "csvlog of %.1f MB: plain libcsv %.0f MB/s, statements into SQL (%.1f MB, %llu transactions) %.0f MB/s, "
      "ratio %.2f, memory %ld MB\n",
      mb, plain_speed, static_cast<double>(written) / 1e6, static_cast<unsigned long long>(report.counts.transactions),
      speed, speed / plain_speed, usage.ru_maxrss / 1024);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bench_statements LOG_DIRECTORY [DATABASE [RUNS]]\n", stderr);
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const lpbm::Error& error) {
    std::fprintf(stderr, "bench_statements: %s\n", error.what());
    return 1;
  }
}
