// The lines of a csvlog file, by libcsv, streaming. Source of the columns: PostgreSQL's csvlog, 23 (12) to 26 (15)
// columns, the message is the 14th.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lpbm::csvlog {

// What was read of the file.
struct CsvTotals {
  std::uint64_t lines = 0;             // lines with all their columns
  std::uint64_t unreadable = 0;        // places where no line could be read
  std::uint64_t first_unreadable = 0;  // offset of the first of them
};

// Bytes are put in as they are read; each complete line is handed on with its message. A field of more than 1 MiB is
// not buffered: the message is then empty. After bytes that are no csvlog line (a torn line, a full disk, an unbalanced
// quote) reading goes on at the next newline that is followed by a timestamp: whatever was skipped is for the links of
// the records to notice, and what was read wrongly for their macs. Not thread-safe.
class CsvReader {
 public:
  // `message` is valid during the call. `begin` and `end`: offsets of the line in the file. Returns false to stop: then
  // the bytes after this line are not looked at.
  using Line = std::function<bool(std::string_view message, std::uint64_t begin, std::uint64_t end)>;

  CsvReader(std::uint64_t offset, Line line);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  // Where to read up to `size` bytes to, and that `count` of them were put there. commit() returns false once stopped.
  char* space(std::size_t size);
  bool commit(std::size_t count);

  // Offset of the first byte that belongs to no complete line yet: reading may begin there again. At the end of a file
  // that is not offset + all bytes, its last line is torn (or still being written).
  [[nodiscard]] std::uint64_t offset() const;
  [[nodiscard]] const CsvTotals& totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lpbm::csvlog
