#include "csvlog/statement_log.h"

#include <gtest/gtest.h>

#include <cstring>

#include "unit/csvlog/statement_support.h"

namespace lpbm::csvlog {
namespace {

using test::LoggedLine;

std::string event_of(const LoggedLine& given) {
  constexpr const char* names[] = {"other", "statement", "execute",  "step",   "finished",
                                   "error", "end",       "fastpath", "foreign"};
  const std::string text = test::log_line(given);
  std::string out, scratch;
  LogLineReader reader([&](const LogLine& line) {
    const LogEvent event = read_event(line, line.value(LogColumn::message, scratch));
    out = std::string(event.timed ? "timed " : "") + (event.fatal ? "fatal " : "") + names[event.kind] +
          (event.sql.empty() ? "" : " " + std::string(event.sql));
  });
  std::memcpy(reader.space(text.size()), text.data(), text.size());
  reader.commit(text.size());
  return out;
}

std::string event_of_message(const std::string& message) {
  return event_of(LoggedLine{.message = message});
}

TEST(StatementLog, MessagesOfEveryFormAreKnown) {
  const std::pair<const char*, const char*> cases[] = {
      {"statement: SELECT 1", "statement SELECT 1"},
      {"statement: a\nb: c", "statement a\nb: c"},
      {"execute <unnamed>: INSERT", "execute INSERT"},
      {"execute S_1/C_2: INSERT: x", "execute INSERT: x"},
      {"execute fetch from S_1/C_2: SELECT", "step"},
      {"duration: 0.123 ms  statement: COMMIT", "timed statement COMMIT"},
      {"duration: 12 ms  execute S_1: INSERT", "timed execute INSERT"},
      {"duration: 0.1 ms  execute fetch from a: SELECT", "timed step"},
      {"duration: 0.1 ms  parse <unnamed>: INSERT", "timed step"},
      {"duration: 0.1 ms  bind <unnamed>: INSERT", "timed step"},
      {"duration: 0.1 ms", "timed finished"},
      {"duration: 0.1 ms  plan:\nQuery Text: INSERT", "timed other"},
      {"duration: x", "other"},
      {"fastpath function call: \"lo_creat\" (OID 957)", "fastpath"},
      {"disconnection: session time: 0:00:00.1 user=a database=b host=[local]", "end"},
      {"Anweisung: INSERT INTO t VALUES (1)", "foreign"},
      {"Dauer: 0,1 ms  Anweisung: INSERT INTO t VALUES (1)", "foreign"},
      {"checkpoint starting: time", "other"},
      {"", "other"},
  };
  for (const auto& [message, event] : cases) EXPECT_EQ(event_of_message(message), event) << message;
}

TEST(StatementLog, ErrorsAreKnownByTheirStateInAnyLanguage) {
  EXPECT_EQ(event_of({.severity = "ERROR", .state = "23505", .message = "statement: no"}), "error");
  EXPECT_EQ(event_of({.severity = "FATAL", .state = "57P01"}), "fatal end");
  EXPECT_EQ(event_of({.severity = "FEHLER", .state = "23505"}), "error");
  EXPECT_EQ(event_of({.severity = "HINWEIS", .state = "00000", .message = "statement: no"}), "other");
  EXPECT_EQ(event_of({.severity = "WARNING", .state = "57P02"}), "fatal end");
  EXPECT_EQ(event_of({.severity = "WARNING", .state = "01000", .message = "statement: no"}), "other");
}

TEST(StatementLog, WhatAFunctionRaisesIsNoStatement) {
  EXPECT_EQ(event_of({.message = "statement: DROP TABLE t", .context = "PL/pgSQL function f() line 1 at RAISE"}),
            "other");
  EXPECT_EQ(event_of({.message = "statement: DROP TABLE t", .query = "SELECT f()"}), "other");
}

TEST(StatementLog, ParametersHoldAnyValue) {
  const auto read = [](std::string_view detail) {
    ParameterList list(detail);
    std::string out;
    for (ParameterList::Parameter p; list.next(p);)
      out += std::to_string(p.number) + (p.null ? " null|" : "=" + p.text + '|');
    return out + (list.is_one() ? "" : "none") + (list.broken() ? "broken" : "");
  };
  EXPECT_EQ(read("parameters: $1 = '1', $2 = NULL, $3 = 'it''s $1, $2 = ''x'''"), "1=1|2 null|3=it's $1, $2 = 'x'|");
  EXPECT_EQ(read("Parameters: $1 = 'a\nb', $12 = ''"), "1=a\nb|12=|");
  EXPECT_EQ(read("prepare: PREPARE a"), "none");
  EXPECT_EQ(read(""), "none");
  EXPECT_EQ(read("parameters: "), "");
  EXPECT_EQ(read("parameters: $1 = 'a"), "broken");
  EXPECT_EQ(read("parameters: $1 = 'a' $2"), "broken");
  EXPECT_EQ(read("parameters: $1 = 'a', rubbish"), "1=a|broken");
  EXPECT_EQ(prepared_text("prepare: PREPARE a AS SELECT 1"), "PREPARE a AS SELECT 1");
  EXPECT_EQ(prepared_text("Prepare: x"), "x");
  EXPECT_EQ(prepared_text("parameters: x"), "");
}

TEST(StatementLog, TransactionsHaveNumbers) {
  EXPECT_EQ(local_transaction("3/45"), 45U);
  EXPECT_EQ(local_transaction("3/0"), 0U);
  EXPECT_EQ(local_transaction(""), 0U);
}

}  // namespace
}  // namespace lpbm::csvlog
