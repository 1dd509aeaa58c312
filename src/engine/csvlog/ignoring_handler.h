// A RecordHandler that does nothing: for those that look at some events alone.
#pragma once

#include "csvlog/record.h"

namespace lpbm::csvlog {

class IgnoringHandler : public RecordHandler {
 public:
  void begin(const RecordHead&) override {}
  void relation(const Relation&) override {}
  void begin_row(RowKind, std::uint32_t, bool, bool) override {}
  void begin_value(ValueKind) override {}
  void value(std::string_view) override {}
  void end_row() override {}
  void truncate(bool, bool, const std::vector<std::pair<std::string, std::string>>&) override {}
  void ddl(const Ddl&) override {}
  void rewrite(std::uint32_t) override {}
  void column_value(std::uint32_t, const std::string&, const std::string*) override {}
  void sequence(const std::string&, const std::string&, const std::string&, bool) override {}
  void hole(const std::string&, const std::string&) override {}
  void stale(const Stale&) override {}
  void anchor(const std::string&) override {}
  void end(std::uint64_t) override {}
  void abandon() override {}
};

}  // namespace lpbm::csvlog
