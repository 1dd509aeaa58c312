// Any text is the script of a delta or refused; nothing is committed of one without its trailer.
#include "delta/script_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/error.h"

namespace {

class Slices final : public lpbm::Source {
 public:
  Slices(std::string_view text, std::size_t slice) : text_(text), slice_(slice) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t n = std::min({size, slice_, text_.size()});
    std::memcpy(buffer, text_.data(), n);
    text_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view text_;
  std::size_t slice_;
};

struct Transcript final : lpbm::delta::ScriptHandler {
  void manifest(const std::string& json) override { say("manifest", json); }
  bool transaction(lpbm::Lsn lsn, std::uint64_t xid, lpbm::Micros time) override {
    say("transaction", lsn.text() + std::to_string(xid) + std::to_string(time));
    return true;
  }
  void begin() override { say("begin", ""); }
  void commit() override { say("commit", ""); }
  void prepare(const std::string& name, const std::string& sql) override { say("prepare", name + sql); }
  void execute(const std::string& name, const std::vector<std::optional<std::string>>& values) override {
    say("execute", name);
    for (const auto& value : values) say("value", value.value_or("NULL"));
  }
  void deallocate_all() override { say("deallocate", ""); }
  void copy_begin(const std::string& sql) override { say("copy", sql); }
  void copy_data(std::string_view slice) override { text += slice; }
  void copy_end() override { say("copied", ""); }
  void expect_rows(std::uint64_t rows) override { say("rows", std::to_string(rows)); }
  void ddl(char kind, const std::string& extension, const std::string& settings, const std::string& sql,
           const std::string& resets) override {
    say("ddl", kind + extension + settings + sql + resets);
  }
  void stale(char kind, std::uint32_t relation, const std::string& name) override {
    say("stale", kind + std::to_string(relation) + name);
  }
  void proof(const lpbm::delta::Proof& proof) override { say("proof", proof_text(proof)); }
  void hole(const std::string& code, const std::string& detail) override { say("hole", code + detail); }
  void statement(const std::string& sql) override { say("statement", sql); }
  void say(const char* what, const std::string& more) { text += std::string("\n") + what + " " + more + "\n"; }
  std::string text;
};

std::string read(std::string_view script, std::size_t slice) {
  Slices source(script, slice);
  Transcript transcript;
  try {
    const auto totals = lpbm::delta::read_script(source, transcript);
    return transcript.text + std::to_string(totals.transactions) + " " + std::to_string(totals.rows);
  } catch (const lpbm::Error&) {
    return "refused";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  if (read(script, size + 1) != read(script, 5)) std::abort();
  return 0;
}
