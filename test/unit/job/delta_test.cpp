#include "job/delta.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "job/logs.h"
#include "unit/job/records.h"
#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

using namespace test;
using nlohmann::json;

class DeltaTest : public WithSite {
 protected:
  DeltaTest() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    read_ = File(ends[0]);
    write_ = File(ends[1]);
    events_ = std::make_unique<Events>(write_.fd());
    write(root_ / "current_logfiles", "csvlog log/current.csv\n", false);
  }
  json request(std::uint64_t run, std::uint64_t seq) {
    return {{"stream", stream_}, {"start", "0/1"}, {"fence", {{"run", run}, {"seq", seq}}}, {"keep", nullptr}};
  }
  // The names of the events sent until now, progress left out.
  std::string events() {
    write_.close();
    std::string text(65536, '\0'), names;
    text.resize(read_.read(text.data(), text.size()));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::string name = json::parse(line)["event"];
      if (name != "progress") names += name + ' ';
    }
    return names;
  }
  bool exists(const char* log) { return std::filesystem::exists(settings_.log_directory / log); }

  const std::string two_ =
      transaction(10, 1, 1, relation_t + insert("one"), 1) + transaction(20, 10, 2, insert("two"), 1);
  File read_, write_;
  std::unique_ptr<Events> events_;
};

TEST_F(DeltaTest, StoresAndJournalsWhatTheLogHolds) {
  write_log("a.csv", {frame(1, 0, two_)});
  write_log("current.csv", {frame(1, 1, "")});
  const json result = run_delta(*site_, request(1, 1), *events_);
  EXPECT_EQ(events(), "fenced entry ");
  ASSERT_EQ(result["entries"].size(), 1U);
  const auto journal = site_->journal().load();
  ASSERT_EQ(journal.entries().size(), 1U);
  const journal::Entry& entry = journal.entries()[0];
  EXPECT_EQ(entry.from, Lsn{1});
  EXPECT_EQ(entry.to, Lsn{0x20});
  EXPECT_EQ(entry.transactions, 2U);
  EXPECT_EQ(entry.rows, 2U);
  EXPECT_EQ(entry.cid, entry.objects.at(0).cid);
  const std::string script = fetch_text(*store_, entry.objects[0], {{identity_.secret}, std::nullopt});
  EXPECT_NE(script.find("one"), std::string::npos);
  EXPECT_FALSE(exists("a.csv")) << "its records are journalled";
  EXPECT_TRUE(exists("current.csv"));
}

TEST_F(DeltaTest, BeginsWhereTheJournalEnds) {
  write_log("current.csv", {frame(1, 0, two_), frame(1, 1, transaction(30, 20, 3, relation_t + insert("x"), 1))});
  run_delta(*site_, request(1, 0), *events_);
  run_delta(*site_, request(1, 1), *events_);
  const auto journal = site_->journal().load();
  ASSERT_EQ(journal.entries().size(), 2U);
  EXPECT_EQ(journal.entries()[1].from, Lsn{0x20});
  EXPECT_EQ(journal.entries()[1].rows, 1U);
}

TEST_F(DeltaTest, NothingNewMakesNoEntry) {
  write_log("current.csv", {frame(1, 0, two_), frame(1, 1, "")});
  run_delta(*site_, request(1, 1), *events_);
  EXPECT_TRUE(run_delta(*site_, request(1, 1), *events_)["entries"].empty());
  EXPECT_EQ(site_->journal().load().entries().size(), 1U);
}

TEST_F(DeltaTest, LogsFromKeepOnStay) {
  write_log("a.csv", {frame(1, 0, two_)});
  write_log("current.csv", {frame(1, 1, "")});
  json held = request(1, 1);
  held["keep"] = {{"run", 1}, {"seq", 0}};
  run_delta(*site_, held, *events_);
  EXPECT_TRUE(exists("a.csv"));
}

TEST_F(DeltaTest, LogsStayWhenTheSettingSaysSo) {
  settings_.delete_processed_logs = false;
  site_ = std::make_unique<Site>(settings_);
  write_log("a.csv", {frame(1, 0, two_)});
  write_log("current.csv", {frame(1, 1, "")});
  run_delta(*site_, request(1, 1), *events_);
  EXPECT_TRUE(exists("a.csv"));
}

