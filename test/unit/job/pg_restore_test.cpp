#include "job/pg_restore.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace lpbm::job {
namespace {

class PgRestoreTest : public ::testing::Test {
 protected:
  PgRestoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pg-restore-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    const char* path = std::getenv("PATH");
    path_ = path ? path : "";
  }
  ~PgRestoreTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(root_);
  }

  std::string make(const std::string& directory, const std::string& version) {
    std::filesystem::create_directories(root_ / directory);
    const std::filesystem::path program = root_ / directory / "pg_restore";
    std::ofstream(program) << "#!/bin/sh\necho 'pg_restore (PostgreSQL) " << version << "'\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return program.string();
  }
  void set_path(const std::string& first, const std::string& second) const {
    ::setenv("PATH", ((root_ / first).string() + ":" + (root_ / second).string() + ":/bin").c_str(), 1);
  }

  std::filesystem::path root_;
  std::string path_;
};

TEST_F(PgRestoreTest, IsThatOfTheServersVersionWhereverItStandsInThePath) {
  const std::string newer = make("newer", "98.1");
  const std::string same = make("same", "97.11 (Debian 97.11-1)");
  set_path("newer", "same");
  EXPECT_EQ(find_pg_restore({}, 970011), same);
  EXPECT_EQ(find_pg_restore({}, 980001), newer);
  EXPECT_EQ(find_pg_restore({}, 960001), newer) << "the first where none fits";
  EXPECT_EQ(find_pg_restore(root_ / "any", 970011), (root_ / "any" / "pg_restore").string());
}

TEST_F(PgRestoreTest, IsRefusedWhereItCannotReadTheDumpOrTheServerNotUnderstandIt) {
  const std::string program = make("one", "97.3");
  EXPECT_NO_THROW(check_pg_restore(program, 970001, 970001));
  EXPECT_NO_THROW(check_pg_restore(program, 960001, 980001));
  for (const auto& [source, server] : {std::pair{980001, 980001}, std::pair{950001, 960001}}) {
    try {
      check_pg_restore(program, source, server);
      ADD_FAILURE() << source << " into " << server;
    } catch (const Error& error) {
      EXPECT_NE(error.cause().find("is of PostgreSQL 97, the backup of"), std::string::npos) << error.cause();
      EXPECT_EQ(error.hint(),
                "Say with --bindir where the programs of PostgreSQL " + std::to_string(server / 10000) + " are.");
    }
  }
  EXPECT_THROW(check_pg_restore((root_ / "none").string(), 970001, 970001), Error);
}

}  // namespace
}  // namespace lpbm::job
