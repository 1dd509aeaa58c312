#include "schedule/cron_c.h"

#include <cstring>
#include <exception>

#include "base/error.h"
#include "schedule/cron.h"

namespace {

void copy_message(const char* message, char* buffer, size_t size) noexcept {
  if (buffer == nullptr || size == 0) return;
  const size_t length = strnlen(message, size - 1);
  std::memcpy(buffer, message, length);
  buffer[length] = '\0';
}

}  // namespace

extern "C" int lpbm_cron_check(const char* expr, char* error, size_t size) {
  try {
    lpbm::schedule::Cron::parse(expr == nullptr ? "" : expr);
    return 0;
  } catch (const lpbm::Error& e) {
    copy_message(e.cause().c_str(), error, size);
  } catch (const std::exception& e) {
    copy_message(e.what(), error, size);
  } catch (...) {
    copy_message("unknown error", error, size);
  }
  return -1;
}

extern "C" int64_t lpbm_cron_next(const char* expr, int64_t after_epoch_seconds, int64_t anchor_for_every,
                                  lpbm_cron_localtime localtime, void* arg) {
  try {
    const auto cron = lpbm::schedule::Cron::parse(expr == nullptr ? "" : expr);
    const auto to_local = [localtime, arg](int64_t time) {
      lpbm_local_time t = {};
      localtime(time, &t, arg);
      return lpbm::schedule::LocalTime{t.year, t.month, t.day, t.hour, t.minute, t.second};
    };
    return cron.next(after_epoch_seconds, to_local, anchor_for_every).value_or(-1);
  } catch (...) {
    return -1;  // whoever wants the reason asks lpbm_cron_check
  }
}
