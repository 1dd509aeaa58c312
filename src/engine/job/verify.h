// The verify job: whether everything that the journal names is in the store as it was written, and the stream has no
// gap.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "store/store.h"

namespace lpbm::job {

struct Problem {
  std::optional<std::uint64_t> entry;
  std::string cid, problem;
};

// Reads every object through. `on_object` is told how many are done and how many there are. Store errors become
// problems of their object, except retryable ones, which are thrown: an unreachable store says nothing about objects.
std::vector<Problem> verify_entries(const journal::Journal& journal, store::Store& store,
                                    const std::function<void(std::uint64_t, std::uint64_t)>& on_object);

// Gaps between consecutive deltas of a stream, and between a full and the stream after its anchor.
std::vector<Problem> verify_links(const journal::Journal& journal);

}  // namespace lpbm::job
