#include "job/verify.h"

#include "unit/journal/sample.h"

namespace lpbm::job {
namespace {

using journal::delta;
using journal::full;

std::vector<std::string> links(const std::vector<journal::Entry>& entries) {
  std::vector<std::string> out;
  for (const Problem& problem : verify_links(journal::Journal::parse(journal::journal_text(entries))))
    out.push_back(std::to_string(problem.entry.value()) + ": " + problem.problem);
  return out;
}

using Lines = std::vector<std::string>;

TEST(VerifyLinks, a_stream_without_gaps_has_no_problems) {
  EXPECT_EQ(links({full(0, 100), delta(1, 100, 200), delta(2, 200, 300), full(3, 250), delta(4, 300, 400)}), Lines{});
  EXPECT_EQ(links({delta(0, 50, 80), delta(1, 80, 120), full(2, 100), delta(3, 120, 200)}), Lines{});
}

// As retention leaves it: the delta was journalled while the oldest full ran.
TEST(VerifyLinks, a_delta_that_the_oldest_full_needs_may_stand_before_it) {
  EXPECT_EQ(links({delta(0, 80, 120), full(1, 100), delta(2, 120, 200)}), Lines{});
}

TEST(VerifyLinks, a_gap_is_named_once) {
  EXPECT_EQ(links({full(0, 100), delta(1, 100, 200), delta(2, 250, 300), delta(3, 300, 400)}),
            (Lines{"3: changes from 0/C8 to 0/FA are missing"}));
  EXPECT_EQ(links({full(0, 100), delta(1, 150, 200)}), (Lines{"2: changes from 0/64 to 0/96 are missing"}));
}

TEST(VerifyLinks, streams_are_looked_at_each_for_itself) {
  EXPECT_EQ(links({full(0, 100), delta(1, 100, 200), full(2, 5000, "s2"), delta(3, 5000, 6000, "s2")}), Lines{});
  EXPECT_EQ(links({delta(0, 10, 20, "s0"), delta(1, 30, 40, "s0"), full(2, 100)}), Lines{});  // no full needs them
}

}  // namespace
}  // namespace lpbm::job
