#include "codec/age.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/age_armor.h"
#include "codec/age_format.h"
#include "codec/age_keys.h"
#include "codec/age_payload.h"
#include "codec/bech32.h"
#include "codec/crypto.h"
#include "codec/passphrase.h"

namespace lpbm::codec {
namespace {

using namespace age;

constexpr const char* identity_prefix = "AGE-SECRET-KEY-";
constexpr const char* recipient_prefix = "age";

Identity decode_identity(const std::string& secret) {
  std::string bytes;
  const bool fine = bech32_decode(identity_prefix, secret, bytes) && bytes.size() == key_size;
  const openssl::Secret key(std::move(bytes));
  if (!fine)
    throw Error(ErrorKind::usage, "reading an identity", "it is not a valid X25519 identity",
                "It looks like AGE-SECRET-KEY-1...; age-keygen makes one.");
  return make_identity(key.value());
}

std::string decode_recipient(const std::string& text) {
  std::string bytes;
  if (!bech32_decode(recipient_prefix, text, bytes) || bytes.size() != key_size)
    throw Error(ErrorKind::usage, "reading recipient \"" + text.substr(0, 80) + "\"", "it is not an X25519 recipient",
                "It looks like age1... and has 62 characters; age-keygen -y prints it.");
  return bytes;
}

std::string header_mac(const std::string& file_key, std::string_view text) {
  const openssl::Secret key(hkdf_sha256(file_key, "", "header", key_size));
  return hmac_sha256(key.value(), text);
}

std::unique_ptr<Sink> start_file(const std::vector<Stanza>& stanzas, const openssl::Secret& file_key, Sink& below) {
  std::string header = encode_header(stanzas);
  const std::string mac = header_mac(file_key.value(), header);
  below.write(header.append(" ").append(to_base64(mac, false)).append("\n"));
  return std::make_unique<PayloadWriter>(file_key.value(), below);
}

// Finds the file key and proves the header with it.
class Opener {
 public:
  explicit Opener(AgeKeys keys) : passphrase_(keys.passphrase.value_or("")), has_passphrase_(keys.passphrase) {
    if (keys.passphrase) OPENSSL_cleanse(keys.passphrase->data(), keys.passphrase->size());
    for (std::string& identity : keys.identities) {
      identities_.push_back(decode_identity(identity));
      OPENSSL_cleanse(identity.data(), identity.size());
    }
  }

  [[nodiscard]] std::string file_key(const HeaderReader& header) const {
    const std::vector<Stanza>& stanzas = header.stanzas();
    bool scrypt = false;
    for (const Stanza& stanza : stanzas) scrypt = scrypt || stanza.type == "scrypt";
    if (scrypt && stanzas.size() != 1) refuse(reading_header, "a scrypt stanza is not the only one");
    std::optional<std::string> key;
    for (const Stanza& stanza : stanzas) {
      if (has_passphrase_ && !key) key = unwrap_scrypt(stanza, passphrase_.value());
      for (std::size_t i = 0; i < identities_.size() && !key; ++i) key = unwrap_x25519(stanza, identities_[i]);
    }
    if (!key && scrypt && has_passphrase_)
      refuse(opening, "wrong passphrase", passphrase_hint(passphrase_.value()).c_str());
    if (!key)
      refuse(opening, "no identity matched",
             scrypt ? "It is encrypted with a passphrase." : "It is encrypted to other recipients.");
    if (!equal_constant_time(header_mac(*key, header.authenticated()), header.mac()))
      refuse(checking_header, "its MAC is wrong");
    return *key;
  }

 private:
  std::vector<Identity> identities_;
  openssl::Secret passphrase_;
  bool has_passphrase_;
};

// A file without armor.
class BinaryReader final : public Sink {
 public:
  BinaryReader(AgeKeys keys, Sink& below) : opener_(std::move(keys)), below_(below) {}

  void write(Bytes data) override {
    if (!payload_ && !header_.feed(data)) return;
    if (!payload_) start_payload(data);
    if (payload_ && !data.empty()) payload_->write(data);
  }

  void finish() override {
    if (!payload_) refuse(reading_header, "it ends early");
    payload_->finish();
  }

