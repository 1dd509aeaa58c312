#include "postgres/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "unit/postgres/server.h"

namespace lpbm::postgres {
namespace {

using test::error_of;

Command shell(const std::string& script) {
  Command command;
  command.program = "/bin/sh";
  command.arguments = {"-c", script};
  command.what = "trying";
  return command;
}

class Collector final : public Sink {
 public:
  void write(Bytes data) override {
    if (fail_after > 0 && text.size() + data.size() > fail_after) throw Error(ErrorKind::retryable, "storing", "full");
    text.append(data);
  }
  void finish() override { finished = true; }
  std::string text;
  std::size_t fail_after = 0;
  bool finished = false;
};

class Letters final : public Source {
 public:
  explicit Letters(std::size_t size) : left_(size) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t got = std::min(size, left_);
    std::fill_n(buffer, got, 'a');
    left_ -= got;
    return got;
  }

 private:
  std::size_t left_;
};

TEST(ChildTest, GivesItsOutputToTheSinkAndLeavesItUnfinished) {
  Collector out;
  run_into(shell("printf one; printf two >&2; printf three"), out);
  EXPECT_EQ(out.text, "onethree");
  EXPECT_FALSE(out.finished);
}

TEST(ChildTest, ReportsAFailureWithTheEndOfItsStderr) {
  const Error error = error_of([] { run_text(shell("seq 1 10000 >&2; echo 'the reason' >&2; exit 3")); });
  EXPECT_EQ(error.kind(), ErrorKind::permanent);
  EXPECT_EQ(error.step(), "trying");
  EXPECT_TRUE(error.cause().ends_with("9999\n10000\nthe reason")) << error.cause();
  EXPECT_LE(error.cause().size(), 8192U);
}

TEST(ChildTest, ReportsASilentFailureAndASignal) {
  EXPECT_EQ(error_of([] { run_text(shell("exit 4")); }).cause(), "sh exited with status 4 and said nothing");
  const Error killed = error_of([] { run_text(shell("kill -9 $$")); });
  EXPECT_EQ(killed.cause(), "sh was killed by signal 9");
  EXPECT_EQ(killed.kind(), ErrorKind::retryable);
}

TEST(ChildTest, SaysThatAProgramIsMissing) {
  Command command;
  command.program = "/nonexistent/pg_dump";
  command.what = "dumping";
  const Error error = error_of([&] { run_text(command); });
  EXPECT_EQ(error.cause(), "/nonexistent/pg_dump: No such file or directory");
  EXPECT_FALSE(error.hint().empty());
}

TEST(ChildTest, KillsTheWholeGroupWhenTheSinkFails) {
  Collector out;
  out.fail_after = 100000;
  const Error error = error_of([&] { run_into(shell("echo $$; yes | cat; sleep 1000"), out); });
  EXPECT_EQ(error.cause(), "full");
  const pid_t group = std::stoi(out.text);
  EXPECT_EQ(::kill(group, 0), -1);
}

TEST(ChildTest, FeedsItsInputWholeAndMayStopReadingEarly) {
  Letters much(3000000);
  EXPECT_EQ(run_filter(shell("wc -c"), much), "3000000\n");
  Letters more(3000000);
  run_from(shell("head -c 5 >/dev/null"), more);
  Letters bad(3000000);
  EXPECT_EQ(error_of([&] { run_from(shell("echo no >&2; exit 1"), bad); }).cause(), "no");
}

TEST(ChildTest, LimitsTextAndPassesBothWaysAtOnce) {
  EXPECT_EQ(error_of([] { run_text(shell("yes | head -c 2000000")); }).cause(), "more output than expected");
  Letters much(5000000);
  EXPECT_EQ(run_filter(shell("cat"), much).size(), 5000000U);
}

TEST(ChildTest, HidesWhatWouldRedirectItAndAddsWhatItIsGiven) {
  ::setenv("PGHOST", "elsewhere", 1);
  ::setenv("PGOPTIONS", "-c x=y", 1);
  ::setenv("PGSSLMODE", "require", 1);
  Command command = shell("echo ${PGHOST-none} ${PGOPTIONS-none} $PGSSLMODE $PGPASSWORD");
  command.environment = {"PGPASSWORD=secret"};
  EXPECT_EQ(run_text(command), "none none require secret\n");
  ::unsetenv("PGHOST");
  ::unsetenv("PGOPTIONS");
  ::unsetenv("PGSSLMODE");
}

TEST(ChildTest, InheritsNoDescriptorsAndNoBlockedSignals) {
  sigset_t set, before;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const File held = File::open("/dev/null", 0);
  // ls itself holds one descriptor on the directory.
  EXPECT_EQ(run_text(shell("ls /proc/self/fd | wc -l")), "4\n");
  EXPECT_EQ(run_text(shell("grep SigBlk /proc/self/status")), "SigBlk:\t0000000000000000\n");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(ChildTest, DiesWithTheProcessThatStartedIt) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    try {
      Background child(shell("sleep 1000"), "/dev/null", SIGKILL);
      const pid_t pid = child.pid();
      if (::write(ends[1], &pid, sizeof pid) == sizeof pid) ::pause();
    } catch (...) {
    }
    ::_exit(1);
  }
  pid_t child = 0;
  ASSERT_EQ(::read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  // The orphan is killed at once, but reaped by somebody else in his own time.
  bool gone = false;
  for (int i = 0; i < 500 && !gone; ++i) {
    gone = ::kill(child, 0) != 0;
    if (!gone) {
      std::string state = run_text(shell("grep State /proc/" + std::to_string(child) + "/status || echo gone"));
      gone = state.find("Z") != std::string::npos || state.find("gone") != std::string::npos;
    }
  }
  EXPECT_TRUE(gone);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace lpbm::postgres
