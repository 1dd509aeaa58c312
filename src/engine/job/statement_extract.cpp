#include "job/statement_extract.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "csvlog/statement_log.h"
#include "delta/sql_text.h"

namespace lpbm::job {
namespace {

using csvlog::LogColumn;
using csvlog::LogEvent;
using csvlog::LogLine;

constexpr std::size_t block = 512u << 10;

// Few large writes below.
class Buffered final : public Sink {
 public:
  explicit Buffered(Sink& below) : below_(below) {}
  void write(Bytes data) override {
    constexpr std::size_t large = 64u << 10;
    if (data.size() >= large) {
      flush();
      below_.write(data);
      return;
    }
    buffer_.append(data);
    if (buffer_.size() >= block) flush();
  }
  void finish() override { flush(); }

 private:
  void flush() {
    below_.write(buffer_);
    buffer_.clear();
  }
  Sink& below_;
  std::string buffer_;
};

constexpr std::string_view record_prefix = "lpbm1 ";

// Zones of summer time by the names that logs have them by: an hour ahead of the same place's other one.
bool is_summer_time(std::string_view zone) {
  for (std::string_view name : {"EDT", "CDT", "MDT", "PDT", "AKDT", "HDT", "ADT", "NDT", "CEST", "EEST", "WEST", "BST",
                                "IDT", "MSD", "AEDT", "ACDT", "AWDT", "NZDT"})
    if (zone == name) return true;
  return false;
}

// In seconds, to be compared with others of the same log alone: when clocks are set back an hour comes twice.
std::string sortable(std::string_view time) {
  tm parts{};
  const std::string text(time);
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &parts);
  if (!rest) return text;
  const std::size_t blank = time.rfind(' ');
  constexpr std::int64_t hour = 3600, far = 100'000'000'000;
  const std::int64_t seconds = ::timegm(&parts) - (is_summer_time(time.substr(blank + 1)) ? hour : 0);
  return std::to_string(far + seconds) + rest;
}

// The time in the first line of a file; empty where it has none. A log_filename can make names that do not sort.
std::string first_time(const std::filesystem::path& path) {
  std::string out;
  File file = File::open(path, O_RDONLY | O_CLOEXEC);
  csvlog::LogLineReader reader([&](const LogLine& line) {
    if (out.empty()) out = sortable(line.raw(LogColumn::log_time));
  });
  for (std::size_t done = 0; out.empty() && done < csvlog::LogLineReader::default_limit;) {
    const std::size_t count = file.read(reader.space(block), block);
    if (count == 0) break;
    reader.commit(count);
    done += count;
  }
  return out;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// The statements of each database are counted only where they are of several.
[[noreturn]] void throw_several(const std::vector<std::filesystem::path>& files) {
  std::map<std::string, std::uint64_t> databases;
  std::string scratch;
  for (const std::filesystem::path& path : files) {
    File file = File::open(path, O_RDONLY | O_CLOEXEC);
    csvlog::LogLineReader reader([&](const LogLine& line) {
      const auto kind = csvlog::read_event(line, line.raw(LogColumn::message)).kind;
      if (!line.empty(LogColumn::database) && (kind == LogEvent::statement || kind == LogEvent::execute))
        ++databases[std::string(line.value(LogColumn::database, scratch))];
    });
    while (const std::size_t count = file.read(reader.space(block), block)) reader.commit(count);
    reader.finish();
  }
  std::string names;
  for (const auto& [name, count] : databases)
    names += (names.empty() ? "" : ", ") + name + " (" + std::to_string(count) + ")";
  throw Error(ErrorKind::usage, "choosing a database", "the log holds statements of several: " + names,
              "Name one of them by --database.");
}

class Extraction {
 public:
  explicit Extraction(const StatementOptions& options)
      : options_(options),
        database_(options.database),
        file_(options.spool_directory),
        writer_(options.encoding, options.users),
        order_(file_, writer_),
        all_{file_, order_, writer_.client_encoding(), options.users} {}

  // False where it is useless to go on: what was looked for is no log of statements alone, of one database.
  bool read(const std::filesystem::path& path);
  [[nodiscard]] bool holds_records() const { return records_; }
  StatementReport finish(Sink& out);

 private:
  struct Known {
    std::unique_ptr<LoggedSession> session;  // from the first line that names the database on
    std::uint64_t line = 0;                  // the last one's number in the session
    bool whole = false;                      // its first line was there
    bool ended = false;                      // only its last line's number is still of interest
  };
  using Sessions = std::unordered_map<std::string, Known>;

  void line(const LogLine& line);
  bool is_ours(const LogLine& line);
  void begin(Sink& out);
  void check_found() const;
  void server(const LogLine& line);
  bool is_new(Known& known, const LogLine& line);
  Known* known_session(const LogLine& line, bool named);
  void event(LoggedSession& session, const LogLine& line);
  void end_session(const std::string& id, LoggedSession::End how);
  static void end(Known& known, LoggedSession::End how);
  void end_all(LoggedSession::End how);

  const StatementOptions& options_;
  std::string database_;  // empty: not known yet
  bool records_ = false, several_ = false;
  SpillFile file_;
  TransactionWriter writer_;
  StatementOrder order_;
  LoggedSessions all_;
  Sessions sessions_;
  std::unordered_map<std::string, std::string> processes_;  // the session of each process
  std::set<std::string> other_databases_;
  StatementReport report_;
  std::uint64_t foreign_ = 0;
  std::uint32_t file_index_ = 0;
  std::string message_, detail_, name_, query_, user_;
  std::string last_id_;
  Known* last_ = nullptr;
};

void Extraction::begin(Sink& out) {
  out.write("-- What was logged of the statements of database " + delta::one_line(database_) +
            ", in the order of their commits as far as the log shows it.\n"
            "-- This is no backup: lpbm extract has said what is missing or may differ. Run it by psql -v "
            "ON_ERROR_STOP=1.\n");
}

bool Extraction::read(const std::filesystem::path& path) {
  file_index_ = static_cast<std::uint32_t>(all_.files.size());
  std::string name = path.filename().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '\n' || c == '\r'; }, '?');
  all_.files.push_back(name);
  File input = File::open(path, O_RDONLY | O_CLOEXEC);
  csvlog::LogLineReader reader([this](const LogLine& line) { this->line(line); });
  while (const std::size_t count = input.read(reader.space(block), block)) {
    reader.commit(count);
    if (records_ || several_) return false;
  }
  if (!reader.finish()) all_.remarks.add(Remark::unreadable, {file_index_, reader.line_number()});
  const csvlog::LogLineTotals& totals = reader.totals();
  if (totals.unreadable > 0)
    all_.remarks.add(Remark::unreadable, {file_index_, totals.first_unreadable}, totals.unreadable);
  report_.lines += totals.lines;
  return !records_ && !several_;
}

