// SQL as it stands in a log, as single statements that psql can run again, and what can be told of each by its text
// alone: what it is, whether it changes something, and what of its effect its text does not hold.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delta/sql_lexer.h"

namespace lpbm::delta {

// Values of $1, $2, ...; NULL has none. Where a position was not given, or its value is not known, there is no entry.
struct SqlParameters {
  struct Value {
    bool given = false, null = false;
    std::string text;
  };
  std::vector<Value> values;
  [[nodiscard]] const Value* find(std::string_view number) const;
};

struct LoggedStatement {
  enum Kind : std::uint8_t {
    begin,
    commit,
    rollback,
    savepoint,
    release,
    rollback_to,
    prepare_transaction,
    commit_prepared,
    rollback_prepared,
    set,         // SET, RESET, SELECT set_config(...); see delta/session_settings.h
    discard,     // DISCARD
    prepare,     // PREPARE name AS ...
    execute,     // EXECUTE name
    deallocate,  // DEALLOCATE
    neutral,     // changes nothing that a dump shows
    supporting,  // changes nothing, but what follows in its transaction may need it: SET CONSTRAINTS
    cursor,      // DECLARE, FETCH, MOVE, CLOSE: likewise
    change,      // INSERT, CREATE, ...
    call,        // DO, CALL
    copy_rows,   // COPY ... FROM: the rows are not in its text
    beyond,      // reaches beyond the database: CREATE DATABASE, ALTER SYSTEM, CREATE SUBSCRIPTION
  };
  Kind kind = neutral;
  std::string_view text;  // in the log, without blanks and comments around it
  std::string_view
      object;            // name of a savepoint, a prepared statement, a cursor; a transaction's identifier, as written
  std::string rendered;  // for psql: parameters filled in, colons guarded
  bool chain = false;    // COMMIT AND CHAIN
  bool runnable = true;  // false: its text breaks off, or holds what psql would take for its own
  bool parameters_missing = false;
  bool volatile_values = false;   // now(), random(), nextval(), ...
  bool calls = false;             // functions whose effects are not in the text
  bool sets_config = false;       // set_config() is called
  bool settings_unknown = false;  // what it sets cannot be told from the log
  bool is_do = false;
  bool temporary = false;                  // makes a temporary table
  bool everyday = false;                   // log_statement = mod would not have it in the log
  bool writes = false;                     // INSERT, UPDATE, DELETE, MERGE or INTO is in it, or nextval() and the like
  bool standard_strings = true;            // how its text is to be read
  std::string_view current_of;             // the cursor of WHERE CURRENT OF
  std::array<std::string_view, 16> words;  // its first tokens, without comments
  std::size_t word_count = 0;
  // As new, but for the memory that it has.
  void reset() {
    rendered.clear();
    text = object = current_of = {};
    kind = neutral;
    runnable = standard_strings = true;
    chain = parameters_missing = volatile_values = calls = is_do = temporary = everyday = writes = false;
    sets_config = settings_unknown = false;
    word_count = 0;
  }
  [[nodiscard]] std::string_view word(std::size_t index) const {
    return index < word_count ? words[index] : std::string_view{};
  }
};

// Whether a word of SQL is this keyword (given in lower case).
bool is_word(std::string_view word, std::string_view keyword);
// A name as PostgreSQL takes it: folded, or without its quotes.
std::string folded(std::string_view name);

// The statements of one string that a client sent, as psql would part them. `sql`, `parameters` must outlive this;
// parameters are filled in only where they are given.
class LoggedSql {
 public:
  LoggedSql(std::string_view sql, bool standard_strings, const SqlParameters* parameters = nullptr)
      : sql_(sql), standard_strings_(standard_strings), lexer_(sql, standard_strings), parameters_(parameters) {}
  bool next(LoggedStatement& statement);

 private:
  struct Scan;
  [[nodiscard]] bool is_nothing(const SqlToken& token) const;
  void token(const SqlToken& token, Scan& scan, LoggedStatement& statement);
  void render(const SqlToken& token, Scan& scan, LoggedStatement& statement);
  void parameter(const SqlToken& token, Scan& scan, LoggedStatement& statement);

  std::string_view sql_;
  bool standard_strings_;
  SqlLexer lexer_;
  const SqlParameters* parameters_;
};

}  // namespace lpbm::delta
