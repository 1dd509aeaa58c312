#include "job/other_streams.h"

#include "job/leftovers.h"
#include "job/logs.h"
#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

constexpr const char* other = "ffff0000ffff0000";

class OtherStreamsTest : public test::WithSite {
 protected:
  // The position file of another database; `needed`: of its frames.
  void write_position(const std::string& folder, const std::string& needed) {
    std::filesystem::create_directories(settings_.directory / folder);
    write(settings_.directory / folder / "position",
          "lpbm-position 1\nstream " + std::string(other) + "\nslot lpbm_16385\nfull_wanted \nname " +
              to_hex(std::string("b\nc")) + "\n" + needed + "end\n",
          false);
  }
  std::string foreign(std::uint64_t run, std::uint64_t seq) {
    return csvlog::make_frame(site_->cluster_key(), other, {run, seq}, 0, "record");
  }
  // What of a log file that this database is done with is left.
  bool stays(const std::vector<std::string>& messages) {
    write_log("done.csv", messages);
    write_log("current.csv", {frame(1, 9, "")});
    write(root_ / "current_logfiles", "csvlog log/current.csv\n", false);
    const std::filesystem::path path = settings_.log_directory / "done.csv";
    const csvlog::LogFile done{path, {1, 0}, {1, 0}, true, std::filesystem::file_size(path)};
    remove_processed_files(settings_, site_->cluster_key(), {done}, {1, 9}, std::nullopt);
    return std::filesystem::exists(done.path);
  }
};

TEST_F(OtherStreamsTest, ArePutTogetherFromTheFoldersOfDatabases) {
  EXPECT_TRUE(other_streams(settings_).empty());
  write_position("16385", "needed_run 2\nneeded_seq 5\n");
  write_position("store", "");  // no folder of a database
  const auto found = other_streams(settings_);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].stream, other);
  EXPECT_EQ(found[0].database, "b\nc");
  EXPECT_EQ(found[0].needed, (csvlog::FramePosition{2, 5}));
}

TEST_F(OtherStreamsTest, TheOwnIsNotAmongThem) {
  write_position("16385", "");
  settings_.state = settings_.directory / "16385";
  EXPECT_TRUE(other_streams(settings_).empty());
  settings_.state = settings_.directory / "16386";
  EXPECT_EQ(other_streams(settings_).size(), 1U);
  EXPECT_FALSE(other_streams(settings_)[0].needed) << "a file of before does not say what is not needed";
}

TEST_F(OtherStreamsTest, ALogFileThatAnotherNeedsStays) {
  write_position("16385", "needed_run 2\nneeded_seq 5\n");
  EXPECT_TRUE(stays({frame(1, 0, "record"), foreign(2, 5)}));
  EXPECT_TRUE(stays({frame(1, 0, "record"), foreign(3, 0)}));
  EXPECT_FALSE(stays({frame(1, 0, "record"), foreign(2, 4)}));
  write_position("16385", "");
  EXPECT_TRUE(stays({frame(1, 0, "record"), foreign(1, 0)})) << "not known what it needs";
}

TEST_F(OtherStreamsTest, AForgedFrameKeepsNothing) {
  write_position("16385", "needed_run 2\nneeded_seq 5\n");
  EXPECT_FALSE(stays({frame(1, 0, "record"), csvlog::make_frame(std::string(32, 'x'), other, {2, 5}, 0, "record")}));
}

TEST_F(OtherStreamsTest, FilesOfAnotherThatGoesOnAreNotThoseOfAnEndedStream) {
  write_log("other.csv", {foreign(1, 0)});
  write_log("current.csv", {frame(1, 9, "")});
  write(root_ / "current_logfiles", "csvlog log/current.csv\n", false);
  EXPECT_EQ(files_of_ended_streams(settings_, site_->cluster_key(), stream_).size(), 1U);
  write_position("16385", "needed_run 2\nneeded_seq 0\n");
  EXPECT_TRUE(files_of_ended_streams(settings_, site_->cluster_key(), stream_).empty());
}

TEST_F(OtherStreamsTest, WhatADatabaseThatIsGoneHasLeftIsRemoved) {
  Settings settings = settings_;
  settings.state = settings_.directory / "16385";
  const Site gone(settings);
  const std::string name = "2026-11-21T00:00:00.000000Z-delta";
  std::filesystem::create_directories(settings.state);
  const PendingEntry pending(gone, name);
  (void)store_object(*store_, objects_of(name).options("script"), "left");
  write_position("16385", "");
  remove_ended_databases(*site_, *store_);
  EXPECT_EQ(store_->list("lpbm/").size(), 1U) << "it is not gone";
  std::filesystem::remove(settings.state / "position");
  remove_ended_databases(*site_, *store_);
  EXPECT_TRUE(store_->list("lpbm/").empty());
  EXPECT_FALSE(std::filesystem::exists(settings.state));
}

}  // namespace
}  // namespace lpbm::job
