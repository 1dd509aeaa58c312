// Any bytes are an aes-256-cbc file for this passphrase or refused; how they are cut makes no difference, and the look
// at the end alone says the same as reading all.
#include "codec/aes_cbc.h"

#include <algorithm>
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

// One salt, whatever the input says: deriving a key takes 50 ms. OpenSSL's own files are left to the unit tests.
std::string with_salt(lpbm::Bytes file) {
  std::string out(file);
  std::fill_n(out.begin(), std::min(out.size(), lpbm::codec::aes_cbc_salt_size), 's');
  return out;
}

std::optional<std::string> decrypt(lpbm::Bytes file, std::size_t slice) {
  Text plain;
  try {
    const auto sink = lpbm::codec::aes_cbc_decrypt("secret", plain);
    for (; !file.empty(); file.remove_prefix(std::min(slice, file.size()))) sink->write(file.substr(0, slice));
    sink->finish();
  } catch (const lpbm::Error&) {
    return std::nullopt;
  }
  return plain.text;
}

bool ends_well(lpbm::Bytes file) {
  const std::size_t tail = std::min(file.size(), lpbm::codec::aes_cbc_tail_size);
  try {
    lpbm::codec::aes_cbc_check_end("secret", file, file.substr(file.size() - tail), file.size());
    return true;
  } catch (const lpbm::Error&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lpbm::Bytes bytes(reinterpret_cast<const char*>(data), size);
  const std::string file = with_salt(bytes);
  const auto plain = decrypt(file, size + 1);
  if (decrypt(file, 7) != plain || ends_well(file) != plain.has_value()) std::abort();
  static const lpbm::codec::AesCbcKey key("secret", std::string(lpbm::codec::aes_cbc_salt_size, 's'));
  Text out;
  const auto sink = lpbm::codec::aes_cbc_encrypt(key, out);
  sink->write(bytes);
  sink->finish();
  if (decrypt(out.text, 11) != std::string(bytes)) std::abort();
  return 0;
}
