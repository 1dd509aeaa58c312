// What a log of statements does not say, or not for sure, and where.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lpbm::job {

enum class Remark : std::uint8_t {
  // What happened and is not in the output.
  copy_rows,
  parameters_missing,
  unrunnable,
  too_long,
  unprepared,
  fastpath,
  beyond,
  partly_committed,
  still_prepared,
  failed_blocks,
  foreign_language,
  unreadable,
  missing_lines,
  settings,
  cursors,
  logging_changed,
  // What is in the output and may be another thing when it runs again, or not have happened.
  parameters_cut,
  volatile_values,
  functions,
  do_blocks,
  temporary,
  end_unknown,
  savepoints,
  timed,
  begins_before,
  bare_sessions,
  last_unknown,
};
constexpr std::size_t remark_count = 27;

// A word for programs and one for people. `lost`: something is missing in the output.
struct RemarkWords {
  const char* code;
  const char* text;
  bool lost;
};
const RemarkWords& words_of(Remark remark);

// A line of one of the files that were read.
struct Place {
  std::uint32_t file = 0;
  std::uint64_t line = 0;
  auto operator<=>(const Place&) const = default;
};

// All are counted, the first ones are kept.
struct Places {
  static constexpr std::size_t most_kept = 1000;
  std::uint64_t count = 0;
  std::vector<Place> first;
  void add(Place place, std::uint64_t times = 1);
  void add(const Places& more);
};

class Remarks {
 public:
  using Counts = std::array<std::uint32_t, remark_count>;
  void add(Remark remark, Place place, std::uint64_t times = 1);
  void add(const Remarks& more);
  void add(Remark remark, const Places& more);
  [[nodiscard]] const Places* find(Remark remark) const;
  // What there was at a time, and back to it.
  [[nodiscard]] Counts counts() const;
  void cut(const Counts& counts);
  void sort();  // the places, as they stand in the files

 private:
  using All = std::array<Places, remark_count>;
  All& all();
  std::unique_ptr<All> all_;
};

}  // namespace lpbm::job
