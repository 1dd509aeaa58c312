// Any text is a journal of the first LPBM or refused; its entries are numbered, and a plan of them begins with a full.
#include "journal/first_journal.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lpbm::journal;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto entries = parse_first_journal(text);
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i].number != i + 1) std::abort();
    if (!entries.empty() && !text.starts_with("lpbm-journal ") && !is_first_journal(text)) std::abort();
    const auto plan = first_plan(entries, std::nullopt, std::nullopt);
    if (plan.front().kind != Kind::full || plan.back().number != entries.size()) std::abort();
  } catch (const lpbm::Error&) {
  }
  return 0;
}
