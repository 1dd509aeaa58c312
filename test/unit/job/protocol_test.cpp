#include "job/protocol.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"

namespace lpbm::job {
namespace {

class ProtocolTest : public testing::Test {
 protected:
  ProtocolTest() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    read_ = File(ends[0]);
    write_ = File(ends[1]);
  }
  std::string sent() {
    write_.close();
    std::string out(65536, '\0');
    std::size_t used = 0;
    while (const std::size_t got = read_.read(out.data() + used, out.size() - used)) used += got;
    out.resize(used);
    return out;
  }
  File read_, write_;
};

TEST_F(ProtocolTest, EventsAreLinesOfJson) {
  Events events(write_.fd());
  events.fenced();
  events.entry("bafy name {}");
  events.result({{"entries", nlohmann::json::array()}});
  EXPECT_EQ(sent(),
            "{\"event\":\"fenced\"}\n{\"event\":\"entry\",\"line\":\"bafy name {}\"}\n"
            "{\"entries\":[],\"event\":\"result\"}\n");
}

TEST_F(ProtocolTest, AnErrorCarriesItsKindAndHint) {
  Events events(write_.fd());
  events.error(Error(ErrorKind::fence, "reading", "no fence", "Write again."));
  const auto event = nlohmann::json::parse(sent());
  EXPECT_EQ(event["kind"], "fence");
  EXPECT_EQ(event["what"], "reading");
  EXPECT_EQ(event["cause"], "no fence");
  EXPECT_EQ(event["hint"], "Write again.");
}

TEST_F(ProtocolTest, BytesThatAreNotUtf8DoNotLoseTheEvent) {
  Events events(write_.fd());
  events.error(Error(ErrorKind::permanent, "dumping", "Spalte \xfc fehlt"));
  const auto event = nlohmann::json::parse(sent());
  EXPECT_EQ(event["event"], "error");
  EXPECT_EQ(event["kind"], "permanent");
}

TEST_F(ProtocolTest, ProgressOfOnePhaseIsThinnedOutButItsEndIsNot) {
  Events events(write_.fd());
  for (std::uint64_t done = 0; done <= 1000; ++done) events.progress("dump", done, 1000, "bytes");
  const std::string text = sent();
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 100);
  EXPECT_NE(text.find("\"done\":1000"), std::string::npos);
}

TEST_F(ProtocolTest, TheRequestEndsAtItsLineAndWhatFollowsStays) {
  write_.write_all("{\"job\":1}\nx");
  EXPECT_EQ(read_request_line(read_.fd()), "{\"job\":1}");
  EXPECT_EQ(sent(), "x");
}

TEST_F(ProtocolTest, ARequestWithoutItsNewlineIsRefused) {
  write_.write_all("{\"job\"");
  write_.close();
  EXPECT_THROW(read_request_line(read_.fd()), Error);
}

TEST_F(ProtocolTest, TheProcessExitsWhenNobodyReadsItsEvents) {
  read_.close();
  EXPECT_EXIT(
      {
        die_with_parent();
        Events(write_.fd()).fenced();
        ::_exit(0);
      },
      testing::ExitedWithCode(3), "");
}

TEST_F(ProtocolTest, TheProcessExitsAtTheEndOfItsInput) {
  write_.close();
  EXPECT_EXIT(
      {
        exit_at_end_of(read_.fd());
        ::pause();
      },
      testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace lpbm::job
