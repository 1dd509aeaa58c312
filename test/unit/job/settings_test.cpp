#include "job/settings.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lpbm::job {
namespace {

Request parse(const std::string& settings) {
  return parse_request(R"({"job":"init","settings":{"directory":"/d","site":"s")" + settings + "}}");
}

std::string cause_of(const std::string& line) {
  try {
    parse_request(line);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.cause();
  }
  return "none";
}

TEST(Settings, AreReadByTheirNames) {
  const Request request =
      parse(R"(,"data_directory":"/data","log_directory":"log","part_size":1048576,"compression":"none",)"
            R"("recipients":"age1a, age1b","processed_logs":"keep","max_full_backups":"3","server_version":150018)");
  EXPECT_EQ(request.job, "init");
  EXPECT_EQ(request.settings.log_directory, "/data/log");
  EXPECT_EQ(request.settings.part_size, 1048576U);
  EXPECT_FALSE(request.settings.zstd_level);
  EXPECT_EQ(request.settings.recipients, (std::vector<std::string>{"age1a", "age1b"}));
  EXPECT_FALSE(request.settings.delete_processed_logs);
  EXPECT_EQ(request.settings.max_full_backups, 3);
}

TEST(Settings, HaveTheDefaultsOfTheDesign) {
  const Settings settings = parse("").settings;
  EXPECT_EQ(settings.store, "file:store");
  EXPECT_EQ(settings.zstd_level, 1);
  EXPECT_TRUE(settings.delete_processed_logs);
  EXPECT_EQ(settings.max_full_backups, 2);
}

TEST(Settings, RelativeDirectoryIsBelowTheDataDirectory) {
  const Request request =
      parse_request(R"({"job":"init","settings":{"directory":"lpbm","site":"s","data_directory":"/data"}})");
  EXPECT_EQ(request.settings.directory, "/data/lpbm");
}

TEST(Settings, WhatIsNoRequestIsRefusedWithItsReason) {
  EXPECT_EQ(cause_of("{"), "it is not a JSON object");
  EXPECT_EQ(cause_of("[]"), "it is not a JSON object");
  EXPECT_EQ(cause_of(R"({"settings":{}})"), "\"job\" is missing");
  EXPECT_EQ(cause_of(R"({"job":"init"})"), "\"settings\" is missing");
  EXPECT_EQ(cause_of(R"({"job":"init","settings":{"site":"s"}})"), "\"directory\" is missing");
  EXPECT_EQ(cause_of(R"({"job":"init","settings":{"directory":7,"site":"s"}})"), "\"directory\" is not a text");
  EXPECT_EQ(cause_of(R"({"job":"init","settings":{"directory":"d","site":"s"}})"), "\"directory\" is not absolute");
  EXPECT_EQ(cause_of(R"({"job":"init","settings":{"directory":"/d","site":"s","part_size":"1x"}})"),
            "\"part_size\" is not a whole number");
  EXPECT_EQ(cause_of(R"({"job":"init","settings":{"directory":"/d","site":"s","processed_logs":"burn"}})"),
            "\"processed_logs\" is neither delete nor keep");
}

TEST(Settings, ListsAreSplitAtCommasAndTrimmed) {
  EXPECT_EQ(split_list(" a,, b ,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_list(" , ").empty());
}

}  // namespace
}  // namespace lpbm::job
