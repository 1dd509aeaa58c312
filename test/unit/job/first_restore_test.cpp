#include "job/first_restore.h"

#include <algorithm>

#include "base/error.h"
#include "postgres/child.h"
#include "unit/job/first_backup.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using lpbm::test::bindir;
using lpbm::test::error_of;

class FirstRestoreTest : public lpbm::test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    postgres::Connection(conninfo()).exec("DROP DATABASE IF EXISTS back");
    make_database("shop");
    postgres::Connection(conninfo("shop"))
        .exec(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'one;'), (2, E'two\\\\.\\n\\\\.');");
  }
  static std::string dump(std::vector<std::string> options) {
    postgres::Command command;
    command.program = (bindir() / "pg_dump").string();
    command.arguments = std::move(options);
    command.arguments.push_back(conninfo("shop"));
    command.what = "pg_dump";
    return postgres::run_text(command);
  }
  FirstRestoreResult restore(bool keep_going = false, std::optional<std::uint64_t> entry = {}) {
    FirstRestoreOptions options;
    options.store = backup_.options();
    options.journal = backup_.journal;
    options.passphrase = passphrase_;
    options.target = conninfo("back");
    options.bindir = bindir();
    options.keep_going = keep_going;
    options.entry = entry;
    return first_restore(options);
  }
  static std::string back(const std::string& query) {
    postgres::Connection connection(conninfo("back"));
    return rows(connection, query);
  }
  static constexpr const char* mark_ =
      "SELECT shobj_description(oid, 'pg_database'), datconnlimit FROM pg_database WHERE datname = 'back'";

  test::FirstBackup backup_;
  std::string passphrase_ = "secret";
};

TEST_F(FirstRestoreTest, TakesAFullInEitherFormAndTheDeltasAfterIt) {
  for (const char* format : {"-Fc", "-Fp"}) {
    backup_.journal.clear();
    backup_.minute = 0;
    backup_.add("full", dump({format}));
    backup_.add("delta", "INSERT INTO t VALUES (3, 'a;b');\nUPDATE t SET v = v || '!' WHERE id = 1;\n");
    backup_.add("delta", "DELETE FROM t WHERE id = 2;\n");
    const FirstRestoreResult result = restore();
    EXPECT_EQ(result.applied, 3U);
    EXPECT_EQ(result.statements, 3U);
    EXPECT_EQ(result.failed, 0U);
    EXPECT_EQ(result.last.number, 3U);
    EXPECT_EQ(back("SELECT id, v FROM t ORDER BY id"), "1|one;!\n3|a;b") << format;
    EXPECT_EQ(back(mark_), "NULL|-1");
    postgres::Connection(conninfo()).exec("DROP DATABASE back");
  }
}

TEST_F(FirstRestoreTest, StopsAtTheFirstErrorAndLeavesTheMark) {
  backup_.add("full", dump({"-Fc"}));
  backup_.add(
      "delta",
      "INSERT INTO t VALUES (3, 'c');\n\nINSERT INTO t\nVALUES (3, 'again');\nINSERT INTO t VALUES (4, 'd');\n");
  const Error error = error_of([&] { restore(); });
  EXPECT_EQ(error.kind(), ErrorKind::permanent);
  EXPECT_EQ(
      error.step(),
      "restoring entry 2 (2022-04-07T14:51:14.326+02:00-delta.sql.enc), line 3: INSERT INTO t VALUES (3, 'again')");
  EXPECT_NE(error.cause().find("duplicate key"), std::string::npos) << error.cause();
  EXPECT_NE(error.hint().find("--keep-going"), std::string::npos);
  EXPECT_EQ(back("SELECT count(*) FROM t"), "3");
  EXPECT_NE(back(mark_).find("lpbm: restore unfinished"), std::string::npos);
}

TEST_F(FirstRestoreTest, GoesOnWhereAskedAndListsWhatFailed) {
  backup_.add("full", dump({"-Fc"}));
  backup_.add("delta",
              "INSERT INTO t VALUES (3, 'c');\nnonsense;\nCOPY t FROM stdin;\nINSERT INTO t VALUES (4, 'd');\n");
  const std::string gone = backup_.add("delta", "INSERT INTO t VALUES (5, 'e');\n");
  backup_.add("delta", "BEGIN;INSERT INTO t VALUES (6, 'f');\n");
  backup_.add("delta", "INSERT INTO t VALUES (7, 'g');\n");
  std::filesystem::remove(backup_.folder / gone);
  const FirstRestoreResult result = restore(true);
  ASSERT_EQ(result.failures.size(), 4U);
  EXPECT_EQ(result.failures[0].what.line, 2U);
  EXPECT_EQ(result.failures[0].what.statement, "nonsense");
  EXPECT_EQ(result.failures[1].what.cause, "the rows of a COPY are not in the backup");
  EXPECT_EQ(result.failures[2].entry.number, 3U);
  EXPECT_NE(result.failures[2].what.cause.find("there is no file"), std::string::npos);
  EXPECT_EQ(result.failures[3].what.cause, "it ends inside a transaction, which was rolled back");
  EXPECT_EQ(back("SELECT array_agg(id ORDER BY id) FROM t"), "{1,2,3,4,7}");
  EXPECT_EQ(back(mark_), "NULL|-1");
}

