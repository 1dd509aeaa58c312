// What a statement does, by its words.
#pragma once

#include <cstdint>
#include <string_view>

#include "delta/logged_sql.h"

namespace lpbm::delta {

// Watches the tokens of a statement, comments left out, for calls of functions and for words that change data.
class SqlContext {
 public:
  void take(SqlToken::Kind kind, std::string_view text, LoggedStatement& statement);
  [[nodiscard]] bool writes() const { return writes_; }  // INSERT, UPDATE, DELETE, MERGE, INTO somewhere in it
  [[nodiscard]] bool calls() const { return calls_; }    // a function that is not known to be harmless
  [[nodiscard]] bool sets_config() const { return sets_config_; }
  [[nodiscard]] bool query() const { return query_; }  // AS SELECT somewhere in it

 private:
  struct Seen {
    SqlToken::Kind kind = SqlToken::end;
    std::string_view text;
  };
  void word(std::string_view text, LoggedStatement& statement);
  void call(LoggedStatement& statement);
  [[nodiscard]] const Seen& before(std::size_t back) const { return ring_[(taken_ - 1 - back) % ring_.size()]; }

  std::array<Seen, 4> ring_ = {};  // the latest tokens
  std::size_t taken_ = 0;
  bool writes_ = false, calls_ = false, query_ = false, sets_config_ = false;
  bool cursor_next_ = false;  // behind CURRENT OF
};

// Fills in kind, object and what depends on them.
void classify(LoggedStatement& statement, const SqlContext& context);

}  // namespace lpbm::delta
