// What a table held at the end of a delta, so that a restore can see whether it holds the same (docs/formats.md, Script
// of a delta).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lpbm::delta {

struct Proof {
  std::uint32_t relation = 0;  // its oid in the source
  std::string schema, name;
  std::vector<std::string> columns;  // all but generated ones, in the order of the sum
  std::string condition;             // SQL: which rows are counted; empty: all
  std::uint64_t rows = 0;
  // codec::MultisetHash over the lines that COPY writes of these columns in a fixed_session, without their newlines.
  std::string sum;
};

// "OID ROWS SUM TABLE COLUMN,...", on one line, a table without columns ending in a blank; then " WHERE " and the
// condition as a literal, where there is one.
std::string proof_text(const Proof& proof);
// Throws Error (permanent) for anything that proof_text does not write.
Proof parse_proof(std::string_view text);

// What gives the rows that the sum is of: COPY ... TO STDOUT.
std::string copy_of(const Proof& proof);

}  // namespace lpbm::delta
