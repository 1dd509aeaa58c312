#include "unit/journal/sample.h"

namespace lpbm::journal {
namespace {

Entry of(const std::string& database, Entry entry) {
  entry.database = database;
  return entry;
}

std::vector<std::string> names(std::vector<Entry> entries) {
  name_databases(entries);
  std::vector<std::string> out;
  for (const Entry& entry : entries) out.push_back(entry.database);
  return out;
}

Plan planned(const std::vector<Entry>& entries, const std::string& database,
             std::optional<std::uint64_t> entry = std::nullopt) {
  return make_plan(Journal::parse(journal_text(entries)), std::nullopt, entry, database);
}

// Two databases whose entries stand between each other; the LSNs are those of one WAL.
std::vector<Entry> two() {
  return {of("a", full(0, 100, "sa")),       of("b", full(1, 110, "sb")),       of("a", delta(2, 100, 200, "sa")),
          of("b", delta(3, 110, 210, "sb")), of("b", delta(4, 210, 220, "sb")), of("a", delta(5, 200, 300, "sa"))};
}

template <typename Call>
std::string usage(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.cause();
  }
  return "nothing";
}

TEST(Databases, a_line_keeps_the_name_whatever_it_holds) {
  const std::string name = "a \"b\",\nc\\ \xc3\xbc";
  const Journal journal = Journal::parse(journal_text({of(name, full(0, 100))}));
  EXPECT_EQ(journal.entries().front().database, name);
}

TEST(Databases, lines_of_one_database_alone_stay_without_a_name) {
  EXPECT_EQ(names({full(0, 100), delta(1, 100, 200)}), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(planned({full(0, 100), delta(1, 100, 200)}, "").deltas.size(), 1u);
}

TEST(Databases, lines_without_a_name_get_that_of_their_stream) {
  EXPECT_EQ(names({full(0, 100, "sa"), of("b", full(1, 110, "sb")), of("a", delta(2, 100, 200, "sa"))}),
            (std::vector<std::string>{"a", "b", "a"}));
}

TEST(Databases, a_stream_that_ended_before_is_of_the_database_that_was_alone) {
  EXPECT_EQ(
      names({full(0, 50, "old"), full(1, 100, "sa"), of("b", full(2, 110, "sb")), of("a", delta(3, 100, 200, "sa"))}),
      (std::vector<std::string>{"a", "a", "b", "a"}));
  EXPECT_EQ(names({full(0, 50, "old"), of("a", full(1, 100, "sa"))}), (std::vector<std::string>{"a", "a"}));
}

TEST(Databases, a_plan_is_of_one) {
  EXPECT_EQ(planned(two(), "a").full.number, 1u);
  EXPECT_EQ(planned(two(), "a").deltas.size(), 2u);
  EXPECT_EQ(planned(two(), "b").full.number, 2u);
  EXPECT_EQ(planned(two(), "b").note, "");
  EXPECT_EQ(planned(two(), "", 5).full.number, 2u);
}

TEST(Databases, one_of_several_must_be_chosen) {
  EXPECT_EQ(usage([] { planned(two(), ""); }), "the journal has several databases: a, b");
  EXPECT_EQ(usage([] { planned(two(), "c"); }), "the journal has no database c, but a, b");
  EXPECT_NE(usage([] { planned(two(), "a", 4); }).find("is of database b, not of a"), std::string::npos);
  EXPECT_EQ(usage([] { planned({full(0, 100)}, "a"); }), "the journal does not say of which database it is");
}

TEST(Databases, retention_keeps_the_fulls_of_each) {
  std::vector<Entry> entries = two();
  entries.push_back(of("a", full(6, 300, "sa")));  // 7
  const std::vector<LiveStream> both{{"a", "sa"}, {"b", "sb"}};
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].number = i + 1;
  EXPECT_EQ(first_to_keep(entries, 1, both), 2u);
  EXPECT_EQ(first_to_keep(entries, 1, {{"a", "sa"}}), 7u) << "a database that is not backed up any more keeps nothing";
}

TEST(Databases, retention_keeps_a_stream_that_has_no_full_yet) {
  std::vector<Entry> entries{of("a", full(0, 100, "sa")), of("b", delta(1, 0, 120, "sb")), of("a", full(2, 300, "sa"))};
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].number = i + 1;
  EXPECT_EQ(first_to_keep(entries, 1, {{"a", "sa"}, {"b", "sb"}}), 2u);
}

}  // namespace
}  // namespace lpbm::journal
