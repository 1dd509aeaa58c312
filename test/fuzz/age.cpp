// Any bytes are an age file for this identity, armored or not, or refused; how they are cut makes no difference.
#include "codec/age.h"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.h"

namespace {

struct Text final : lpbm::Sink {
  void write(lpbm::Bytes data) override { text.append(data); }
  void finish() override {}
  std::string text;
};

// The plaintext, or nothing when it is refused.
std::optional<std::string> decrypt(lpbm::Bytes file, std::size_t slice) {
  static const lpbm::codec::AgeIdentity identity = lpbm::codec::generate_identity();
  Text plain;
  try {
    const auto sink = lpbm::codec::age_decrypt({{identity.secret}, std::nullopt}, plain);
    for (; !file.empty(); file.remove_prefix(std::min(slice, file.size()))) sink->write(file.substr(0, slice));
    sink->finish();
  } catch (const lpbm::Error&) {
    return std::nullopt;
  }
  return plain.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lpbm::Bytes file(reinterpret_cast<const char*>(data), size);
  if (decrypt(file, size + 1) != decrypt(file, 7)) std::abort();
  return 0;
}