TEST_F(FirstRestoreTest, NeverRunsWhatReachesBeyondTheDatabase) {
  postgres::Connection(conninfo()).exec("CREATE ROLE planter");
  backup_.add("full", dump({"-Fc"}));
  backup_.add("delta",
              "INSERT INTO t VALUES (3, 'c');\nALTER ROLE planter SUPERUSER;\nCOPY t FROM PROGRAM 'echo 9';\n"
              "CREATE FUNCTION begin() RETURNS int RETURN 1; ALTER ROLE planter SUPERUSER;\n");
  const Error error = error_of([&] { restore(); });
  EXPECT_NE(error.step().find("line 2: ALTER ROLE planter SUPERUSER"), std::string::npos) << error.step();
  EXPECT_NE(error.cause().find("not run, for whoever could connect"), std::string::npos) << error.cause();
  postgres::Connection(conninfo()).exec("DROP DATABASE back");
  const FirstRestoreResult result = restore(true);
  EXPECT_EQ(result.failures.size(), 3U);
  EXPECT_EQ(back("SELECT count(*), max(id) FROM t"), "3|3");
  EXPECT_EQ(back("SELECT rolsuper FROM pg_roles WHERE rolname = 'planter'"), "f");
  postgres::Connection(conninfo()).exec("DROP ROLE planter");
}

TEST_F(FirstRestoreTest, GoesOnPastErrorsOfTheFull) {
  postgres::Connection(conninfo("shop")).exec("CREATE ROLE clerk; ALTER TABLE t OWNER TO clerk");
  backup_.add("full", dump({"-Fc"}));
  postgres::Connection(conninfo("shop")).exec("REASSIGN OWNED BY clerk TO CURRENT_USER; DROP ROLE clerk");
  const Error error = error_of([&] { restore(); });
  EXPECT_NE(error.cause().find("role \"clerk\" does not exist"), std::string::npos) << error.cause();
  EXPECT_NE(error.hint().find("CREATE ROLE"), std::string::npos);
  postgres::Connection(conninfo()).exec("DROP DATABASE back");
  const FirstRestoreResult result = restore(true);
  EXPECT_EQ(result.failed, 1U);
  ASSERT_EQ(result.failures.size(), 1U);
  EXPECT_NE(result.failures[0].what.cause.find("clerk"), std::string::npos);
  EXPECT_EQ(back("SELECT count(*) FROM t"), "2");
}

TEST_F(FirstRestoreTest, StopsAfterAnEntryAndBeginsAtTheFullBeforeIt) {
  backup_.add("full", dump({"-Fc"}));
  backup_.add("delta", "INSERT INTO t VALUES (3, 'c');\n");
  backup_.add("delta", "INSERT INTO t VALUES (4, 'd');\n");
  backup_.add("full", dump({"-Fc"}));
  const FirstRestoreResult result = restore(false, 2);
  EXPECT_EQ(result.applied, 2U);
  EXPECT_EQ(back("SELECT count(*) FROM t"), "3");
}

TEST_F(FirstRestoreTest, ChangesNothingWithAWrongPassphraseOrAMissingFile) {
  backup_.add("full", dump({"-Fc"}));
  const std::string cid = backup_.add("delta", "SELECT 1;");
  passphrase_ = "Secret";
  EXPECT_NE(error_of([&] { restore(true); }).cause().find("the passphrase is wrong"), std::string::npos);
  passphrase_ = "secret";
  std::filesystem::remove(backup_.folder / cid);
  EXPECT_NE(error_of([&] { restore(); }).cause().find("there is no file " + cid), std::string::npos);
  postgres::Connection server(conninfo());
  EXPECT_EQ(rows(server, "SELECT count(*) FROM pg_database WHERE datname = 'back'"), "0");
}

TEST_F(FirstRestoreTest, SaysWhichFileItCouldNotVerify) {
  const std::string cid = backup_.add("full", dump({"-Fc"}));
  backup_.put(cid, test::FirstBackup::encrypted(dump({"-Fc"})));
  const FirstRestoreResult result = restore();
  const auto told = [](const std::string& note) { return note.find("could not be verified") != std::string::npos; };
  EXPECT_EQ(std::count_if(result.notes.begin(), result.notes.end(), told), 1);
  EXPECT_EQ(back("SELECT count(*) FROM t"), "2");
}

TEST_F(FirstRestoreTest, RefusesADatabaseThatHoldsSomethingAndAFullThatIsNone) {
  backup_.add("full", "PGD" + std::string(1, '\0') + "MP");
  EXPECT_NE(error_of([&] { restore(); }).cause().find("neither a dump"), std::string::npos);
  make_database("back");
  postgres::Connection(conninfo("back")).exec("CREATE TABLE precious (a int)");
  EXPECT_EQ(error_of([&] { restore(true); }).cause(), "the database is not empty (relation precious)");
}

}  // namespace
}  // namespace lpbm::job
