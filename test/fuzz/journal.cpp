// Any text is a journal or refused, and one that is accepted is kept as it was.
#include "journal/journal.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto journal = lpbm::journal::Journal::parse(text);
    if (!text.starts_with(journal.text())) std::abort();
    (void)lpbm::journal::make_plan(journal, std::nullopt, std::nullopt);
  } catch (const lpbm::Error&) {
  }
  return 0;
}
