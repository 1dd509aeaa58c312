// Payloads of records as text, and a handler that writes down what it is told.
#pragma once

#include <string>

#include "csvlog/record.h"

namespace lpbm::job::test {

inline std::string transaction(int lsn, int prev, int xid, const std::string& body, int rows) {
  return "B\t0/" + std::to_string(lsn) + "\t0/" + std::to_string(prev) + "\t" + std::to_string(xid) +
         "\t1763690400000000\t\n" + body + "E\t" + std::to_string(rows) + "\n";
}
inline const std::string relation_t = "R\t7\tpublic\tt\tk\t1\ta\t=\n";
inline std::string insert(const std::string& value) {
  return "I\t7\t" + value + "\n";
}
inline std::string anchor(const std::string& nonce) {
  return "A\t" + nonce + "\n";
}

class Recorder final : public csvlog::RecordHandler {
 public:
  std::string text;

  void begin(const csvlog::RecordHead& head) override { text += "begin " + head.lsn.text() + ";"; }
  void relation(const csvlog::Relation& relation) override { text += "relation " + relation.name + ";"; }
  void begin_row(csvlog::RowKind, std::uint32_t, bool, bool) override { text += "row"; }
  void begin_value(ValueKind) override { text += " "; }
  void value(std::string_view slice) override { text += slice; }
  void end_row() override { text += ";"; }
  void truncate(bool, bool, const std::vector<std::pair<std::string, std::string>>&) override { text += "truncate;"; }
  void ddl(const csvlog::Ddl& ddl) override { text += ddl.text + ";"; }
  void rewrite(std::uint32_t) override { text += "rewrite;"; }
  void column_value(std::uint32_t, const std::string&, const std::string*) override { text += "column;"; }
  void sequence(const std::string&, const std::string& name, const std::string&, bool) override {
    text += "sequence " + name + ";";
  }
  void hole(const std::string& code, const std::string&) override { text += "hole " + code + ";"; }
  void stale(const csvlog::Stale& stale) override { text += "stale " + stale.name + ";"; }
  void anchor(const std::string&) override { text += "anchor;"; }
  void end(std::uint64_t) override { text += "end;"; }
  void abandon() override { text += "abandon;"; }
};

// Feeds records as one frame's payload.
inline void feed(csvlog::RecordHandler& handler, const std::string& payload) {
  csvlog::RecordParser parser(handler);
  parser.reset();
  const std::size_t start = 0;
  parser.feed(payload, &start);
}

}  // namespace lpbm::job::test
