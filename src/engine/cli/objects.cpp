#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "codec/cid.h"
#include "codec/zstd.h"

#include <fcntl.h>
#include <unistd.h>

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

// age, and zstd unless `raw`, in front of an output.
class Opening {
 public:
  Opening(codec::AgeKeys keys, bool raw, Sink& out) : plain_(out) {
    sink_ = codec::age_decrypt(std::move(keys), raw ? out : plain_);
  }
  Sink& sink() { return *sink_; }

 private:
  Decompressing plain_;
  std::unique_ptr<Sink> sink_;
};

codec::AgeKeys keys_of(const Options& options) {
  if (options.journal.empty()) return read_keys(options, nullptr);
  const journal::Journal journal = load_journal(options);
  return read_keys(options, &journal.header());
}

int get(const Options& options) {
  if (!codec::is_cid(options.cid)) throw Error(ErrorKind::usage, "getting " + options.cid, "it is no CID");
  const std::unique_ptr<store::Store> store = open_store(options);
  std::optional<codec::AgeKeys> keys;
  if (options.decrypt) keys = keys_of(options);
  Output out(options.output, !options.decrypt);
  if (keys) {
    Opening opening(std::move(*keys), options.raw, out);
    store->get(options.cid, {}, opening.sink());
    opening.sink().finish();
  } else {
    store->get(options.cid, {}, out);
    out.finish();
  }
  return 0;
}

int decrypt(const Options& options) {
  const std::string& path = options.files.front();
  File file = path == "-" ? File(::dup(STDIN_FILENO), "stdin") : File::open(path, O_RDONLY | O_CLOEXEC);
  codec::AgeKeys keys = keys_of(options);
  Output out(options.output, false);
  Opening opening(std::move(keys), options.raw, out);
  std::string buffer(std::size_t{1} << 16, '\0');
  while (const std::size_t got = file.read(buffer.data(), buffer.size()))
    opening.sink().write(Bytes(buffer.data(), got));
  opening.sink().finish();
  return 0;
}

void add_opening_options(CLI::App& command, Options& options) {
  add_secret_options(command, options);
  command.add_option("--journal", options.journal, "journal whose header holds the identity that the passphrase opens")
      ->type_name("FILE");
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

  CLI::App* two = add_command(app, "decrypt", "Decrypt an object, or any age file",
                              "What is zstd inside is decompressed too. With a wrong key or a changed file it fails; "
                              "what was written to stdout until then is not complete.");
  two->add_option("FILE", options.files, "an object or any other age file; - for stdin")->required()->expected(1);
  add_opening_options(*two, options);
  two->callback([&] { chosen = [&] { return decrypt(options); }; });
}

}  // namespace lpbm::cli
