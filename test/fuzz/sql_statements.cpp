// Any text falls into statements; how it comes in makes no difference, and no byte outside of comments, blanks and
// semicolons is lost.
#include "delta/sql_statements.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

class Slices final : public lpbm::Source {
 public:
  Slices(lpbm::Bytes text, std::size_t step) : text_(text), step_(step) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t got = text_.copy(buffer, std::min(size, step_));
    text_.remove_prefix(got);
    return got;
  }

 private:
  lpbm::Bytes text_;
  std::size_t step_;
};

std::vector<std::string> split(lpbm::Bytes text, std::size_t step, bool standard_strings) {
  Slices source(text, step);
  lpbm::delta::SqlStatements reader(source);
  std::vector<std::string> out;
  std::uint64_t line = 0;
  for (std::string statement; reader.next(statement, standard_strings); out.push_back(statement)) {
    if (statement.empty() || reader.line() < line) std::abort();
    line = reader.line();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lpbm::Bytes text(reinterpret_cast<const char*>(data), size);
  for (const bool standard_strings : {true, false}) {
    const auto whole = split(text, size + 1, standard_strings);
    if (split(text, 1, standard_strings) != whole) std::abort();
    std::size_t at = 0;
    for (const std::string& statement : whole) {
      at = text.find(statement, at);
      if (at == lpbm::Bytes::npos) std::abort();
      at += statement.size();
    }
  }
  return 0;
}