// The session of a line, made known where it was not. A process has one session at a time: another one's end is seen
// by that, too.
Extraction::Known* Extraction::known_session(const LogLine& line, bool named) {
  const std::string_view id = line.raw(LogColumn::session);
  if (last_ && id == last_id_) return last_;
  std::string key(id);
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) {
    if (!named && line.raw(LogColumn::session_line) != "1") return nullptr;
    const std::string process = key.substr(std::min(key.find('.') + 1, key.size()));
    std::string& latest = processes_[process];
    if (!latest.empty() && latest != key) end_session(std::string(latest), LoggedSession::End::normal);
    latest = key;
    last_ = &sessions_[key];
  } else {
    last_ = &found->second;
  }
  last_id_ = std::move(key);
  return last_;
}

// False for a line that has been read before: of a copy of the file.
bool Extraction::is_new(Known& known, const LogLine& line) {
  const std::uint64_t count = number(line.raw(LogColumn::session_line));
  if (known.line == 0) known.whole = count <= 1;
  if (count <= known.line) {
    ++report_.copies;
    return false;
  }
  if (known.line != 0 && count > known.line + 1 && known.session)
    all_.remarks.add(Remark::missing_lines, {file_index_, line.number}, count - known.line - 1);
  known.line = count;
  return true;
}

void Extraction::server(const LogLine& line) {
  if (line.raw(LogColumn::severity) == "LOG") {
    const csvlog::ServerEvent event = csvlog::read_server_event(line.value(LogColumn::message, message_));
    if (event == csvlog::ServerEvent::stopped) end_all(LoggedSession::End::normal);
    if (event == csvlog::ServerEvent::crashed) end_all(LoggedSession::End::unknown);
  }
  // A connection's first lines do not name its database yet.
  if (Known* known = known_session(line, false)) is_new(*known, line);
}

// Whether a line with a database is of the one that is looked for: without a name, the one that has statements.
bool Extraction::is_ours(const LogLine& line) {
  const std::string_view name = line.value(LogColumn::database, name_);
  if (name == database_) return true;
  constexpr std::size_t most_names = 100;
  if (other_databases_.size() < most_names) other_databases_.emplace(name);
  if (!options_.database.empty()) return false;
  const LogEvent event = csvlog::read_event(line, line.raw(LogColumn::message));
  if (event.kind == LogEvent::foreign) ++foreign_;
  if (event.kind != LogEvent::statement && event.kind != LogEvent::execute) return false;
  several_ = !database_.empty();
  if (several_) return false;
  database_ = name;
  return true;
}

void Extraction::line(const LogLine& line) {
  if (records_ || several_) return;
  records_ = options_.stop_at_records && line.raw(LogColumn::message).starts_with(record_prefix);
  if (records_) return;
  if (line.empty(LogColumn::database)) return server(line);
  if (!is_ours(line)) return;
  Known& known = *known_session(line, true);
  if (!is_new(known, line) || known.ended) return;
  if (!known.session) {
    known.session =
        std::make_unique<LoggedSession>(all_, last_id_, std::string(line.value(LogColumn::user, user_)), known.whole);
    ++report_.sessions;
    constexpr std::size_t budget = 16u << 20, least = 8u << 10;
    all_.most_in_memory = std::max(least, budget / std::max<std::size_t>(16, sessions_.size()));
  }
  event(*known.session, line);
}

