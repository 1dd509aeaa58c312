#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "base/error.h"

namespace lpbm::test {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() : path(fs::temp_directory_path() / "lpbm-base-XXXXXX") {
    if (!::mkdtemp(path.data())) throw std::runtime_error("no temporary directory");
  }
  ~Files() override { fs::remove_all(path); }
  [[nodiscard]] std::string file(const std::string& name) const { return path + "/" + name; }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
  static mode_t mode(const std::string& name) {
    struct stat status {};
    EXPECT_EQ(::stat(name.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  std::string path;
};

ErrorKind kind_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::usage;
}

TEST_F(Files, are_replaced_whole_with_the_mode_asked_for) {
  const std::string name = file("journal");
  replace_file(name, "old");
  EXPECT_EQ(read_file(name), "old");
  EXPECT_EQ(mode(name), 0600u);
  replace_file(name, std::string("new\0content", 11), 0644);
  EXPECT_EQ(read_file(name), std::string("new\0content", 11));
  EXPECT_EQ(mode(name), 0644u);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, stay_as_they_are_when_they_cannot_be_replaced) {
  fs::create_directory(file("directory"));
  EXPECT_EQ(kind_of([&] { replace_file(file("directory"), "x"); }), ErrorKind::permanent);
  EXPECT_EQ(kind_of([&] { replace_file(file("missing/file"), "x"); }), ErrorKind::permanent);
  EXPECT_EQ(entries(), 1u);  // no temporary file is left
}

TEST_F(Files, are_read_up_to_a_limit) {
  replace_file(file("a"), std::string(100000, 'x'));
  EXPECT_EQ(read_file(file("a")).size(), 100000u);
  EXPECT_EQ(read_file(file("a"), 100000).size(), 100000u);
  EXPECT_EQ(kind_of([&] { read_file(file("a"), 99999); }), ErrorKind::permanent);
}

TEST_F(Files, that_are_missing_are_named) {
  try {
    read_file(file("missing"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::permanent);
    EXPECT_EQ(error.step(), "opening " + file("missing"));
    EXPECT_EQ(error.cause(), "No such file or directory");
  }
}

TEST_F(Files, report_a_full_disk_as_something_that_may_heal) {
  File full = File::open("/dev/full", O_WRONLY);
  try {
    full.write_all("x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::retryable);
    EXPECT_EQ(error.step(), "writing /dev/full");
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST_F(Files, with_secrets_are_refused_when_others_may_read_them) {
  const std::string name = file("key");
  replace_file(name, "secret\n\n");
  EXPECT_EQ(read_secret(name), "secret\n");
  for (const mode_t loose : {0640, 0604, 0620, 0610}) {
    ASSERT_EQ(::chmod(name.c_str(), loose), 0);
    try {
      read_secret(name);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::permanent);
      EXPECT_EQ(error.hint(), "Run chmod 0600 on it.");
    }
  }
}

TEST_F(Files, with_secrets_are_regular_files_of_this_user_or_root) {
  EXPECT_EQ(kind_of([&] { read_secret(path); }), ErrorKind::permanent);
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  EXPECT_EQ(kind_of([&] { read_secret(file("fifo")); }), ErrorKind::permanent);
  replace_file(file("key"), "secret");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(file("key").c_str(), 65534, 65534), 0);
  EXPECT_EQ(kind_of([&] { read_secret(file("key")); }), ErrorKind::permanent);
}

TEST_F(Files, live_in_directories_made_with_their_parents) {
  make_directory(file("a/b/c/"));
  EXPECT_TRUE(fs::is_directory(file("a/b/c")));
  EXPECT_EQ(mode(file("a")), 0700u);
  EXPECT_EQ(mode(file("a/b/c")), 0700u);
  EXPECT_NO_THROW(make_directory(file("a/b/c")));
  replace_file(file("plain"), "");
  EXPECT_EQ(kind_of([&] { make_directory(file("plain")); }), ErrorKind::permanent);
  EXPECT_EQ(kind_of([&] { make_directory(file("plain/below")); }), ErrorKind::permanent);
  EXPECT_EQ(kind_of([&] { sync_directory(file("missing")); }), ErrorKind::permanent);
}

TEST_F(Files, close_once_when_they_are_moved) {
  File first = File::open(file("a"), O_WRONLY | O_CREAT);
  const int fd = first.fd();
  File second = std::move(first);
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.fd(), fd);
  first = std::move(second);
  EXPECT_EQ(first.path(), file("a"));
  first.write_all("text");
  first.sync();
  first.close();
  first.close();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  FileSource source(File::open(file("a"), O_RDONLY));
  char buffer[3];
  EXPECT_EQ(source.read(buffer, 3), 3u);
  EXPECT_EQ(source.read(buffer, 3), 1u);
  EXPECT_EQ(source.read(buffer, 3), 0u);
}

TEST_F(Files, are_not_handed_to_child_programs) {
  const File opened = File::open(file("a"), O_WRONLY | O_CREAT);
  EXPECT_EQ(::fcntl(opened.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

}  // namespace
}  // namespace lpbm::test
