#include "job/keys.h"

#include <string.h>
#include <unistd.h>

#include <cstdlib>

#include "base/encoding.h"
#include "base/error.h"
#include "codec/age.h"

namespace lpbm::job {
namespace {

constexpr const char* step = "preparing the encryption";
constexpr int work_factor = 18;  // log2 of scrypt's N, as the age program uses

// Clears a secret when it goes out of scope.
class Secret {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { ::explicit_bzero(text_.data(), text_.size()); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void make_key(const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) return;
  const Secret key(to_hex(codec::random_bytes(32)) + '\n');
  replace_file(path, key.text());
}

bool has_passphrase(const Settings& settings) {
  return !settings.passphrase_file.empty() || !settings.passphrase_command.empty();
}

void check_settings(const Settings& settings) {
  if (settings.encryption != "age" && settings.encryption != "aes-256-cbc")
    throw Error(ErrorKind::permanent, step, "lpbm.encryption = " + settings.encryption + " is not supported",
                "Set lpbm.encryption to age or aes-256-cbc.");
  if (settings.encryption != "age" && !settings.recipients.empty())
    throw Error(ErrorKind::permanent, step, "aes-256-cbc cannot encrypt to recipients",
                "Clear lpbm.recipients and set lpbm.passphrase_file, or set lpbm.encryption to age.");
  if (!settings.recipients.empty() && has_passphrase(settings))
    throw Error(ErrorKind::permanent, step, "both recipients and a passphrase are set",
                "Clear either lpbm.recipients, or lpbm.passphrase_file and lpbm.passphrase_command.");
  if (!settings.passphrase_file.empty() && !settings.passphrase_command.empty())
    throw Error(ErrorKind::permanent, step, "both a passphrase file and a passphrase command are set",
                "Clear either lpbm.passphrase_file or lpbm.passphrase_command.");
}

// Tells the key of a passphrase from others. Whoever reads it can try passphrases, as with any object of the store.
std::string check_text(const codec::AesCbcKey& key) {
  return to_hex(key.salt()) + ' ' + to_hex(codec::hmac_sha256(key.bytes(), "lpbm aes-256-cbc")) + '\n';
}

// The key of this passphrase, where aes.check says that it is the right one.
std::shared_ptr<const codec::AesCbcKey> checked_key(const std::filesystem::path& path, const std::string& passphrase) {
  if (!std::filesystem::exists(path)) return nullptr;
  const std::string text = read_secret(path) + '\n';
  constexpr std::size_t salt_digits = 2 * codec::aes_cbc_salt_size;
  if (text.size() <= salt_digits)
    throw Error(ErrorKind::permanent, "reading " + path.string(), "it does not hold what was written there",
                "Remove it; it is made anew.");
  auto key = std::make_shared<const codec::AesCbcKey>(passphrase, from_hex(text.substr(0, salt_digits)));
  return codec::equal_constant_time(check_text(*key), text) ? key : nullptr;
}

// Opens the identity of the journal, which takes a second and 256 MiB.
void check_passphrase(const journal::Header& header, const std::string& passphrase) {
  if (header.identity.empty())
    throw Error(ErrorKind::permanent, step, "the journal was begun with recipients, not with a passphrase",
                "Move the journal away to begin a new one, or set lpbm.encryption to age.");
  try {
    const Secret identity(codec::age_unwrap(header.identity, passphrase));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::permanent) throw;
    throw Error(ErrorKind::permanent, step,
                "the passphrase does not open the journal (" + error.cause() + "): it was begun with another",
                "Bring back that passphrase, or move the journal away to begin a new one." +
                    (error.hint().empty() ? "" : ' ' + error.hint()));
  }
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + '/' + name;
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  throw Error(ErrorKind::permanent, "running lpbm.passphrase_command", "there is no program \"" + name + "\"",
              "Give its absolute path.");
}

std::string run_passphrase_command(const std::string& text) {
  const std::vector<std::string> words = split_command(text);
  if (words.empty()) throw Error(ErrorKind::permanent, "running lpbm.passphrase_command", "it is empty");
  postgres::Command command;
  command.program = find_program(words.front());
  command.arguments.assign(words.begin() + 1, words.end());
  command.what = "running lpbm.passphrase_command";
  std::string out = postgres::run_text(command);
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

journal::Header new_header(const Site& site, const codec::SigningKey& key) {
  const Settings& settings = site.settings();
  journal::Header header;
  header.site = settings.site;
  header.system = settings.system;
  header.key = to_base64(key.public_key);
  header.created = now();
  if (!settings.recipients.empty()) {
    codec::check_recipients(settings.recipients);
    header.recipients = settings.recipients;
    return header;
  }
  if (!has_passphrase(settings))
    throw Error(ErrorKind::permanent, step, "no encryption secret",
                "Set lpbm.recipients to age public keys, or lpbm.passphrase_file to a file with a passphrase.");
  const Secret passphrase(read_passphrase(settings));
  codec::AgeIdentity identity = codec::generate_identity();
  const Secret secret(std::move(identity.secret));
  header.recipients = {identity.recipient};
  header.identity = codec::age_wrap(secret.text() + '\n', passphrase.text(), work_factor);
  header.mac = journal::header_mac(header, secret.text());
  return header;
}

}  // namespace

std::vector<std::string> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool last = i + 1 == text.size();
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
      continue;
    }
    inside = true;
    if (c == quote)
      quote = 0;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '\\' && quote != '\'' && !last && (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\'))
      word += text[++i];
    else
      word += c;
  }
  if (quote != 0) throw Error(ErrorKind::usage, "reading lpbm.passphrase_command", "a quote is not closed");
  if (inside) words.push_back(std::move(word));
  return words;
}

