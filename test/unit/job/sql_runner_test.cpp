#include "job/sql_runner.h"

#include "base/error.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

class Text final : public Source {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t got = text_.copy(buffer, size, at_);
    at_ += got;
    return got;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

class SqlRunnerTest : public lpbm::test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    make_database("run");
    connection_ = std::make_unique<postgres::Connection>(conninfo("run"));
    connection_->exec("CREATE TABLE t (v text)");
  }
  std::uint64_t run(const std::string& text, bool copy_rows = false, bool go_on = true) {
    Text source(text);
    failures_.clear();
    SqlOptions options;
    options.copy_rows = copy_rows;
    options.on_failure = [&](const SqlFailure& failure) {
      failures_.push_back(failure);
      return go_on;
    };
    return run_sql(*connection_, source, options);
  }
  std::string values() { return rows(*connection_, "SELECT string_agg(v, ',' ORDER BY v) FROM t"); }

  std::unique_ptr<postgres::Connection> connection_;
  std::vector<SqlFailure> failures_;
};

TEST_F(SqlRunnerTest, RunsOneAfterTheOtherAndSaysWhichFailed) {
  EXPECT_EQ(run("INSERT INTO t VALUES ('a');\nnonsense\n  here;\nSELECT * FROM generate_series(1, 1000);\n"
                "COPY t TO stdout; INSERT INTO t VALUES ('b')"),
            4U);
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_EQ(failures_[0].line, 2U);
  EXPECT_EQ(failures_[0].statement, "nonsense   here");
  EXPECT_NE(failures_[0].cause.find("syntax error"), std::string::npos);
  EXPECT_EQ(values(), "a,b");
  EXPECT_EQ(run("nonsense; INSERT INTO t VALUES ('c')", false, false), 0U);
  EXPECT_EQ(values(), "a,b") << "stopped where the caller wants it";
}

TEST_F(SqlRunnerTest, TakesTheRowsOfACopyOnlyWhereTheyFollowIt) {
  EXPECT_EQ(run("COPY t FROM stdin;\nrow;\n\\.\nINSERT INTO t VALUES ('s');", true), 2U);
  EXPECT_EQ(values(), "row;,s");
  EXPECT_EQ(run("COPY t FROM stdin;\nINSERT INTO t VALUES ('u');"), 1U);
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_EQ(failures_[0].cause, "the rows of a COPY are not in the backup");
  EXPECT_EQ(values(), "row;,s,u");
}

TEST_F(SqlRunnerTest, ReadsLiteralsAsTheSessionDoes) {
  EXPECT_EQ(run("SET standard_conforming_strings = off; SET escape_string_warning = off;\n"
                "INSERT INTO t VALUES ('a\\';b'); SET standard_conforming_strings = on; INSERT INTO t VALUES ('c\\');"),
            5U);
  EXPECT_EQ(values(), "a';b,c\\");
}

TEST_F(SqlRunnerTest, LeavesNoTransactionOpen) {
  EXPECT_EQ(run("BEGIN; INSERT INTO t VALUES ('a');"), 2U);
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_EQ(failures_[0].cause, "it ends inside a transaction, which was rolled back");
  EXPECT_EQ(PQtransactionStatus(connection_->raw()), PQTRANS_IDLE);
}

TEST_F(SqlRunnerTest, ThrowsWhereTheConnectionIsLost) {
  const Error error = lpbm::test::error_of([&] { run("SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());"); });
  EXPECT_EQ(error.kind(), ErrorKind::retryable);
  EXPECT_EQ(error.step(), "running SQL, line 2");
}

}  // namespace
}  // namespace lpbm::job
