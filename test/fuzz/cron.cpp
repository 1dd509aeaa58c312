// Any text is a cron expression or refused, and what is due is due in the future.
#include "schedule/cron.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t start = 1'795'000'000;
  try {
    const auto cron = lpbm::schedule::Cron::parse({reinterpret_cast<const char*>(data), size});
    const auto next = cron.next(start, lpbm::schedule::system_local_time);
    if (next && *next <= start) std::abort();
  } catch (const lpbm::Error&) {
  }
  return 0;
}