TEST_F(DeltaTest, LogsOfStreamsThatHaveEndedAreToldFromOthers) {
  const std::string other = csvlog::make_frame(site_->cluster_key(), "ffff0000ffff0000", {1, 0}, 0, two_);
  const std::string forged = csvlog::make_frame(std::string(32, 'x'), "ffff0000ffff0000", {1, 0}, 0, two_);
  write_log("ended.csv", {other});
  write_log("mixed.csv", {other, frame(1, 0, two_)});
  write_log("own.csv", {frame(1, 0, two_)});
  write_log("forged.csv", {forged, "a user's message"});
  write_log("current.csv", {other});
  using Paths = std::vector<std::filesystem::path>;
  EXPECT_EQ(files_of_ended_streams(settings_, site_->cluster_key(), stream_),
            Paths{settings_.log_directory / "ended.csv"});
}

TEST_F(DeltaTest, TheFenceIsConfirmedEvenWhereTheStoreFails) {
  write_log("a.csv", {frame(1, 0, two_)});
  write_log("current.csv", {frame(1, 1, "")});
  settings_.store = "file:/dev/null/store";
  site_ = std::make_unique<Site>(settings_);
  EXPECT_THROW(run_delta(*site_, request(1, 1), *events_), Error);
  EXPECT_EQ(events(), "fenced ");
  EXPECT_TRUE(exists("a.csv")) << "the log is the spool while the store is down";
  EXPECT_TRUE(site_->journal().load().entries().empty());
}

TEST_F(DeltaTest, ABrokenLinkIsAGapAndConfirmsNothing) {
  write_log("current.csv", {frame(1, 0, transaction(30, 20, 3, relation_t + insert("x"), 1)), frame(1, 1, "")});
  EXPECT_EQ(error_of([&] { run_delta(*site_, request(1, 1), *events_); }).kind(), ErrorKind::gap);
  EXPECT_EQ(events(), "");
}

TEST_F(DeltaTest, ARequestWithoutItsFenceIsRefused) {
  json bad = request(1, 1);
  bad["fence"] = {{"run", "1"}};
  EXPECT_EQ(error_of([&] { run_delta(*site_, bad, *events_); }).cause(), "\"fence\" is not a position");
  bad["fence"] = nullptr;
  EXPECT_EQ(error_of([&] { run_delta(*site_, bad, *events_); }).cause(), "\"fence\" is missing");
}

TEST(ProcessedFiles, AreWholeReadAndNeededByNobody) {
  using csvlog::LogFile;
  const LogFile done{"/l/done.csv", {1, 0}, {1, 5}, true}, torn{"/l/torn.csv", {1, 6}, {1, 7}, false},
      foreign{"/l/foreign.csv", {}, {}, true}, later{"/l/later.csv", {1, 8}, {1, 12}, true},
      current{"/l/current.csv", {1, 8}, {1, 9}, true};
  const std::vector<LogFile> files{done, torn, foreign, later, current};
  using Paths = std::vector<std::filesystem::path>;
  EXPECT_EQ(processed_files(files, {1, 9}, std::nullopt, {"/l/current.csv"}), Paths{"/l/done.csv"});
  EXPECT_EQ(processed_files(files, {1, 9}, csvlog::FramePosition{1, 5}, {"/l/current.csv"}), Paths{});
  EXPECT_EQ(processed_files(files, {1, 9}, csvlog::FramePosition{1, 6}, {"/l/current.csv"}), Paths{"/l/done.csv"});
  EXPECT_EQ(processed_files(files, {1, 9}, std::nullopt, {}), Paths{}) << "without current_logfiles nothing is known";
}

TEST(LogFiles, OneThatHasGrownSinceItWasReadIsKept) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("lpbm-grown-" + std::to_string(getpid()));
  File::open(path, O_WRONLY | O_CREAT | O_CLOEXEC).write_all("12345");
  const csvlog::LogFile read{path, {1, 1}, {1, 2}, true, 5}, before{path, {1, 1}, {1, 2}, true, 4};
  EXPECT_EQ(processed_files({read}, {1, 9}, std::nullopt, {"/l/current.csv"}).size(), 1U);
  EXPECT_EQ(processed_files({before}, {1, 9}, std::nullopt, {"/l/current.csv"}).size(), 0U);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace lpbm::job
