#include "job/first_files.h"

#include "base/error.h"
#include "unit/job/first_backup.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using lpbm::test::error_of;

class FirstFilesTest : public testing::Test {
 protected:
  journal::FirstEntry entry() const { return journal::parse_first_journal(backup_.journal).front(); }
  std::string read(const std::string& passphrase = "secret") const {
    test::FirstBackup::Text out;
    FirstFiles(backup_.options(), passphrase).read(entry(), out);
    return out.text;
  }
  test::FirstBackup backup_;
};

TEST_F(FirstFilesTest, AreFoundByCidOrByNameAlsoOneFolderDown) {
  const std::string cid = backup_.add("delta", "some text");
  EXPECT_EQ(read(), "some text");
  std::filesystem::rename(backup_.folder / cid, backup_.folder / entry().name);
  EXPECT_EQ(read(), "some text");
  std::filesystem::create_directory(backup_.folder / "down");
  std::filesystem::rename(backup_.folder / entry().name, backup_.folder / "down" / cid);
  EXPECT_EQ(read(), "some text");
  std::filesystem::remove_all(backup_.folder / "down");
  const FirstFiles files(backup_.options(), "secret");
  EXPECT_FALSE(files.has(entry()));
  EXPECT_EQ(error_of([&] { read(); }).hint(), "Fetch it out of IPFS: ipfs get " + cid);
}

TEST_F(FirstFilesTest, AreComparedWithTheirCid) {
  const std::string cid = backup_.add("delta", std::string(600000, 'x'));
  const FirstFiles files(backup_.options(), "secret");
  EXPECT_EQ(files.has_its_cid(entry()), true);
  std::string bytes = test::FirstBackup::encrypted(std::string(600000, 'y'));
  backup_.put(cid, bytes);
  EXPECT_EQ(files.has_its_cid(entry()), false);
}

TEST_F(FirstFilesTest, TellAWrongPassphraseByTheirEnd) {
  const std::string cid = backup_.add("delta", std::string(100000, 'x'));
  FirstFiles(backup_.options(), "secret").check_end(entry());
  EXPECT_EQ(error_of([&] { FirstFiles(backup_.options(), "Secret").check_end(entry()); }).kind(), ErrorKind::permanent);
  backup_.put(cid, "short");
  EXPECT_EQ(error_of([&] { read(); }).cause(), "a file of 5 bytes cannot be whole");
}

TEST_F(FirstFilesTest, NeedAFolder) {
  store::Options options;
  options.url = "file:/nowhere/at/all";
  EXPECT_EQ(error_of([&] { FirstFiles(options, ""); }).kind(), ErrorKind::usage);
  options.url = "ftp://x";
  EXPECT_EQ(error_of([&] { FirstFiles(options, ""); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace lpbm::job
