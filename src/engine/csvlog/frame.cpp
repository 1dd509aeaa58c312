#include "csvlog/frame.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <charconv>

#include "base/encoding.h"
#include "base/error.h"

namespace lpbm::csvlog {
namespace {

constexpr std::string_view magic = "lpbm1 ";
constexpr std::string_view mac_prefix = "lpbm record\n";
constexpr std::size_t mac_digits = 32;
constexpr std::size_t stream_digits = 16;
constexpr std::size_t text_offset = magic.size() + mac_digits + 1;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Takes a decimal number and the character behind it off the front of `text`.
bool take_number(std::string_view& text, char end, std::uint64_t& out) {
  const char* last = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), last, out);
  if (error != std::errc{} || at == last || *at != end) return false;
  if (*text.data() == '0' && at != text.data() + 1) return false;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
  return true;
}

bool take_boundary(std::string_view& text, std::optional<std::size_t>& out) {
  if (text.starts_with("-\n")) {
    text.remove_prefix(2);
    return true;
  }
  std::uint64_t number = 0;
  if (!take_number(text, '\n', number)) return false;
  out = number;
  return number <= text.size();
}

[[noreturn]] void refuse() {
  throw Error(ErrorKind::permanent, "checking a record", "OpenSSL refused HMAC-SHA256");
}

}  // namespace

struct FrameKey::State {
  EVP_MAC* method = nullptr;
  EVP_MAC_CTX* context = nullptr;
  ~State() {
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(method);
  }
};

FrameKey::FrameKey(std::string_view key) : state_(std::make_unique<State>()) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  state_->method = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (!state_->method) refuse();
  state_->context = EVP_MAC_CTX_new(state_->method);
  if (!state_->context ||
      EVP_MAC_init(state_->context, reinterpret_cast<const unsigned char*>(key.empty() ? "" : key.data()), key.size(),
                   params) != 1)
    refuse();
}

FrameKey::~FrameKey() = default;

std::string FrameKey::mac(std::string_view text) const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  const auto bytes = [](std::string_view view) { return reinterpret_cast<const unsigned char*>(view.data()); };
  // Without a key the context starts again with the one that it has.
  if (EVP_MAC_init(state_->context, nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(state_->context, bytes(mac_prefix), mac_prefix.size()) != 1 ||
      EVP_MAC_update(state_->context, bytes(text), text.size()) != 1 ||
      EVP_MAC_final(state_->context, digest, &size, sizeof digest) != 1)
    refuse();
  return to_hex({reinterpret_cast<const char*>(digest), mac_digits / 2});
}

bool FrameKey::authentic(std::string_view message) const {
  if (message.size() < text_offset) return false;
  const std::string right = mac(message.substr(text_offset));
  return CRYPTO_memcmp(right.data(), message.data() + magic.size(), mac_digits) == 0;
}

std::optional<Frame> parse_frame(std::string_view message, std::string_view key) {
  if (!message.starts_with(magic) || message.size() < text_offset + stream_digits + 1) return std::nullopt;
  if (message[text_offset - 1] != ' ' || !is_hex(message.substr(magic.size(), mac_digits))) return std::nullopt;
  Frame frame;
  frame.stream = message.substr(text_offset, stream_digits);
  std::string_view rest = message.substr(text_offset + stream_digits);
  if (!is_hex(frame.stream) || rest.front() != ' ') return std::nullopt;
  rest.remove_prefix(1);
  if (!take_number(rest, ' ', frame.position.run) || !take_number(rest, ' ', frame.position.seq) ||
      !take_boundary(rest, frame.boundary))
    return std::nullopt;
  frame.payload = rest;
  if (!key.empty()) frame.authentic = FrameKey(key).authentic(message);
  return frame;
}

std::string make_frame(std::string_view key, std::string_view stream, FramePosition position,
                       std::optional<std::size_t> boundary, std::string_view payload) {
  std::string text(stream);
  text += ' ' + std::to_string(position.run) + ' ' + std::to_string(position.seq) + ' ';
  text += boundary ? std::to_string(*boundary) : "-";
  text += '\n';
  text += payload;
  return std::string(magic) + FrameKey(key).mac(text) + ' ' + text;
}

}  // namespace lpbm::csvlog