std::string read_passphrase(const Settings& settings) {
  std::string passphrase;
  if (!settings.passphrase_file.empty())
    passphrase = read_secret(settings.data_directory / settings.passphrase_file);
  else if (!settings.passphrase_command.empty())
    passphrase = run_passphrase_command(settings.passphrase_command);
  else
    throw Error(ErrorKind::permanent, "reading the passphrase", "none is set",
                "Set lpbm.identity_file, lpbm.passphrase_file or lpbm.passphrase_command.");
  if (passphrase.empty()) throw Error(ErrorKind::permanent, "reading the passphrase", "it is empty");
  return passphrase;
}

void make_keys(const Site& site) {
  make_directory(site.settings().directory);
  make_key(site.path("cluster.key"));
  if (site.journal().exists() && !std::filesystem::exists(site.path("site.key")))
    throw Error(ErrorKind::permanent, "reading " + site.path("site.key").string(), "it is missing beside its journal",
                "Bring it back, or move the journal away to begin a new one.");
  make_key(site.path("site.key"));
  (void)site.cluster_key();
  (void)site.signing_key();
}

std::shared_ptr<const codec::AesCbcKey> aes_key(const Site& site, const journal::Header& header) {
  check_settings(site.settings());
  if (site.settings().encryption == "age") return nullptr;
  const Secret passphrase(read_passphrase(site.settings()));
  const std::filesystem::path path = site.path("aes.check");
  if (auto key = checked_key(path, passphrase.text())) return key;
  check_passphrase(header, passphrase.text());
  auto key = std::make_shared<const codec::AesCbcKey>(passphrase.text(), codec::random_bytes(codec::aes_cbc_salt_size));
  replace_file(path, check_text(*key));
  return key;
}

journal::Header make_journal(const Site& site) {
  check_settings(site.settings());
  const codec::SigningKey key = site.signing_key();
  journal::JournalFile file = site.journal();
  if (!file.exists()) file.create(new_header(site, key), key);
  journal::Header header = file.ends().header;
  if (header.key != to_base64(key.public_key))
    throw Error(ErrorKind::permanent, "reading " + site.path("journal").string(), "it is signed by another key",
                "Bring back its site.key, or move the journal away to begin a new one.");
  (void)site.recipients(header);
  (void)aes_key(site, header);
  return header;
}

}  // namespace lpbm::job
