// A scratch server for the tests of one suite; they are skipped only where PostgreSQL is not installed.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "postgres/connection.h"
#include "postgres/scratch_server.h"

namespace lpbm::test {

inline std::filesystem::path bindir() {
  std::array<char, 1024> line{};
  if (FILE* pipe = ::popen("pg_config --bindir 2>/dev/null", "r")) {
    const bool got = std::fgets(line.data(), line.size(), pipe) != nullptr;
    ::pclose(pipe);
    std::string text = got ? line.data() : "";
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (std::filesystem::exists(text + "/initdb")) return text;
  }
  const std::filesystem::path debian = "/usr/lib/postgresql";
  if (std::filesystem::exists(debian))
    for (const auto& version : std::filesystem::directory_iterator(debian))
      if (std::filesystem::exists(version.path() / "bin/initdb")) return version.path() / "bin";
  return {};
}

class WithServer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!bindir().empty()) server_ = std::make_unique<postgres::ScratchServer>(bindir());
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "PostgreSQL is not installed";
  }
  static std::string conninfo(const std::string& database = "postgres") { return server_->conninfo(database); }
  // A new, empty database.
  static void make_database(const std::string& name) {
    postgres::Connection connection(conninfo());
    connection.exec("DROP DATABASE IF EXISTS " + postgres::quote_identifier(name) + " WITH (FORCE)");
    connection.exec("CREATE DATABASE " + postgres::quote_identifier(name));
  }
  // The rows of a query, cells separated by |, rows by newlines.
  static std::string rows(postgres::Connection& connection, const std::string& query) {
    const postgres::Result result = connection.exec(query);
    std::string out;
    for (int row = 0; row < result.rows(); ++row)
      for (int column = 0; column < PQnfields(result.raw()); ++column)
        out += (column ? "|" : row ? "\n" : "") + result.get(row, column).value_or("NULL");
    return out;
  }

  inline static std::unique_ptr<postgres::ScratchServer> server_;
};

// The Error that `step` throws.
template <typename Step>
Error error_of(Step step) {
  try {
    step();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {ErrorKind::permanent, "nothing", "nothing"};
}

}  // namespace lpbm::test
