// The journals of the first LPBM: text, a line an entry, oldest first, `CID name`. The name is `<ISO
// time>-full.sql.enc` or `<ISO time>-delta.sql.enc`. Lines of its oldest versions, `added CID
// dump_2022-04-07-14-56-14.sql.enc` (a full; the seconds may be missing; UTC), are read, too. Nothing in such a journal
// proves itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "journal/journal.h"

namespace lpbm::journal {

struct FirstEntry {
  std::uint64_t number = 0;  // from 1, in the order of the journal
  Kind kind = Kind::delta;
  std::string cid, name;
  Micros time = 0;  // of the name: when it was begun
};

// "entry 3 (2022-04-07T14:56:14.326+02:00-delta.sql.enc)"
std::string describe(const FirstEntry& entry);

// Whether the text looks like such a journal: it has no header as ours have, and a line that ends in `.sql.enc`.
bool is_first_journal(const std::string& text);

// Throws Error (permanent) with the number of the line for each that is not as said above; blank ones are passed over.
std::vector<FirstEntry> parse_first_journal(const std::string& text);

// What a restore applies: the newest full, and all deltas after it; up to a time and an entry, both included. Throws
// Error (permanent) where there is none.
std::vector<FirstEntry> first_plan(const std::vector<FirstEntry>& entries, std::optional<Micros> until,
                                   std::optional<std::uint64_t> entry);

}  // namespace lpbm::journal
