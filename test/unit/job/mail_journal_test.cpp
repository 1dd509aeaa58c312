#include "job/mail_journal.h"

#include <fstream>

#include "journal/packed.h"
#include "unit/journal/sample.h"

namespace lpbm::job {
namespace {

class MailJournals : public testing::Test {
 protected:
  MailJournals() : path_(directory_.path / "journal"), file_(path_) {}

  void append(int count) {
    for (int i = 0; i < count; ++i) {
      journal::Entry entry = journal::delta(1, 100, 200);
      file_.append(entry, journal::site_key());
    }
  }
  std::string attached(MailJournal& journal) {
    const notify::Attachment file = journal.attachment("shop", directory_.path);
    name_ = file.name;
    std::string out(file.size, '\0');
    const auto source = file.open();
    std::size_t used = 0;
    while (const std::size_t got = source->read(out.data() + used, out.size() - used)) used += got;
    EXPECT_EQ(used, file.size);
    return out;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_.path), {}));
  }

  journal::Directory directory_;
  std::filesystem::path path_;
  journal::JournalFile file_;
  std::string name_;
};

TEST_F(MailJournals, MissingOneIsNone) {
  EXPECT_FALSE(MailJournal::read(path_));
}

TEST_F(MailJournals, NewOneHasNoEntries) {
  file_.create(journal::sample_header(), journal::site_key());
  const auto journal = MailJournal::read(path_);
  EXPECT_EQ(journal->header().key, journal::sample_header().key);
  EXPECT_TRUE(journal->newest().empty());
}

TEST_F(MailJournals, SmallOneIsAttachedAsItIs) {
  file_.create(journal::sample_header(), journal::site_key());
  append(3);
  auto journal = MailJournal::read(path_);
  const std::string whole = read_file(path_);
  append(1);  // what comes later does not matter
  EXPECT_EQ(journal->newest().size(), 3U);
  EXPECT_EQ(attached(*journal), whole);
  EXPECT_EQ(name_, "shop.journal");
  EXPECT_NE(MailJournal::read(path_)->identity(), journal->identity());
}

TEST_F(MailJournals, LargeOneIsCompressedWithoutATrace) {
  file_.create(journal::sample_header(), journal::site_key());
  append(200);
  auto journal = MailJournal::read(path_);
  const std::size_t before = files();
  ASSERT_EQ(journal->newest().size(), 10U);
  EXPECT_EQ(journal->newest().back().number, 200U);
  EXPECT_EQ(journal::unpack(attached(*journal)), read_file(path_));
  EXPECT_EQ(journal::unpack(attached(*journal)), read_file(path_)) << "once more, for the next recipient";
  EXPECT_EQ(name_, "shop.journal.zst");
  EXPECT_EQ(files(), before);
}

TEST_F(MailJournals, TornLineIsNoPartOfIt) {
  file_.create(journal::sample_header(), journal::site_key());
  append(2);
  const std::string whole = read_file(path_);
  const std::string identity = MailJournal::read(path_)->identity();
  std::ofstream(path_, std::ios::app) << "bafy torn {";
  auto journal = MailJournal::read(path_);
  EXPECT_EQ(journal->identity(), identity);
  EXPECT_EQ(attached(*journal), whole);
}

TEST_F(MailJournals, DamagedOneIsRefused) {
  std::ofstream(path_) << "nothing\n";
  EXPECT_THROW(MailJournal::read(path_), Error);
}

}  // namespace
}  // namespace lpbm::job