 private:
  void start_payload(Bytes& data) {
    // Before the nonce is complete, as age does it: a wrong key is told of a file cut there.
    if (nonce_.empty() && !file_key_) file_key_.emplace(opener_.file_key(header_));
    const std::size_t count = std::min(data.size(), payload_nonce_size - nonce_.size());
    nonce_.append(data.substr(0, count));
    data.remove_prefix(count);
    if (nonce_.size() < payload_nonce_size) return;
    payload_ = std::make_unique<PayloadReader>(file_key_->value(), nonce_, below_);
    file_key_.reset();
  }

  Opener opener_;
  Sink& below_;
  HeaderReader header_;
  std::optional<openssl::Secret> file_key_;
  std::string nonce_;
  std::unique_ptr<PayloadReader> payload_;
};

// Decides by the first character that is no blank whether there is armor.
class Reader final : public Sink {
 public:
  Reader(AgeKeys keys, Sink& below) : binary_(std::move(keys), below), armor_(binary_) {}

  void write(Bytes data) override {
    if (!to_) {
      const std::size_t first = data.find_first_not_of(" \t\r\n");
      blanks_.append(data.substr(0, first));
      if (blanks_.size() > blank_limit) refuse(reading_header, "it does not begin as an age file");
      if (first == Bytes::npos) return;
      data.remove_prefix(first);
      to_ = data[0] == '-' ? static_cast<Sink*>(&armor_) : &binary_;
      to_->write(blanks_);
    }
    to_->write(data);
  }

  void finish() override {
    if (!to_) refuse(reading_header, "it is empty");
    to_->finish();
  }

 private:
  static constexpr std::size_t blank_limit = 1024;
  BinaryReader binary_;
  ArmorReader armor_;
  Sink* to_ = nullptr;
  std::string blanks_;
};

class TextSink final : public Sink {
 public:
  void write(Bytes data) override { text.append(data); }
  void finish() override {}
  std::string text;
};

}  // namespace

AgeIdentity generate_identity() {
  const openssl::Secret key(random_bytes(key_size));
  std::string secret = bech32_encode("age-secret-key-", key.value());
  for (char& c : secret)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  return parse_identity(secret);
}

AgeIdentity parse_identity(const std::string& secret) {
  return {secret, bech32_encode(recipient_prefix, decode_identity(secret).public_key)};
}

void check_recipients(const std::vector<std::string>& recipients) {
  // Wrapping something finds out points of low order, too.
  for (const std::string& recipient : recipients)
    wrap_x25519(std::string(file_key_size, '\0'), decode_recipient(recipient));
}

std::unique_ptr<Sink> age_encrypt(std::vector<std::string> recipients, Sink& below) {
  if (recipients.empty())
    throw Error(ErrorKind::usage, "encrypting", "there is no recipient", "Set lpbm.recipients or a passphrase.");
  const openssl::Secret file_key(random_bytes(file_key_size));
  std::vector<Stanza> stanzas;
  for (const std::string& recipient : recipients)
    stanzas.push_back(wrap_x25519(file_key.value(), decode_recipient(recipient)));
  return start_file(stanzas, file_key, below);
}

std::unique_ptr<Sink> age_decrypt(AgeKeys keys, Sink& below) {
  return std::make_unique<Reader>(std::move(keys), below);
}

std::string age_wrap(const std::string& content, const std::string& passphrase, int log_n) {
  const openssl::Secret file_key(random_bytes(file_key_size));
  TextSink sink;
  const std::unique_ptr<Sink> file = start_file({wrap_scrypt(file_key.value(), passphrase, log_n)}, file_key, sink);
  file->write(content);
  file->finish();
  return armor(sink.text);
}

std::string age_unwrap(const std::string& armored, const std::string& passphrase) {
  TextSink sink;
  const std::unique_ptr<Sink> file = age_decrypt({{}, passphrase}, sink);
  file->write(armored);
  file->finish();
  return std::move(sink.text);
}

std::vector<std::string> read_identities(const std::string& text) {
  std::vector<std::string> out;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t newline = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, newline - at);
    at = newline + 1;
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    try {
      decode_identity(line);
    } catch (const Error& error) {
      throw Error(ErrorKind::usage, "reading identities, line " + std::to_string(number), error.cause(), error.hint());
    }
    out.push_back(std::move(line));
  }
  if (out.empty())
    throw Error(ErrorKind::usage, "reading identities", "there is none", "age-keygen writes a file with one.");
  return out;
}

}  // namespace lpbm::codec
