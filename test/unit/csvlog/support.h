// What tests of csvlog and delta share: a handler that notes what it is told, and a writer of csvlog files as the
// worker and the collector make them.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "csvlog/escape.h"
#include "csvlog/frame.h"
#include "csvlog/record.h"

namespace lpbm::csvlog::test {

inline const std::string key(32, 'k');
inline const std::string stream = "00112233aabbccdd";

// Notes each record as one text; what was abandoned is not noted.
class Recorder : public RecordHandler {
 public:
  std::vector<std::string> records;
  int abandoned = 0;

  void begin(const RecordHead& head) override {
    text_ = "B " + head.lsn.text() + ' ' + head.prev.text() + ' ' + std::to_string(head.xid) + ' ' +
            std::to_string(head.time) + ' ' + head.origin + '\n';
  }
  void relation(const Relation& relation) override {
    names_[relation.id % 1000] = relation.schema + '.' + relation.name;
  }
  void begin_row(RowKind kind, std::uint32_t relation, bool old_given, bool large) override {
    text_ += std::string(1, "IUD"[static_cast<int>(kind)]) + ' ' + names_[relation % 1000] + (old_given ? " old" : "") +
             (large ? " large" : "");
  }
  void begin_value(ValueKind kind) override { text_ += std::string(" [") + "tnu"[static_cast<int>(kind)] + ']'; }
  void value(std::string_view slice) override { text_.append(slice); }
  void end_row() override { text_ += '\n'; }
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override {
    text_ += std::string("T ") + (cascade ? "c" : "") + (restart ? "r" : "");
    for (const auto& [schema, name] : tables) text_ += ' ' + schema + '.' + name;
    text_ += '\n';
  }
  void ddl(const Ddl& ddl) override {
    text_ += std::string("Q ") + ddl.kind + ' ' + ddl.tag + ' ' + ddl.extension + ' ' + ddl.role;
    for (const auto& [name, value] : ddl.settings) text_ += ' ' + name + '=' + value;
    text_ += ' ' + ddl.text + '\n';
  }
  void rewrite(std::uint32_t relation) override { text_ += "W " + names_[relation % 1000] + '\n'; }
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value) override {
    text_ += "V " + names_[relation % 1000] + ' ' + column + ' ' + (value ? '=' + *value : "null") + '\n';
  }
  void sequence(const std::string& schema, const std::string& name, const std::string& last, bool called) override {
    text_ += "S " + schema + '.' + name + ' ' + last + (called ? " t\n" : " f\n");
  }
  void hole(const std::string& code, const std::string& detail) override { text_ += "H " + code + ' ' + detail + '\n'; }
  void stale(const Stale& stale) override {
    text_ += std::string("N ") + stale.kind + ' ' + std::to_string(stale.relation) + ' ' + stale.schema + '.' +
             stale.name + '\n';
  }
  void anchor(const std::string& nonce) override { text_ += "A " + nonce + '\n'; }
  void end(std::uint64_t rows) override { records.push_back(text_ + "E " + std::to_string(rows)); }
  void abandon() override { ++abandoned; }

 private:
  std::string text_;
  std::string names_[1000];
};

inline std::string field(std::string_view bytes) {
  std::string out = "\t";
  escape(bytes, out);
  return out;
}

inline std::string begin_line(std::uint64_t lsn, std::uint64_t prev, std::uint64_t xid = 700) {
  return "B\t" + Lsn{lsn}.text() + '\t' + Lsn{prev}.text() + '\t' + std::to_string(xid) + "\t1700000000000000\t\n";
}

// As the worker cuts records into frames (src/extension/record.c), with frames of any size.
class FrameWriter {
 public:
  FrameWriter(std::uint64_t run, std::size_t frame_size) : size_(frame_size) { position_.run = run; }

  void record(std::string_view text) {
    if (payload_.size() == size_) flush();
    if (!boundary_) boundary_ = payload_.size();
    while (!text.empty()) {
      if (payload_.size() == size_) flush();
      const std::size_t count = std::min(text.size(), size_ - payload_.size());
      payload_.append(text.substr(0, count));
      text.remove_prefix(count);
    }
  }
  // Whether the frame that is being filled holds the begin of a record already: then relations are still defined.
  [[nodiscard]] bool marked() const { return boundary_ && payload_.size() < size_; }
  void flush() {
    if (payload_.empty()) return;
    frames.push_back(make_frame(key, stream, position_, boundary_, payload_));
    positions.push_back(position_);
    ++position_.seq;
    payload_.clear();
    boundary_.reset();
  }
  std::vector<std::string> frames;
  std::vector<FramePosition> positions;

 private:
  std::size_t size_;
  FramePosition position_;
  std::string payload_;
  std::optional<std::size_t> boundary_;
};

// A csvlog line of PostgreSQL 15 with this message.
inline std::string csv_line(std::string_view message, int columns = 26) {
  std::string out =
      "2026-11-21 01:48:34.123 UTC,\"po\"\"st,gres\",,4711,,69200000.1267,1,,2026-11-21 01:48:00 "
      "UTC,3/4,0,LOG,00000,\"";
  for (char c : message) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  out += '"';
  for (int column = 15; column <= columns; ++column) out += column == 23 ? ",\"app \"\"x\"\"\"" : ",";
  return out + '\n';
}

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "lpbm-csvlog-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  void append(const std::string& name, std::string_view text) const {
    std::ofstream(path / name, std::ios::app | std::ios::binary) << text;
  }
  std::filesystem::path path;
};

}  // namespace lpbm::csvlog::test