void Extraction::event(LoggedSession& session, const LogLine& line) {
  const std::string_view message = line.value(LogColumn::message, message_);
  const LogEvent event = csvlog::read_event(line, message);
  LoggedSession::Line place{csvlog::local_transaction(line.raw(LogColumn::virtual_transaction)),
                            {file_index_, line.number},
                            line.raw(LogColumn::log_time),
                            {}};
  switch (event.kind) {
    case LogEvent::statement:
    case LogEvent::execute:
      if (line.cut) return session.lost(place, Remark::too_long);
      place.detail = line.value(LogColumn::detail, detail_);
      return session.statement(event, place);
    case LogEvent::finished:
      return session.finished(place.local);
    case LogEvent::error:
      return session.error(place, line.value(LogColumn::query, query_), line.raw(LogColumn::state) == "42601");
    case LogEvent::end:
      session.end(event.fatal ? LoggedSession::End::failed : LoggedSession::End::normal, place.local);
      // What may still come of it is noise, or a copy.
      last_->session.reset();
      last_->ended = true;
      return;
    case LogEvent::fastpath:
      return session.lost(place, Remark::fastpath);
    case LogEvent::foreign:
      ++foreign_;
      all_.remarks.add(Remark::foreign_language, place.place);
      [[fallthrough]];
    default:
      return session.other(place.local);
  }
}

void Extraction::end_session(const std::string& id, LoggedSession::End how) {
  const auto found = sessions_.find(id);
  if (found != sessions_.end()) end(found->second, how);
}

void Extraction::end(Known& known, LoggedSession::End how) {
  if (known.session) known.session->end(how, 0);
  known.session.reset();
  known.ended = true;
}

void Extraction::end_all(LoggedSession::End how) {
  for (auto& [id, known] : sessions_) end(known, how);
  processes_.clear();
}

void Extraction::check_found() const {
  if (report_.sessions > 0 && (all_.counts.read > 0 || foreign_ == 0)) return;
  const std::string sought = options_.database.empty() ? "" : " of database " + options_.database;
  if (foreign_ > 0)
    throw Error(ErrorKind::permanent, "looking for statements" + sought,
                "there are none, but " + std::to_string(foreign_) +
                    " lines that look like statements in another language than English",
                "Only logs with lc_messages = C, or another English one, can be read.");
  std::string names;
  for (const std::string& name : other_databases_) names += (names.empty() ? "" : ", ") + name;
  if (options_.database.empty())
    throw Error(ErrorKind::permanent, "looking for statements",
                "there are none in " + std::to_string(options_.files.size()) + " files with " +
                    std::to_string(report_.lines) + " csvlog lines",
                "A server logs them with log_statement = mod or all.");
  throw Error(ErrorKind::permanent, "looking for statements" + sought,
              "the log names it nowhere" + (names.empty() ? "" : "; it names " + names),
              "The database is chosen by --database.");
}

StatementReport Extraction::finish(Sink& out) {
  end_all(LoggedSession::End::unknown);
  for (auto& [name, transaction] : all_.prepared) all_.remarks.add(Remark::still_prepared, transaction->first);
  all_.prepared.clear();
  for (const auto& [user, trace] : all_.traces) {
    if (!trace.logs_settings) all_.remarks.add(Remark::bare_sessions, trace.bare_sessions);
    if (trace.logs_all) continue;
    all_.remarks.add(Remark::end_unknown, trace.unknown_ends);
    all_.remarks.add(Remark::failed_blocks, trace.failed_blocks);
  }
  check_found();
  Buffered buffered(out);
  begin(buffered);
  order_.finish(buffered);
  buffered.write("-- End: " + std::to_string(all_.counts.transactions) + " transactions, " +
                 std::to_string(all_.counts.statements) + " statements.\n");
  buffered.finish();
  report_.database = database_;
  report_.files = std::move(all_.files);
  report_.counts = all_.counts;
  report_.remarks = std::move(all_.remarks);
  report_.remarks.sort();
  return std::move(report_);
}

}  // namespace

StatementReport extract_statements(const StatementOptions& options, Sink& out) {
  std::vector<std::pair<std::string, std::filesystem::path>> files;
  for (const std::filesystem::path& path : options.files) files.emplace_back(first_time(path), path);
  std::sort(files.begin(), files.end());
  Extraction extraction(options);
  for (const auto& [time, path] : files) {
    if (extraction.read(path)) continue;
    if (!extraction.holds_records()) throw_several(options.files);
    StatementReport report;
    report.holds_records = true;
    return report;
  }
  return extraction.finish(out);
}

}  // namespace lpbm::job
