// Any bytes are records or refused, and how they are cut into frames makes no difference.
#include "csvlog/record.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace {

// Writes down what it is told.
struct Transcript final : lpbm::csvlog::RecordHandler {
  void begin(const lpbm::csvlog::RecordHead& head) override {
    say("B" + head.lsn.text() + head.prev.text() + head.origin);
  }
  void relation(const lpbm::csvlog::Relation& r) override {
    say("R" + r.schema + "." + r.name);
    for (const auto& column : r.columns) say(column.name + column.key_operator);
  }
  void begin_row(lpbm::csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) override {
    say("row" + std::to_string(static_cast<int>(kind)) + std::to_string(relation) + (old_given ? "o" : "") +
        (large ? "l" : ""));
  }
  void begin_value(ValueKind kind) override { say("v" + std::to_string(static_cast<int>(kind))); }
  void value(std::string_view slice) override { text += slice; }
  void end_row() override { say("end"); }
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override {
    say("T" + std::to_string(cascade) + std::to_string(restart));
    for (const auto& [schema, name] : tables) say(schema + "." + name);
  }
  void ddl(const lpbm::csvlog::Ddl& ddl) override { say("Q" + ddl.tag + ddl.role + ddl.text); }
  void rewrite(std::uint32_t relation) override { say("W" + std::to_string(relation)); }
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value) override {
    say("V" + std::to_string(relation) + column + (value ? *value : ""));
  }
  void sequence(const std::string& schema, const std::string& name, const std::string& last, bool called) override {
    say("S" + schema + name + last + (called ? "t" : "f"));
  }
  void hole(const std::string& code, const std::string& detail) override { say("H" + code + detail); }
  void stale(const lpbm::csvlog::Stale& stale) override {
    say(std::string("N") + stale.kind + std::to_string(stale.relation) + stale.schema + "." + stale.name);
  }
  void anchor(const std::string& nonce) override { say("A" + nonce); }
  void end(std::uint64_t rows) override { say("E" + std::to_string(rows)); }
  void abandon() override { say("abandoned"); }
  void say(const std::string& line) { text += "\n" + line + "\n"; }
  std::string text;
};

std::string read(std::string_view payload, std::size_t frame) {
  Transcript transcript;
  try {
    lpbm::csvlog::RecordParser parser(transcript);
    parser.reset();
    const std::size_t start = 0;
    const std::size_t* boundary = &start;
    while (!payload.empty()) {
      const std::string_view piece = payload.substr(0, frame);
      parser.feed(piece, boundary);
      boundary = nullptr;
      payload.remove_prefix(piece.size());
    }
  } catch (const lpbm::Error&) {
    return "refused";
  }
  return transcript.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view payload(reinterpret_cast<const char*>(data), size);
  // Whole lines: what is wrong with the beginning of a line may be found before or after its end has come.
  payload = payload.substr(0, payload.rfind('\n') + 1);
  const std::string whole = read(payload, size + 1), sliced = read(payload, 3);
  if (whole != "refused" && whole != sliced) std::abort();
  return 0;
}
