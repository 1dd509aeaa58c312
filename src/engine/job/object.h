// The way of an object into a store and back: plain bytes -> zstd -> age or aes-256-cbc -> store (docs/formats.md,
// Objects).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"
#include "codec/aes_cbc.h"
#include "codec/age.h"
#include "journal/journal.h"
#include "store/store.h"

namespace lpbm::job {

struct ObjectOptions {
  std::string name;                     // in the entry: "dump", "globals", "bridge", "script", "manifest"
  std::string store_name;               // "lpbm/<site>/<entry>/<name>"
  std::optional<int> zstd_level;        // none: not compressed
  std::vector<std::string> recipients;  // age, at least one
  bool threaded = false;                // each heavy stage in a thread of its own: for dumps; a small delta needs none
  std::shared_ptr<const codec::AesCbcKey> aes = nullptr;  // aes-256-cbc by this key, in place of age
};

// The setting lpbm.compression: "none", "zstd", "zstd:<level>". Throws Error (usage) otherwise.
std::optional<int> parse_compression(const std::string& text);

// Takes the plain bytes of one object. After finish() the store has all of them (not yet confirmed) and object() says
// what goes into the journal. Destroyed unfinished, nothing is stored. `store` must outlive it and is not used
// otherwise meanwhile.
class ObjectWriter final : public Sink {
 public:
  ObjectWriter(store::Store& store, const ObjectOptions& options);
  ~ObjectWriter() override;
  void write(Bytes data) override;
  void finish() override;
  [[nodiscard]] const journal::Object& object() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Stores `content` as one object. Small contents: manifests, globals.
journal::Object store_object(store::Store& store, const ObjectOptions& options, Bytes content);

// Gets the object from the store and writes its plain bytes into `below`, which is finished only after size, SHA-256
// and the ends of all layers were found right; whatever is wrong throws Error before that. aes-256-cbc is opened by the
// passphrase among the keys. `threaded` as above.
void fetch_object(store::Store& store, const journal::Object& object, const codec::AgeKeys& keys, Sink& below,
                  bool threaded = false);
// The same for contents of at most `limit` plain bytes.
std::string fetch_text(store::Store& store, const journal::Object& object, const codec::AgeKeys& keys,
                       std::size_t limit = 16u << 20);

}  // namespace lpbm::job
