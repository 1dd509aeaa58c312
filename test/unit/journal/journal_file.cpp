#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "journal/journal.h"
#include "unit/journal/sample.h"

namespace lpbm::journal {
namespace {

class JournalFileTest : public testing::Test {
 protected:
  void write(const std::string& text) { replace_file(path, text); }
  [[nodiscard]] std::string content() const { return read_file(path); }
  void add(Entry entry) { file.append(entry, site_key()); }

  Directory directory;
  std::filesystem::path path = directory.path / "journal";
  JournalFile file{path};
};

TEST_F(JournalFileTest, is_created_once) {
  EXPECT_FALSE(file.exists());
  file.create(sample_header(), site_key());
  EXPECT_TRUE(file.exists());
  EXPECT_TRUE(file.load().entries().empty());
  EXPECT_EQ(refusal([&] { file.create(sample_header(), site_key()); }), "it is there already");
}

TEST_F(JournalFileTest, numbers_and_returns_the_lines_it_appends) {
  file.create(sample_header(), site_key());
  Entry first = full(0, 100), second = delta(1, 100, 200);
  const std::string line = file.append(first, site_key());
  EXPECT_EQ(first.number, 1u);
  EXPECT_EQ(lines_of(content()).back(), line);
  file.append(second, site_key());
  EXPECT_EQ(second.number, 2u);
  EXPECT_EQ(file.load().entries().size(), 2u);
}

TEST_F(JournalFileTest, knows_its_ends_without_what_is_between) {
  file.create(sample_header(), site_key());
  EXPECT_FALSE(file.ends().last);
  add(full(0, 100));
  for (int i = 1; i < 200; ++i) add(delta(i, 100 * i, 100 * (i + 1)));
  ASSERT_GT(content().size(), 100'000u);
  const auto ends = file.ends();
  EXPECT_EQ(ends.header.site, "7301234567890");
  EXPECT_EQ(ends.last->number, 200u);
  EXPECT_EQ(ends.last->to.value, 20000u);
}

TEST_F(JournalFileTest, a_long_line_is_followed_like_any_other) {
  file.create(sample_header(), site_key());
  Entry large = delta(1, 100, 200);
  for (std::uint64_t i = 0; i < 5000; ++i) large = with_hole(std::move(large), 101 + i);
  add(large);
  add(delta(2, 200, 300));
  add(large);
  add(delta(3, 200, 300));
  EXPECT_EQ(file.load().entries().size(), 4u);
}

TEST_F(JournalFileTest, cuts_a_torn_line_before_it_appends) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  const std::string whole = content();
  add(delta(1, 100, 200));
  const std::string longer = content();
  for (std::size_t size = whole.size() + 1; size + 1 < longer.size(); size += 17) {
    write(longer.substr(0, size));
    add(delta(2, 100, 300));
    const Journal journal = file.load();
    ASSERT_EQ(journal.entries().size(), 2u) << size;
    ASSERT_EQ(journal.entries()[1].to.value, 300u) << size;
    ASSERT_EQ(journal.text(), content());
  }
}

TEST_F(JournalFileTest, cuts_a_torn_rest_that_is_longer_than_the_next_line) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  write(content() + std::string(100'000, '\0'));
  add(delta(1, 100, 200));
  EXPECT_EQ(file.load().entries().size(), 2u);
  EXPECT_FALSE(file.load().torn());
}

TEST_F(JournalFileTest, a_full_disk_leaves_the_journal_as_it_was) {
  const std::filesystem::path small = directory.path / "small";
  std::filesystem::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "a small tmpfs cannot be mounted here: " << std::strerror(errno);
  {
    JournalFile tight(small / "journal");
    tight.create(sample_header(), site_key());
    ErrorKind kind = ErrorKind::permanent;
    std::size_t whole = 0;
    for (int i = 0; i < 200 && kind != ErrorKind::retryable; ++i) try {
        Entry entry = full(i, 100);
        tight.append(entry, site_key());
        ++whole;
      } catch (const Error& error) {
        kind = error.kind();
        EXPECT_EQ(error.hint(), "Free some space on this file system.");
      }
    EXPECT_EQ(kind, ErrorKind::retryable);
    const Journal journal = tight.load();
    EXPECT_EQ(journal.entries().size(), whole);
    EXPECT_FALSE(journal.torn());
    const std::string before = journal.text();
    EXPECT_THROW(tight.drop_before(2, site_key()), Error);
    EXPECT_EQ(tight.load().text(), before);
  }
  EXPECT_EQ(::umount(small.c_str()), 0);
}

TEST_F(JournalFileTest, keeps_a_line_that_lost_only_its_newline) {
  file.create(sample_header(), site_key());
  std::string text = content();
  text.pop_back();
  write(text);
  add(full(0, 100));
  text = content();
  text.pop_back();
  write(text);
  EXPECT_EQ(file.ends().last->number, 1u);
  add(delta(1, 100, 200));
  EXPECT_EQ(file.load().entries().size(), 2u);
}

TEST_F(JournalFileTest, appends_nothing_to_a_damaged_file) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  std::string text = content();
  text[text.size() - 20] ^= 1;
  write(text);
  EXPECT_EQ(refusal([&] { add(delta(1, 100, 200)); }), "its last line is not a genuine entry");
  EXPECT_EQ(content(), text);
  write("garbage\n");
  EXPECT_EQ(refusal([&] { add(delta(1, 100, 200)); }), "line 1: it is not the header of a journal");
}

TEST_F(JournalFileTest, appends_nothing_under_another_key) {
  file.create(sample_header(), site_key());
  Entry entry = full(0, 100);
  EXPECT_EQ(refusal([&] { file.append(entry, other_key()); }),
            "it is of the key " + to_base64(site_key().public_key) + ", not of this server's");
}

TEST_F(JournalFileTest, drops_entries_and_goes_on_after_them) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  add(delta(1, 100, 200));
  add(full(2, 200));
  add(delta(3, 200, 300));
  file.drop_before(3, site_key());
  Journal journal = file.load();
  ASSERT_EQ(journal.entries().size(), 2u);
  EXPECT_EQ(journal.header().first, 3u);
  EXPECT_EQ(journal.entries()[0].number, 3u);
  add(delta(4, 300, 400));
  EXPECT_EQ(file.load().entries().back().number, 5u);
  file.drop_before(3, site_key());
  file.drop_before(1, site_key());
  EXPECT_EQ(file.load().entries().size(), 3u);
  file.drop_before(6, site_key());
  EXPECT_TRUE(file.load().entries().empty());
  add(full(5, 400));
  EXPECT_EQ(file.load().entries()[0].number, 6u);
  EXPECT_EQ(refusal([&] { file.drop_before(9, site_key()); }), "it has no entry 9 to begin with");
}

TEST_F(JournalFileTest, a_dropped_line_cannot_be_put_back_or_more_be_taken_away) {
  file.create(sample_header(), site_key());
  for (int i = 0; i < 3; ++i) add(full(i, 100 * (i + 1)));
  const auto before = lines_of(content());
  file.drop_before(2, site_key());
  auto lines = lines_of(content());
  lines.insert(lines.begin() + 1, before[1]);
  EXPECT_EQ(refusal([&] { (void)Journal::parse(text_of(lines)); }), "line 2: entry 1 stands here once more");
  lines.erase(lines.begin() + 1, lines.begin() + 3);
  EXPECT_EQ(refusal([&] { (void)Journal::parse(text_of(lines)); }), "line 2: entry 2 is missing before it");
}

TEST_F(JournalFileTest, is_restored_where_it_is_missing_or_shorter) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  const std::string shorter = content();
  add(delta(1, 100, 200));
  const std::string whole = content();
  EXPECT_FALSE(file.restore(whole));
  EXPECT_FALSE(file.restore(shorter));
  EXPECT_EQ(content(), whole);
  write(shorter);
  EXPECT_TRUE(file.restore(whole));
  EXPECT_EQ(content(), whole);
  std::filesystem::remove(path);
  EXPECT_TRUE(file.restore(whole));
  EXPECT_EQ(content(), whole);
}

