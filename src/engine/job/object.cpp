#include "job/object.h"

#include <charconv>

#include "base/encoding.h"
#include "base/error.h"
#include "base/pipe.h"
#include "codec/crypto.h"
#include "codec/zstd.h"

namespace lpbm::job {
namespace {

constexpr const char* aes_cbc = "aes-256-cbc";

// Hands everything on and finishes nothing: the end of a stage whose sink below belongs to somebody else.
class Counter final : public Sink {
 public:
  explicit Counter(Sink& below) : below_(below) {}
  void write(Bytes data) override {
    count += data.size();
    below_.write(data);
  }
  void finish() override { below_.finish(); }
  std::uint64_t count = 0;

 private:
  Sink& below_;
};

// Refuses more plain bytes than the journal says, and an end before them.
class PlainCheck final : public Sink {
 public:
  PlainCheck(const journal::Object& object, Sink& below) : object_(object), below_(below) {}
  void write(Bytes data) override {
    count_ += data.size();
    if (count_ > object_.plain_size) wrong("it holds more than the journal says");
    below_.write(data);
  }
  void finish() override {
    if (count_ != object_.plain_size) wrong("it holds less than the journal says");
    below_.finish();
  }

 private:
  void wrong(const char* cause) const {
    throw Error(ErrorKind::permanent, "reading object " + object_.name + " (" + object_.cid + ")", cause);
  }
  const journal::Object& object_;
  Sink& below_;
  std::uint64_t count_ = 0;
};

// Counts and hashes the stored bytes; finish() checks them before anything below may believe in the end.
class StoredCheck final : public Sink {
 public:
  StoredCheck(const journal::Object& object, Sink& below) : object_(object), below_(below) {}
  void write(Bytes data) override {
    count_ += data.size();
    if (count_ > object_.size) wrong();
    hash_.update(data);
    below_.write(data);
  }
  void finish() override {
    if (count_ != object_.size || to_hex(hash_.digest()) != object_.sha256) wrong();
    below_.finish();
  }

 private:
  void wrong() const {
    throw Error(ErrorKind::permanent, "reading object " + object_.name + " (" + object_.cid + ")",
                "size or SHA-256 of the stored bytes differ from the journal");
  }
  const journal::Object& object_;
  Sink& below_;
  std::uint64_t count_ = 0;
  codec::Sha256 hash_;
};

class TextSink final : public Sink {
 public:
  TextSink(const journal::Object& object, std::size_t limit) : object_(object), limit_(limit) {}
  void write(Bytes data) override {
    if (text.size() + data.size() > limit_)
      throw Error(ErrorKind::permanent, "reading object " + object_.name + " (" + object_.cid + ")",
                  "it is larger than such an object can be");
    text.append(data);
  }
  void finish() override {}
  std::string text;

 private:
  const journal::Object& object_;
  std::size_t limit_;
};

// Stages from the store's end upward; destroyed in reverse, so that no stage outlives what it writes into.
class Stages {
 public:
  ~Stages() {
    while (!stages_.empty()) stages_.pop_back();
  }
  Sink& push(std::unique_ptr<Sink> stage) {
    stages_.push_back(std::move(stage));
    return *stages_.back();
  }
  Sink& thread(Sink& below, bool threaded) { return threaded ? push(std::make_unique<ThreadedSink>(below)) : below; }

