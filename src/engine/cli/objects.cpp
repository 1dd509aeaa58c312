#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "codec/aes_cbc.h"
#include "codec/cid.h"
#include "codec/zstd.h"

namespace lpbm::cli {
namespace {

// Undoes zstd where the content is zstd; hands everything else on as it is.
class Decompressing final : public Sink {
 public:
  explicit Decompressing(Sink& below) : below_(below) {}
  void write(Bytes data) override {
    if (target_) {
      target_->write(data);
      return;
    }
    head_ += data;
    if (head_.size() >= magic.size()) decide();
  }
  void finish() override {
    if (!target_) decide();
    target_->finish();
  }

 private:
  static constexpr Bytes magic{"\x28\xb5\x2f\xfd", 4};
  void decide() {
    target_ = &below_;
    if (head_.starts_with(magic)) {
      zstd_ = codec::zstd_decompress(below_);
      target_ = zstd_.get();
    }
    target_->write(head_);
  }

  Sink& below_;
  std::unique_ptr<Sink> zstd_;
  Sink* target_ = nullptr;
  std::string head_;
};

constexpr const char* aes_cbc = "aes-256-cbc";

// Undoes the encryption, and zstd unless --raw, in front of an output. The format is --format's, or told by the first
// bytes.
class Opening final : public Sink {
 public:
  Opening(codec::AgeKeys keys, const Options& options, Sink& out)
      : keys_(std::move(keys)), format_(options.format), decompressing_(out) {
    plain_ = options.raw ? &out : static_cast<Sink*>(&decompressing_);
  }
  void write(Bytes data) override {
    if (target_) {
      target_->write(data);
      return;
    }
    head_ += data;
    if (head_.size() >= enough) decide();
  }
  void finish() override {
    if (!target_) decide();
    target_->finish();
  }
  [[nodiscard]] bool is_aes() const { return format_ == aes_cbc; }

 private:
  static constexpr std::size_t enough = 128;
  void decide() {
    if (format_.empty()) format_ = codec::looks_like_age(head_) ? "age" : aes_cbc;
    target_ = is_aes() ? codec::aes_cbc_decrypt(passphrase(), *plain_) : codec::age_decrypt(std::move(keys_), *plain_);
    target_->write(head_);
  }
  const std::string& passphrase() const {
    if (keys_.passphrase) return *keys_.passphrase;
    throw Error(ErrorKind::usage, "decrypting", "it is no age file, and aes-256-cbc is opened by a passphrase alone",
                "Give --passphrase-file in place of --identity, or say --format age.");
  }

  codec::AgeKeys keys_;
  std::string format_, head_;
  Decompressing decompressing_;
  Sink* plain_;
  std::unique_ptr<Sink> target_;
};

codec::AgeKeys keys_of(const Options& options) {
  Secrets secrets(options);
  if (options.journal.empty()) return secrets.keys(nullptr);
  const journal::Journal journal = load_journal(options);
  return secrets.keys(&journal.header());
}

int get(const Options& options) {
  if (!codec::is_cid(options.cid)) throw Error(ErrorKind::usage, "getting " + options.cid, "it is no CID");
  const std::unique_ptr<store::Store> store = open_store(options);
  std::optional<codec::AgeKeys> keys;
  if (options.decrypt) keys = keys_of(options);
  Output out(options.output, !options.decrypt);
  if (keys) {
    Opening opening(std::move(*keys), options, out);
    store->get(options.cid, {}, opening);
    opening.finish();
  } else {
    store->get(options.cid, {}, out);
    out.finish();
  }
  return 0;
}

// Where the end of the file can be looked at first, a wrong passphrase is told before anything is written.
void check_end(const File& file, const codec::AgeKeys& keys, const std::string& format) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0 || !S_ISREG(status.st_mode) || !keys.passphrase || format == "age") return;
  std::array<char, 128> head{};
  const ssize_t got = ::pread(file.fd(), head.data(), head.size(), 0);
  const bool age = got > 0 && codec::looks_like_age(Bytes(head.data(), static_cast<std::size_t>(got)));
  if (format.empty() && age) return;
  codec::aes_cbc_check_end(*keys.passphrase, file);
}

int decrypt(const Options& options) {
  const std::string& path = options.files.front();
  File file = path == "-" ? File(::dup(STDIN_FILENO), "stdin") : File::open(path, O_RDONLY | O_CLOEXEC);
  codec::AgeKeys keys = keys_of(options);
  if (path != "-") check_end(file, keys, options.format);
  Output out(options.output, false);
  Opening opening(std::move(keys), options, out);
  std::string buffer(std::size_t{1} << 16, '\0');
  while (const std::size_t got = file.read(buffer.data(), buffer.size())) opening.write(Bytes(buffer.data(), got));
  opening.finish();
  if (opening.is_aes())
    note(
        "aes-256-cbc cannot prove that this is what was encrypted: of a wrong passphrase or a file cut at a border of "
        "16 bytes it shows 255 of 256, of other damage nothing; compare with a hash or the CID");
  return 0;
}

void add_opening_options(CLI::App& command, Options& options) {
  add_secret_options(command, options);
  command.add_option("--journal", options.journal, "journal whose header holds the identity that the passphrase opens")
      ->type_name("FILE");
  command.add_option("--format", options.format, "age or aes-256-cbc, where the content is not to decide")
      ->check(CLI::IsMember({"age", aes_cbc}))
      ->type_name("FORMAT");
  command.add_flag("--raw", options.raw, "undo the encryption only, not the compression");
  add_output_option(command, options);
}

}  // namespace

void add_object_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* one = add_command(app, "get", "Get one object from the store",
                              "Its bytes, checked against the CID, go to stdout as they are stored, or decrypted.");
  one->add_option("CID", options.cid, "content identifier of the object")->required();
  add_store_options(*one, options);
  one->add_flag("--decrypt", options.decrypt, "undo encryption and compression");
  add_opening_options(*one, options);
  one->callback([&] { chosen = [&] { return get(options); }; });

  CLI::App* two = add_command(app, "decrypt", "Decrypt an object, or any file in the formats age or aes-256-cbc",
                              "What is zstd inside is decompressed too. With a wrong key or a changed file it fails; "
                              "what was written to stdout until then is not complete. aes-256-cbc, the first LPBM's "
                              "format, cannot prove that a file is whole and unchanged.");
  two->add_option("FILE", options.files, "an object or any other such file; - for stdin")->required()->expected(1);
  add_opening_options(*two, options);
  two->callback([&] { chosen = [&] { return decrypt(options); }; });
}

}  // namespace lpbm::cli
