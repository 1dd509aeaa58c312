#include "postgres/connection.h"

#include "unit/postgres/server.h"

namespace lpbm::postgres {
namespace {

using test::error_of;

class ConnectionTest : public test::WithServer {};

TEST(ConninfoTest, ReplacesTheDatabaseWhateverItsForm) {
  EXPECT_EQ(with_database("host=h dbname=a port=5", "b"), "host='h' port='5' dbname='b'");
  EXPECT_EQ(with_database("postgresql://u@h:5/a", "it's \\"), "user='u' host='h' port='5' dbname='it\\'s \\\\'");
  EXPECT_EQ(database_of("dbname='a b' host=h"), "a b");
  EXPECT_EQ(database_of("host=h"), "");
}

TEST(ConninfoTest, RefusesMalformedOnesAsUsage) {
  const Error error = error_of([] { Connection connection("nonsense"); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
}

TEST(ConninfoTest, QuotesIdentifiersAndLiterals) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b"), "E'a\\\\b'");
}

TEST(ConninfoTest, CallsAnAbsentServerRetryable) {
  const Error error = error_of([] { Connection connection("host=/nonexistent dbname=a"); });
  EXPECT_EQ(error.kind(), ErrorKind::retryable);
  EXPECT_EQ(error.step(), "connecting to PostgreSQL");
}

TEST_F(ConnectionTest, ReturnsValuesAndNull) {
  Connection connection(conninfo());
  const Result result = connection.exec("SELECT $1::text, NULL, $2::int + 1", {"x'y", "41"});
  EXPECT_EQ(result.text(0, 0), "x'y");
  EXPECT_FALSE(result.get(0, 1).has_value());
  EXPECT_EQ(result.text(0, 2), "42");
}

TEST_F(ConnectionTest, SaysWhatTheServerSaidAndThatItIsPermanent) {
  Connection connection(conninfo());
  const Error error = error_of([&] { connection.exec("SELECT 1 / 0"); });
  EXPECT_EQ(error.kind(), ErrorKind::permanent);
  EXPECT_EQ(error.cause(), "division by zero (SQLSTATE 22012)");
  EXPECT_NE(error.step().find("SELECT 1 / 0"), std::string::npos);
}

TEST_F(ConnectionTest, CallsALockTimeoutAndALostConnectionRetryable) {
  Connection holder(conninfo()), waiter(conninfo());
  holder.exec("CREATE TABLE locked ()");
  holder.exec("BEGIN; LOCK locked");
  const Error timeout = error_of([&] { waiter.exec("SET lock_timeout = 1; LOCK TABLE locked"); });
  EXPECT_EQ(timeout.kind(), ErrorKind::retryable) << timeout.cause();
  const std::string pid = std::to_string(PQbackendPID(waiter.raw()));
  holder.exec("SELECT pg_terminate_backend($1, 10000)", {pid});
  EXPECT_EQ(error_of([&] { waiter.exec("SELECT 1"); }).kind(), ErrorKind::retryable);
}

TEST_F(ConnectionTest, SpellsOutForChildrenHowItIsConnectedWithoutThePassword) {
  const Connection connection(conninfo() + " password='secret pass'");
  const ChildTarget target = child_target(connection, "other", "-c synchronous_commit=off");
  EXPECT_EQ(target.conninfo.find("secret"), std::string::npos);
  ASSERT_EQ(target.environment.size(), 1U);
  EXPECT_EQ(target.environment[0], "PGPASSWORD=secret pass");
  EXPECT_EQ(database_of(target.conninfo), "other");
  Connection again(with_database(target.conninfo, "postgres"));
  EXPECT_EQ(again.exec("SHOW synchronous_commit").text(0, 0), "off");
}

}  // namespace
}  // namespace lpbm::postgres