 private:
  std::vector<std::unique_ptr<Sink>> stages_;
};

// What stands in the journal's `codec`.
struct Codec {
  bool aes = false, zstd = false;
};

Codec codec_of(const journal::Object& object) {
  constexpr std::string_view zstd = "+zstd";
  std::string_view text = object.codec;
  Codec out;
  out.zstd = text.ends_with(zstd);
  if (out.zstd) text.remove_suffix(zstd.size());
  out.aes = text == aes_cbc;
  if (out.aes || text == "age") return out;
  throw Error(ErrorKind::permanent, "reading object " + object.name + " (" + object.cid + ")",
              "its codec " + object.codec + " is not known to this version");
}

const std::string& passphrase_for(const journal::Object& object, const codec::AgeKeys& keys) {
  if (keys.passphrase) return *keys.passphrase;
  throw Error(ErrorKind::permanent, "reading object " + object.name + " (" + object.cid + ")",
              "it is encrypted with the passphrase (aes-256-cbc), which an identity does not open",
              "Give the passphrase, by --passphrase-file or lpbm.passphrase_file.");
}

}  // namespace

std::optional<int> parse_compression(const std::string& text) {
  if (text == "none") return std::nullopt;
  if (text == "zstd") return 1;
  int level = 0;
  constexpr std::size_t prefix = 5;
  if (text.starts_with("zstd:")) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + prefix, end, level);
    if (error == std::errc{} && at == end && level >= 1 && level <= 19) return level;
  }
  throw Error(ErrorKind::usage, "reading the setting compression", "\"" + text + "\" is not known",
              "Use none, zstd or zstd:1 to zstd:19.");
}

struct ObjectWriter::State {
  std::unique_ptr<store::Writer> writer;
  std::shared_ptr<const codec::AesCbcKey> aes;
  Stages stages;
  Counter* plain = nullptr;
  journal::Object object;
};

ObjectWriter::ObjectWriter(store::Store& store, const ObjectOptions& options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.object.name = options.name;
  s.object.codec = std::string(options.aes ? aes_cbc : "age") + (options.zstd_level ? "+zstd" : "");
  s.writer = store.put(options.store_name);
  Sink* top = &s.stages.thread(*s.writer, options.threaded);
  s.aes = options.aes;
  top = &s.stages.push(s.aes ? codec::aes_cbc_encrypt(*s.aes, *top) : codec::age_encrypt(options.recipients, *top));
  top = &s.stages.thread(*top, options.threaded);
  if (options.zstd_level) {
    top = &s.stages.push(codec::zstd_compress(*options.zstd_level, *top));
    top = &s.stages.thread(*top, options.threaded);
  }
  auto plain = std::make_unique<Counter>(*top);
  s.plain = plain.get();
  s.stages.push(std::move(plain));
}

ObjectWriter::~ObjectWriter() = default;

void ObjectWriter::write(Bytes data) {
  state_->plain->write(data);
}

void ObjectWriter::finish() {
  State& s = *state_;
  s.plain->finish();
  const store::Stored stored = s.writer->stored();
  s.object.cid = stored.cid;
  s.object.size = stored.size;
  s.object.sha256 = stored.sha256;
  s.object.parts = stored.parts;
  s.object.plain_size = s.plain->count;
}

const journal::Object& ObjectWriter::object() const {
  return state_->object;
}

journal::Object store_object(store::Store& store, const ObjectOptions& options, Bytes content) {
  ObjectWriter writer(store, options);
  writer.write(content);
  writer.finish();
  return writer.object();
}

void fetch_object(store::Store& store, const journal::Object& object, const codec::AgeKeys& keys, Sink& below,
                  bool threaded) {
  const Codec codec = codec_of(object);
  Stages stages;
  Sink* top = &stages.thread(below, threaded);
  top = &stages.push(std::make_unique<PlainCheck>(object, *top));
  if (codec.zstd) {
    top = &stages.push(codec::zstd_decompress(*top));
    top = &stages.thread(*top, threaded);
  }
  top = &stages.push(codec.aes ? codec::aes_cbc_decrypt(passphrase_for(object, keys), *top)
                               : codec::age_decrypt(keys, *top));
  top = &stages.thread(*top, threaded);
  StoredCheck check(object, *top);
  store.get(object.cid, {}, check);
  check.finish();
}

std::string fetch_text(store::Store& store, const journal::Object& object, const codec::AgeKeys& keys,
                       std::size_t limit) {
  TextSink sink(object, limit);
  fetch_object(store, object, keys, sink);
  return std::move(sink.text);
}

}  // namespace lpbm::job
