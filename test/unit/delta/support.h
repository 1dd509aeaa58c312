// What tests of delta share.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.h"
#include "delta/script_reader.h"
#include "delta/script_writer.h"

namespace lpbm::delta::test {

class Text final : public Sink {
 public:
  std::string text;
  void write(Bytes data) override { text.append(data); }
  void finish() override {}
};

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text, std::size_t step = SIZE_MAX) : text_(std::move(text)), step_(step) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t count = std::min({size, step_, text_.size() - at_});
    std::memcpy(buffer, text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t step_, at_ = 0;
};

// Notes the steps of a script as lines.
class Steps final : public ScriptHandler {
 public:
  std::vector<std::string> steps;
  std::optional<Lsn> stop_at;

  void manifest(const std::string& json) override { steps.push_back("manifest " + json); }
  bool transaction(Lsn lsn, std::uint64_t xid, Micros time) override {
    steps.push_back("tx " + lsn.text() + ' ' + std::to_string(xid) + ' ' + std::to_string(time));
    return !stop_at || lsn < *stop_at;
  }
  void stale(char kind, std::uint32_t relation, const std::string& name) override {
    steps.push_back(std::string("stale ") + kind + ' ' + std::to_string(relation) + ' ' + name);
  }
  void proof(const Proof& proof) override { steps.push_back("proof " + proof_text(proof)); }
  void begin() override { steps.push_back("begin"); }
  void commit() override { steps.push_back("commit"); }
  void prepare(const std::string& name, const std::string& sql) override {
    steps.push_back("prepare " + name + ": " + sql);
  }
  void execute(const std::string& name, const std::vector<std::optional<std::string>>& values) override {
    std::string step = "execute " + name;
    for (const auto& value : values) step += value ? " [" + *value + ']' : " null";
    steps.push_back(step);
  }
  void deallocate_all() override { steps.push_back("deallocate"); }
  void copy_begin(const std::string& sql) override {
    steps.push_back(sql);
    data_.clear();
  }
  void copy_data(std::string_view slice) override { data_.append(slice); }
  void copy_end() override { steps.push_back("data " + data_); }
  void expect_rows(std::uint64_t rows) override { steps.push_back("rows " + std::to_string(rows)); }
  void ddl(char kind, const std::string& extension, const std::string& settings, const std::string& text,
           const std::string& resets) override {
    steps.push_back(std::string("ddl ") + kind + " <" + extension + "> <" + settings + "> <" + text + "> <" + resets +
                    '>');
  }
  void hole(const std::string& code, const std::string& detail) override {
    steps.push_back("hole " + code + ": " + detail);
  }
  void statement(const std::string& sql) override {
    if (!sql.starts_with("SET ")) steps.push_back(sql);
  }

 private:
  std::string data_;
};

// The script of records in their text form.
inline std::string script_of(const std::string& records, ScriptSummary* summary = nullptr) {
  Text out;
  ScriptWriter writer({"{\"site\":\"x\"}", "UTF8", {}}, out);
  csvlog::RecordParser parser(writer);
  const std::size_t zero = 0;
  parser.feed(records, &zero);
  writer.finish();
  if (summary) *summary = writer.summary();
  return out.text;
}

inline std::vector<std::string> steps_of(const std::string& script, Lsn after = {}, std::size_t step = SIZE_MAX) {
  TextSource source(script, step);
  Steps steps;
  read_script(source, steps, after);
  return steps.steps;
}

}  // namespace lpbm::delta::test