TEST_F(JournalFileTest, is_restored_over_a_retention) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  add(full(1, 200));
  const std::string old = content();
  add(full(2, 300));
  for (const std::uint64_t first : {2, 3}) {
    file.drop_before(first, site_key());
    const std::string newer = content();
    write(old);
    EXPECT_TRUE(file.restore(newer)) << first;
    EXPECT_EQ(content(), newer);
  }
}

TEST_F(JournalFileTest, is_not_restored_from_what_does_not_fit) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  const std::string own = content();
  EXPECT_EQ(refusal([&] {
              file.restore(journal_text({full(0, 100), delta(1, 100, 200)}, other_key()));
            }),
            "the file is of another site (7301234567890) than the text (7301234567890)");
  EXPECT_EQ(refusal([&] {
              file.restore(journal_text({full(9, 100), delta(1, 100, 200)}));
            }),
            "file and text are different continuations of one journal");
  EXPECT_EQ(refusal([&] { file.restore("nonsense"); }), "line 1: it is not the header of a journal");
  write("damaged\n");
  EXPECT_THROW(file.restore(own), Error);
  EXPECT_EQ(content(), "damaged\n");
}

TEST_F(JournalFileTest, a_continuation_is_told_from_another_end_of_the_same_journal) {
  file.create(sample_header(), site_key());
  const auto state = [&] { return file.load(); };
  const Journal empty = state();
  add(full(0, 100));
  add(full(1, 200));
  const Journal early = state();
  add(full(2, 300));
  const Journal late = state();
  file.drop_before(2, site_key());
  const Journal overlapping = state();
  file.drop_before(3, site_key());
  const Journal adjoining = state();
  add(full(3, 400));
  file.drop_before(4, site_key());
  const Journal apart = state();
  for (const Journal* later : {&early, &late, &overlapping, &adjoining})
    EXPECT_EQ(continuation(early, *later), Continuation::yes);
  EXPECT_EQ(continuation(empty, apart), Continuation::yes);
  EXPECT_EQ(continuation(early, apart), Continuation::unknown);
  EXPECT_EQ(continuation(late, early), Continuation::no);
  EXPECT_EQ(continuation(late, overlapping), Continuation::yes);
  EXPECT_EQ(continuation(overlapping, late), Continuation::yes);
  const Journal other_end = Journal::parse(journal_text({full(0, 100), full(1, 200), full(9, 900), full(10, 910)}));
  EXPECT_EQ(continuation(early, other_end), Continuation::yes);
  EXPECT_EQ(continuation(late, other_end), Continuation::no);
  EXPECT_EQ(continuation(adjoining, other_end), Continuation::no);
  const Journal foreign = Journal::parse(journal_text({full(0, 100), full(1, 200), full(2, 300)}, other_key()));
  EXPECT_EQ(continuation(early, foreign), Continuation::no);
}

TEST_F(JournalFileTest, two_appending_processes_take_turns) {
  file.create(sample_header(), site_key());
  constexpr int each = 40;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      for (int i = 0; i < each; ++i) add(delta(i, 100, 200));
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
  }
  for (int i = 0; i < each; ++i) add(delta(i, 100, 200));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(file.load().entries().size(), 2u * each);
}

TEST_F(JournalFileTest, a_missing_file_is_named) {
  try {
    (void)file.load();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
  }
}

TEST_F(JournalFileTest, a_bad_line_is_told_with_the_path) {
  file.create(sample_header(), site_key());
  add(full(0, 100));
  write(content() + "nonsense\n");
  try {
    (void)file.load();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "reading journal " + path.string() + ": line 3: it is not an entry");
    EXPECT_FALSE(error.hint().empty());
  }
}

}  // namespace
}  // namespace lpbm::journal
