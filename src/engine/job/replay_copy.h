// COPY blocks in replay. libpq 15 has no COPY in pipeline mode, and the usual block is one row of one transaction:
// small blocks become prepared INSERTs in the pipeline, large ones leave it for a real COPY.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "job/replay_pipeline.h"

namespace lpbm::job {

class CopyBlock {
 public:
  // `prefix`: of the names of prepared statements.
  CopyBlock(postgres::Connection& connection, Pipeline& pipeline, std::string prefix)
      : connection_(connection), pipeline_(pipeline), prefix_(std::move(prefix)) {}
  void begin(const std::string& sql);
  void data(std::string_view slice);
  void end();
  // The number of rows of the block that ended last.
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  // The server has forgotten its prepared statements.
  void forget() { inserts_.clear(); }

 private:
  struct Insert {
    std::string name;
    Pipeline::Text sql;
  };
  void start_copy();
  void put(std::string_view slice);
  void insert_rows();
  const Insert* insert_for(std::size_t columns);
  [[noreturn]] void fail(const PGresult* result);

  postgres::Connection& connection_;
  Pipeline& pipeline_;
  std::string prefix_;
  std::string sql_, buffer_;
  std::uint64_t rows_ = 0;
  bool copying_ = false;
  std::uint64_t next_name_ = 0;
  std::map<std::string, Insert> inserts_;
};

// The values of one line of COPY's text format. Throws Error (permanent) for an escape that PostgreSQL does not write.
void split_copy_line(std::string_view line, Pipeline::Values& values);

}  // namespace lpbm::job
