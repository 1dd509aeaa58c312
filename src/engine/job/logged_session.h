// One session of a log of statements: which of its statements make a transaction, and which of these were committed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "csvlog/statement_log.h"
#include "delta/logged_sql.h"
#include "job/logged_transaction.h"
#include "job/statement_order.h"
#include "job/statement_remarks.h"

namespace lpbm::job {

// What one user's sessions showed: whether more than changes is logged of them, so that a COMMIT would be, too.
struct UserTrace {
  bool logs_all = false;
  bool logs_settings = false;                         // also where it is logged by its duration alone
  Places unknown_ends, failed_blocks, bare_sessions;  // the last: where sessions begin to change something
};

struct StatementCounts {
  std::uint64_t read = 0;                          // statements and strings of them in the log
  std::uint64_t failed = 0;                        // errors that undid a transaction or a statement
  std::uint64_t rolled_back = 0;                   // transactions
  std::uint64_t unfinished = 0;                    // transactions whose session ended, or the log, before their COMMIT
  std::uint64_t transactions = 0, statements = 0;  // written
};

class LoggedSession;

// What the sessions of a log share.
struct LoggedSessions {
  SpillFile& file;
  StatementOrder& order;
  std::string client_encoding;          // the command that sets it
  bool users = true;                    // sessions are replayed as their users
  std::vector<std::string> files = {};  // names, by Place::file
  Remarks remarks = {};
  StatementCounts counts = {};
  std::map<std::string, UserTrace, std::less<>> traces = {};
  // PREPARE TRANSACTION, by identifier, as written.
  std::map<std::string, std::shared_ptr<LoggedTransaction>, std::less<>> prepared = {};
  // Sessions whose PREPARE TRANSACTION is not known to have succeeded.
  std::map<std::string, LoggedSession*, std::less<>> preparing = {};
  std::size_t most_in_memory = 1u << 20;  // of an open transaction
  delta::LoggedStatement statement = {};  // the one that is being read

  [[nodiscard]] std::string text_of(Place place) const;
};

class LoggedSession {
 public:
  struct Line {
    std::uint64_t local = 0;
    Place place;
    std::string_view time, detail;
  };
  LoggedSession(LoggedSessions& all, std::string id, std::string user, bool whole);

  void statement(const csvlog::LogEvent& event, const Line& line);
  void finished(std::uint64_t local);  // a duration alone
  // `query`: of the error's line, may be empty; with `syntax` it was not even read.
  void error(const Line& line, std::string_view query, bool syntax);
  void lost(const Line& line, Remark remark);  // a statement that is not in the log
  void other(std::uint64_t local);             // any other line
  enum class End : std::uint8_t { normal, failed, unknown };
  // `failed`: in the transaction `local`; `unknown`: whether the last statement has succeeded is not known.
  void end(End how, std::uint64_t local);

  // Ends a block, or what has failed of it.
  [[nodiscard]] static bool is_end(const delta::LoggedStatement& statement);

 private:
  using Transaction = std::shared_ptr<LoggedTransaction>;
  using Statement = delta::LoggedStatement;

  void start(std::uint64_t local, const Line& line);
  [[nodiscard]] std::uint64_t local_here() const { return string_local_ == 0 ? 0 : string_local_ + ends_in_string_; }
  void resume(const csvlog::LogEvent& event, const Line& line);
  void close_unseen();
  void close(bool committed);
  void keep(const Transaction& transaction);
  void drop(const Transaction& transaction);
  void note_failed_block(const LoggedTransaction& transaction);
  void keep_ended();
  void reopen(const Transaction& transaction, bool same_text);
  void fail(bool same_text);
  bool drop_ended(std::uint64_t local, bool same_text);
  [[nodiscard]] bool is_same_text(std::string_view query) const;
  [[nodiscard]] bool standard_strings() const;

  void apply(Statement& statement, const Line& line);
  void control(Statement& statement, const Line& line);
  void savepoint(const Statement& statement);
  void roll_back_to(const Statement& statement, const Line& line);
  void run(Statement& statement, const Line& line);
  void setting(Statement& statement, const Line& line);
  void remember_change(delta::SettingChange change);
  void cursor(Statement& statement, const Line& line);
  [[nodiscard]] bool is_held(const std::string& cursor) const;
  void execute(Statement& statement, const Line& line);
  bool execute_prepared(std::string_view text, bool standard, Statement& statement, const Line& line);
  void execute_parsed(std::string_view text, Statement& statement, const Line& line);
  void execute_by_name(Statement& prepared, Statement& statement, const Line& line);
  void remember(const Statement& statement);
  void commit_prepared(const Statement& statement, const Line& line);
  void add(std::string_view sql, const Line& line, const Statement& statement);
  void note(Remark remark, const Line& line, std::string_view sql);
  void remark(Remark remark, const Line& line);

  LoggedSessions& all_;
  std::string id_, user_;
  UserTrace& trace_;
  bool whole_;  // it begins in this log
  std::shared_ptr<const delta::Settings> settings_;
  Transaction open_;
  std::vector<Transaction> ended_;  // by the last string, not known to have succeeded
  std::uint64_t strings_ = 0;
  std::uint64_t ends_in_string_ = 0;
  std::uint64_t last_local_ = 0, string_local_ = 0;  // of the session; where the last string began
  bool string_simple_ = false;                       // it was logged before it ran, of the simple protocol
  std::uint64_t begin_ = 0;                          // of the last string's statements in the text of open_
  std::size_t motions_ = 0;                          // and in its motions
  std::string executed_;                             // by the last string's first EXECUTE
  std::size_t text_hash_ = 0, text_size_ = 0;
  bool string_standard_ = true;    // standard_conforming_strings, as the last string was read
  bool standard_changes_ = false;  // perhaps, since its begin
  std::set<std::string> held_;     // cursors WITH HOLD of earlier transactions
  struct Prepared {
    std::string text;  // its literals are explicit
    std::uint64_t string = 0;
  };
  std::map<std::string, Prepared, std::less<>> statements_;  // PREPARE
  std::size_t statements_size_ = 0;
  bool cut_parameter_ = false;
  bool changes_ = false;  // something of it is written
};

}  // namespace lpbm::job
