// Whatever records say, their script is one that the reader takes, with as many transactions; nothing breaks out of its
// quotes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"
#include "csvlog/record.h"
#include "delta/script_reader.h"
#include "delta/script_writer.h"

namespace {

struct Text final : lpbm::Sink {
  std::string text;
  void write(lpbm::Bytes data) override { text.append(data); }
  void finish() override {}
};

struct TextSource final : lpbm::Source {
  explicit TextSource(std::string_view t) : text(t) {}
  std::string_view text;
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t count = std::min(size, text.size());
    std::memcpy(buffer, text.data(), count);
    text.remove_prefix(count);
    return count;
  }
};

struct Count final : lpbm::delta::ScriptHandler {
  std::uint64_t holes = 0, ddl_commands = 0;
  void manifest(const std::string&) override {}
  bool transaction(lpbm::Lsn, std::uint64_t, lpbm::Micros) override { return true; }
  void begin() override {}
  void commit() override {}
  void prepare(const std::string&, const std::string&) override {}
  void execute(const std::string&, const std::vector<std::optional<std::string>>&) override {}
  void deallocate_all() override {}
  void copy_begin(const std::string&) override {}
  void copy_data(std::string_view) override {}
  void copy_end() override {}
  void expect_rows(std::uint64_t) override {}
  void ddl(char, const std::string&, const std::string&, const std::string&, const std::string&) override {
    ++ddl_commands;
  }
  void stale(char, std::uint32_t, const std::string&) override {}
  void proof(const lpbm::delta::Proof&) override {}
  void hole(const std::string&, const std::string&) override { ++holes; }
  void statement(const std::string&) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Text out;
  lpbm::delta::ScriptWriter writer({"{}", "UTF8", {}}, out);
  try {
    lpbm::csvlog::RecordParser parser(writer);
    const std::size_t zero = 0;
    parser.feed({reinterpret_cast<const char*>(data), size}, &zero);
    parser.reset();
  } catch (const lpbm::Error&) {
    return 0;
  }
  writer.finish();
  TextSource source(out.text);
  Count count;
  const lpbm::delta::ScriptTotals totals = lpbm::delta::read_script(source, count);
  // The reader passes over what is not above the LSN 0/0, which no record has.
  if (writer.summary().first == lpbm::Lsn{} || writer.summary().last == lpbm::Lsn{}) return 0;
  if (totals.transactions != writer.summary().records || count.holes != writer.summary().holes.size()) std::abort();
  return 0;
}
