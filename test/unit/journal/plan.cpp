#include "unit/journal/sample.h"

namespace lpbm::journal {
namespace {

using Numbers = std::vector<std::uint64_t>;

Journal journal_of(const std::vector<Entry>& entries) {
  return Journal::parse(journal_text(entries));
}

// The full's number, then the deltas'.
Numbers numbers(const Plan& plan) {
  Numbers out{plan.full.number};
  for (const Entry& entry : plan.deltas) out.push_back(entry.number);
  return out;
}

Numbers planned(const std::vector<Entry>& entries, std::optional<int> until = std::nullopt) {
  return numbers(make_plan(journal_of(entries), until ? std::optional(at(*until)) : std::nullopt, std::nullopt));
}

Numbers planned_entry(const std::vector<Entry>& entries, std::uint64_t entry) {
  return numbers(make_plan(journal_of(entries), std::nullopt, entry));
}

// The second full runs from second 20 to 50; its anchor 250 lies within the delta 200-300.
std::vector<Entry> two_fulls() {
  Entry second = full(20, 250);
  second.finished = at(50);
  return {full(0, 100), delta(10, 100, 200), delta(22, 200, 300), delta(30, 300, 400),
          second,       delta(60, 400, 500), delta(70, 500, 600)};
}

TEST(Plan, takes_the_newest_full_and_what_its_stream_holds_behind_the_anchor) {
  EXPECT_EQ(planned(two_fulls()), (Numbers{5, 3, 4, 6, 7}));
  EXPECT_EQ(planned({full(0, 100)}), Numbers{1});
}

TEST(Plan, needs_no_delta_that_ends_at_the_anchor) {
  EXPECT_EQ(planned({delta(0, 50, 100), full(1, 100), delta(2, 100, 200)}), (Numbers{2, 3}));
}

TEST(Plan, keeps_new_globals_that_came_right_after_the_full) {
  EXPECT_EQ(planned({delta(0, 100, 100), full(1, 100), delta(2, 100, 100)}), (Numbers{2, 3}));
}

TEST(Plan, until_takes_the_newest_full_that_is_not_later) {
  EXPECT_EQ(planned(two_fulls(), 19), (Numbers{1, 2}));
  EXPECT_EQ(planned(two_fulls(), 20), Numbers{5});
  EXPECT_EQ(planned(two_fulls(), 22), (Numbers{5, 3}));
  EXPECT_EQ(planned(two_fulls(), 65), (Numbers{5, 3, 4, 6}));
  EXPECT_EQ(planned(two_fulls(), 0), Numbers{1});
}

TEST(Plan, until_respects_what_the_bridge_of_a_full_holds) {
  auto entries = two_fulls();
  entries[4].last_commit = at(24);  // a transaction of the bridge
  EXPECT_EQ(planned(entries, 23), (Numbers{1, 2, 3}));
  EXPECT_EQ(planned(entries, 24), (Numbers{5, 3}));
}

TEST(Plan, until_before_the_oldest_full_is_refused) {
  EXPECT_EQ(refusal([] { planned(two_fulls(), -1); }),
            "no full backup is as old as " + to_iso(at(-1)) + ": the oldest is of " + to_iso(at(0)));
}

TEST(Plan, until_leaves_out_late_entries_that_commit_nothing) {
  Entry sequences = delta(30, 200, 300);
  sequences.first_commit = sequences.last_commit = 0;
  EXPECT_EQ(planned({full(0, 100), delta(10, 100, 200), sequences}, 20), (Numbers{1, 2}));
  EXPECT_EQ(planned({full(0, 100), delta(10, 100, 200), sequences}, 30), (Numbers{1, 2, 3}));
  EXPECT_EQ(planned({full(0, 100), delta(10, 100, 200), sequences, delta(12, 300, 400)}, 20), (Numbers{1, 2, 3, 4}));
}

TEST(Plan, until_after_the_end_says_where_the_journal_ends) {
  const Plan plan = make_plan(journal_of(two_fulls()), at(1000), std::nullopt);
  EXPECT_EQ(numbers(plan), (Numbers{5, 3, 4, 6, 7}));
  EXPECT_EQ(plan.note, "the journal ends at " + to_iso(at(70)) + ": what was committed later is not in it");
  EXPECT_EQ(make_plan(journal_of(two_fulls()), at(65), std::nullopt).note, "");
}

TEST(Plan, a_journal_without_full_is_refused) {
  EXPECT_EQ(refusal([] { planned({}); }), "the journal holds no full backup");
  EXPECT_EQ(refusal([] { planned({delta(0, 0, 100)}); }), "the journal holds no full backup");
}

TEST(Plan, another_stream_is_never_mixed_in) {
  const std::vector<Entry> entries = {full(0, 100), delta(1, 100, 200), full(2, 5000, "s2"), delta(3, 200, 300),
                                      delta(4, 5000, 6000, "s2")};
  EXPECT_EQ(planned(entries), (Numbers{3, 5}));
  EXPECT_EQ(planned(entries, 1), (Numbers{1, 2}));
}

TEST(Plan, says_when_the_newest_stream_has_no_full_yet) {
  const std::vector<Entry> entries = {full(0, 100), delta(1, 100, 200), delta(2, 50, 60, "s2")};
  const Plan plan = make_plan(journal_of(entries), std::nullopt, std::nullopt);
  EXPECT_EQ(numbers(plan), (Numbers{1, 2}));
  EXPECT_NE(plan.note.find("another stream, which has no full backup yet"), std::string::npos);
}

TEST(Plan, ends_before_a_gap_and_says_so) {
  const std::vector<Entry> entries = {full(0, 100), delta(1, 100, 200), delta(2, 250, 300)};
  const Plan plan = make_plan(journal_of(entries), std::nullopt, std::nullopt);
  EXPECT_EQ(numbers(plan), (Numbers{1, 2}));
  EXPECT_EQ(plan.note, "changes between 0/C8 and 0/FA are missing before entry 3 (" + entries[2].name +
                           "): a later full backup makes up for them");
  EXPECT_EQ(planned({full(0, 100), delta(1, 150, 200)}), Numbers{1});
}

std::string note(const std::vector<Entry>& entries, int until) {
  return make_plan(journal_of(entries), at(until), std::nullopt).note;
}

TEST(Plan, until_inside_a_gap_says_so_even_where_the_stream_goes_on_later) {
  const std::vector<Entry> entries = {full(0, 100), delta(10, 100, 200), delta(30, 250, 300)};
  EXPECT_NE(note(entries, 20).find("changes between 0/C8 and 0/FA are missing"), std::string::npos);
  EXPECT_NE(note(entries, 40).find("changes between 0/C8 and 0/FA are missing"), std::string::npos);
  EXPECT_EQ(note(entries, 10), "");  // whole up to there
  EXPECT_EQ(planned(entries, 20), (Numbers{1, 2}));
}

TEST(Plan, until_between_two_streams_says_what_is_missing) {
  const std::vector<Entry> entries = {full(0, 100), delta(10, 100, 200), full(30, 5000, "s2"),
                                      delta(40, 5000, 6000, "s2")};
  EXPECT_EQ(planned(entries, 20), (Numbers{1, 2}));
  EXPECT_EQ(note(entries, 20), "what was committed after " + to_iso(at(10)) + " is missing: the stream of entry 2 (" +
                                   entries[1].name +
                                   ") ends there, and the one that follows has no full backup of that time");
  EXPECT_EQ(note(entries, 5), "");
  EXPECT_EQ(note(entries, 35), "");
}

TEST(Plan, a_stretch_that_was_journalled_twice_is_no_gap) {
  EXPECT_EQ(planned({full(0, 100), delta(1, 100, 300), delta(2, 100, 200), delta(3, 100, 400)}), (Numbers{1, 2, 4}));
}

TEST(Plan, a_hole_ends_the_restore_before_it) {
  const std::vector<Entry> entries = {full(0, 100), delta(1, 100, 200),
                                      with_hole(with_hole(delta(2, 200, 300), 260), 250), delta(3, 300, 400)};
  const Plan plan = make_plan(journal_of(entries), std::nullopt, std::nullopt);
  EXPECT_EQ(numbers(plan), (Numbers{1, 2, 3}));
  ASSERT_TRUE(plan.stops_at);
  EXPECT_EQ(plan.stops_at->lsn.value, 250u);
  EXPECT_NE(plan.note, "");
}

TEST(Plan, a_later_full_covers_a_hole) {
  std::vector<Entry> entries = {full(0, 100), with_hole(delta(1, 100, 300), 200), full(2, 200), delta(3, 300, 400)};
  Plan plan = make_plan(journal_of(entries), std::nullopt, std::nullopt);
  EXPECT_EQ(numbers(plan), (Numbers{3, 2, 4}));
  EXPECT_FALSE(plan.stops_at);
  plan = make_plan(journal_of(entries), at(1), std::nullopt);
  EXPECT_EQ(numbers(plan), (Numbers{1, 2}));
  EXPECT_TRUE(plan.stops_at);
}

TEST(Plan, an_entry_that_is_a_full_is_taken_alone) {
  EXPECT_EQ(planned_entry(two_fulls(), 5), Numbers{5});
  EXPECT_EQ(planned_entry(two_fulls(), 1), Numbers{1});
}

TEST(Plan, an_entry_that_is_a_delta_is_reached_from_the_newest_full_before_it) {
  EXPECT_EQ(planned_entry(two_fulls(), 7), (Numbers{5, 3, 4, 6, 7}));
  EXPECT_EQ(planned_entry(two_fulls(), 3), (Numbers{5, 3}));
  EXPECT_EQ(planned_entry(two_fulls(), 2), (Numbers{1, 2}));
}

TEST(Plan, an_entry_that_ends_at_an_anchor_is_that_full) {
  EXPECT_EQ(planned_entry({full(0, 100), delta(1, 100, 200), full(2, 200)}, 2), Numbers{3});
}

TEST(Plan, an_entry_behind_a_gap_needs_a_full_behind_it_too) {
  const std::vector<Entry> entries = {full(0, 100), delta(1, 150, 200), full(2, 200), delta(3, 200, 300)};
  EXPECT_EQ(planned_entry(entries, 4), (Numbers{3, 4}));
  EXPECT_EQ(refusal([&] {
              planned_entry({full(0, 100), delta(1, 150, 200)}, 2);
            }),
            "no full backup leads to entry 2 (" + entries[1].name + ")");
}

TEST(Plan, an_entry_that_is_not_there_is_refused) {
  EXPECT_EQ(refusal([] { planned_entry(two_fulls(), 8); }), "the journal has no entry 8: it has 1 to 7");
  EXPECT_EQ(refusal([] { planned_entry({}, 8); }), "the journal has no entry 8: it has none");
}

std::optional<std::uint64_t> kept(std::vector<Entry> entries, int fulls) {
  return first_to_keep(journal_of(entries).entries(), fulls, {{"", entries.empty() ? "" : entries.back().stream}});
}

TEST(Retention, keeps_a_full_with_the_deltas_journalled_while_it_ran) {
  EXPECT_EQ(kept(two_fulls(), 1), 3u);
  EXPECT_EQ(kept(two_fulls(), 2), std::nullopt);
  EXPECT_EQ(kept(two_fulls(), 0), 3u);
}

TEST(Retention, what_is_kept_can_still_be_restored) {
  auto entries = two_fulls();
  entries.push_back(full(80, 600));
  entries.push_back(delta(90, 600, 700));
  const Journal before = journal_of(entries);
  const std::uint64_t first = first_to_keep(before.entries(), 2, {{"", "s1"}}).value();
  EXPECT_EQ(first, 3u);
  const Directory directory;
  JournalFile file(directory.path / "journal");
  replace_file(directory.path / "journal", before.text());
  file.drop_before(first, site_key());
  const Journal after = file.load();
  for (const Entry& entry : after.entries()) {
    const Plan plan = make_plan(after, std::nullopt, entry.number);
    EXPECT_EQ(plan.note, "") << entry.number;
    EXPECT_EQ(numbers(plan), numbers(make_plan(before, std::nullopt, entry.number))) << entry.number;
  }
  EXPECT_FALSE(first_to_keep(after.entries(), 2, {{"", "s1"}}));
}

TEST(Retention, drops_deltas_before_the_only_full) {
  EXPECT_EQ(kept({delta(0, 0, 50), delta(1, 50, 100), full(2, 100), delta(3, 100, 200)}, 2), 3u);
}

TEST(Retention, drops_nothing_without_a_full) {
  EXPECT_EQ(kept({delta(0, 0, 50), delta(1, 50, 100)}, 1), std::nullopt);
  EXPECT_EQ(kept({}, 1), std::nullopt);
}

TEST(Retention, keeps_the_stream_of_each_kept_full) {
  EXPECT_EQ(kept({full(0, 100), delta(1, 100, 200), delta(2, 200, 300), full(3, 250), full(4, 9000, "s2")}, 2), 3u);
  EXPECT_EQ(kept({full(0, 100), delta(1, 100, 200), delta(2, 200, 300), full(3, 250), full(4, 9000, "s2")}, 1), 5u);
}

// --- what only a refresh tells

Entry with_stale(Entry entry, std::uint64_t lsn, std::uint32_t relation = 7) {
  entry.stale.push_back({Lsn{lsn}, 't', relation, "public", "t"});
  return entry;
}

Entry with_refresh(Entry entry, std::uint32_t relation = 7) {
  entry.refreshes.push_back({'t', relation, "public", "t", "refresh-7", 3, 100, "no_replica_identity"});
  return entry;
}

std::optional<Lsn> stop(const std::vector<Entry>& entries, std::optional<int> until = std::nullopt) {
  const Plan plan = make_plan(journal_of(entries), until ? std::optional(at(*until)) : std::nullopt, std::nullopt);
  EXPECT_EQ(plan.stops_at.has_value(), !plan.note.empty() && plan.note.find("refresh") != std::string::npos)
      << plan.note;
  return plan.stops_at ? std::optional(plan.stops_at->lsn) : std::nullopt;
}

TEST(Plan, goes_on_where_a_refresh_follows) {
  const std::vector<Entry> entries{full(0, 100), with_refresh(with_stale(delta(1, 100, 200), 150)), delta(2, 200, 300)};
  EXPECT_EQ(planned(entries), (Numbers{1, 2, 3}));
  EXPECT_EQ(stop(entries), std::nullopt);
  const std::vector<Entry> later{full(0, 100), with_stale(delta(1, 100, 200), 150),
                                 with_refresh(with_stale(delta(2, 200, 300), 210))};
  EXPECT_EQ(planned(later), (Numbers{1, 2, 3}));
  EXPECT_EQ(stop(later), std::nullopt);
}

TEST(Plan, ends_before_a_change_whose_refresh_is_not_there) {
  const std::vector<Entry> entries{full(0, 100), delta(1, 100, 200), with_stale(delta(2, 200, 300), 250),
                                   with_stale(delta(3, 300, 400), 310)};
  EXPECT_EQ(planned(entries), (Numbers{1, 2, 3}));
  EXPECT_EQ(stop(entries), Lsn{250});
  // The refresh of another table does not help.
  auto other = entries;
  other[3] = with_refresh(other[3], 8);
  EXPECT_EQ(stop(other), Lsn{250});
}

TEST(Plan, ends_before_all_that_a_refresh_behind_the_end_would_tell) {
  // Table 7 is never refreshed; stopping before that leaves table 8 without the refresh at the end of its delta.
  const std::vector<Entry> entries{full(0, 100), delta(1, 100, 200),
                                   with_refresh(with_stale(with_stale(delta(2, 200, 300), 220, 8), 250), 8)};
  EXPECT_EQ(stop(entries), Lsn{220});
}

TEST(Plan, until_within_a_delta_ends_before_what_its_refresh_tells) {
  Entry refreshed = with_refresh(with_stale(delta(10, 200, 300), 250));
  refreshed.first_commit = at(10);
  refreshed.last_commit = at(20);
  const std::vector<Entry> entries{full(0, 100), delta(5, 100, 200), refreshed, delta(30, 300, 400)};
  EXPECT_EQ(stop(entries, 15), Lsn{250});
  EXPECT_EQ(stop(entries, 25), std::nullopt);
  // The last commit is not the latest.
  auto clocks = entries;
  clocks[2].latest_commit = at(27);
  EXPECT_EQ(stop(clocks, 25), Lsn{250});
}

TEST(Plan, a_full_makes_up_for_what_was_not_told_before_its_anchor) {
  EXPECT_EQ(stop({full(0, 100), with_stale(delta(1, 100, 200), 150), full(2, 200), delta(3, 200, 300)}), std::nullopt);
}

// Deltas 2 to 4 behind the full 1.
Plan with_proofs(std::optional<Hole> stops_at = std::nullopt) {
  Plan plan = make_plan(journal_of({full(0, 100), delta(10, 100, 200), delta(20, 200, 300), delta(30, 300, 400)}),
                        std::nullopt, std::nullopt);
  plan.deltas[0].proven = {{1}, {2}, {9, 1}, {9, 2}};
  plan.deltas[1].proven = {{1}, {3}, {9, 1}};
  plan.deltas[2].proven = {{1}};
  plan.stops_at = std::move(stops_at);
  return plan;
}

TEST(Plan, of_the_proofs_of_a_table_the_last_is_checked) {
  using Proofs = std::set<std::pair<std::uint64_t, std::uint32_t>>;
  EXPECT_EQ(proofs_to_check(with_proofs(), false), (Proofs{{4, 1}, {3, 3}, {3, 9}, {2, 2}, {2, 9}}));
  // The end may lie before the last one.
  EXPECT_EQ(proofs_to_check(with_proofs(), true), (Proofs{{4, 1}, {3, 1}, {3, 3}, {3, 9}, {2, 2}, {2, 9}}));
  EXPECT_EQ(proofs_to_check(with_proofs(Hole{}), false), (Proofs{{4, 1}, {3, 1}, {3, 3}, {3, 9}, {2, 2}, {2, 9}}));
}

TEST(Plan, proofs_are_read_out_of_the_journal_as_they_were_written) {
  Entry entry = delta(10, 100, 200);
  entry.proven = {{16402}, {4294967295}, {16403, 7}};
  EXPECT_EQ(journal_of({full(0, 100), entry}).entries().at(1).proven, entry.proven);
}

}  // namespace
}  // namespace lpbm::journal
