#include "delta/script_reader.h"

#include <array>
#include <charconv>
#include <map>

#include "base/error.h"
#include "csvlog/escape.h"
#include "delta/script_lines.h"
#include "delta/sql_text.h"

namespace lpbm::delta {
namespace {

[[noreturn]] void refuse(const std::string& cause) {
  throw Error(ErrorKind::permanent, "reading a delta's script", cause);
}

// The statements that stand on lines of their own, by how they begin.
constexpr std::array<std::string_view, 8> statements = {"SET ",
                                                        "SELECT pg_catalog.setval(",
                                                        "DELETE FROM ONLY ",
                                                        "UPDATE ONLY ",
                                                        "WITH o AS (DELETE FROM ONLY ",
                                                        "CREATE TEMPORARY TABLE pg_temp.lpbm_stage AS ",
                                                        "DROP TABLE pg_temp.lpbm_stage;",
                                                        "DO "};

template <typename Number>
Number number(std::string_view text) {
  Number out{};
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || at != text.data() + text.size()) refuse("a number is malformed");
  return out;
}

// The word up to the next blank, which goes with it.
std::string_view take_word(std::string_view& text) {
  const std::size_t blank = text.find(' ');
  const std::string_view word = text.substr(0, blank);
  text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  return word;
}

bool take(std::string_view& text, std::string_view head) {
  if (!text.starts_with(head)) return false;
  text.remove_prefix(head.size());
  return true;
}

class Reader {
 public:
  Reader(Source& source, ScriptHandler& handler, Lsn after) : lines_(source), handler_(handler), after_(after) {}

  ScriptTotals read() {
    std::string_view text;
    if (!lines_.line(text) || text != "-- lpbm delta 1") refuse("it is no script of a delta that is known here");
    if (!lines_.line(text) || !take(text, "-- ")) refuse("its manifest is missing");
    handler_.manifest(std::string(text));
    while (!ended_ && !stopped_) {
      if (!lines_.line(text)) refuse("it is incomplete: its last line is missing");
      line(text);
    }
    if (!stopped_ && lines_.line(text)) refuse("something follows its last line");
    return totals_;
  }

 private:
  void line(std::string_view text);
  void comment(std::string_view text);
  void transaction(std::string_view text);
  void ddl(std::string_view text);
  void hole(std::string_view text);
  void stale(std::string_view text);
  void proof(std::string_view text);
  void trailer(std::string_view text);
  void rows(std::string_view text);
  void begin();
  void commit();
  void prepare(std::string_view text);
  void execute(std::string_view text);
  void copy(std::string_view text);
  void statement(std::string_view text);

  ScriptLines lines_;
  ScriptHandler& handler_;
  Lsn after_;
  ScriptTotals totals_;
  bool inside_ = false;   // behind a -- lpbm:tx line
  bool open_ = false;     // between BEGIN and COMMIT
  bool skipped_ = false;  // this transaction is
  bool copied_ = false;   // the statement before was a COPY block
  bool ended_ = false, stopped_ = false;
  // Prepared in transactions that were skipped, where what they use may be gone later on: handed on when they are used.
  std::map<std::string, std::string, std::less<>> prepared_;
  std::vector<std::optional<std::string>> values_;
};

void Reader::line(std::string_view text) {
  const bool copied = std::exchange(copied_, false);
  if (take(text, "EXECUTE ")) return execute(text);
  if (take(text, "-- lpbm:")) {
    copied_ = copied;
    return comment(text);
  }
  if (text.starts_with("--")) return;
  if (text.starts_with("COPY ")) return copy(text);
  if (text == "BEGIN;") return begin();
  if (text == "COMMIT;") return commit();
  if (take(text, "PREPARE ")) return prepare(text);
  if (text == "DEALLOCATE ALL;") {
    prepared_.clear();
    if (!skipped_) handler_.deallocate_all();
    return;
  }
  statement(text);
}

void Reader::comment(std::string_view text) {
  if (take(text, "tx ")) return transaction(text);
  if (take(text, "rows ")) return rows(text);
  if (take(text, "ddl ")) return ddl(text);
  if (take(text, "hole ")) return hole(text);
  if (take(text, "stale ")) return stale(text);
  if (take(text, "proof ")) return proof(text);
  if (take(text, "end ")) return trailer(text);
  refuse("a line is of an unknown kind");
}

void Reader::transaction(std::string_view text) {
  if (open_) refuse("a transaction begins inside of another");
  const Lsn lsn = Lsn::parse(take_word(text));
  const auto xid = number<std::uint64_t>(take_word(text));
  const auto time = number<Micros>(text);
  ++totals_.transactions;
  inside_ = true;
  skipped_ = lsn <= after_;
  if (!skipped_ && !handler_.transaction(lsn, xid, time)) stopped_ = true;
}

void Reader::begin() {
  if (!inside_ || open_) refuse("BEGIN stands where none can be");
  open_ = true;
  if (!skipped_) handler_.begin();
}

void Reader::commit() {
  if (!open_) refuse("COMMIT stands where none can be");
  open_ = false;
  if (!skipped_) handler_.commit();
}

void Reader::prepare(std::string_view text) {
  const std::string_view name = take_word(text);
  if (name.empty() || !take(text, "AS ") || !text.ends_with(';')) refuse("a PREPARE is malformed");
  text.remove_suffix(1);
  if (skipped_)
    prepared_.insert_or_assign(std::string(name), std::string(text));
  else
    handler_.prepare(std::string(name), std::string(text));
}

void Reader::execute(std::string_view text) {
  const std::size_t end = text.find_first_of("(;");
  if (end == std::string_view::npos || !open_) refuse("an EXECUTE is malformed");
  ++totals_.rows;
  if (skipped_) return;
  const std::string name(text.substr(0, end));
  text.remove_prefix(end);
  std::size_t count = 0;
  while (text != ");" && text != ";") {
    text.remove_prefix(1);
    if (values_.size() <= count) values_.emplace_back();
    if (take(text, "NULL")) {
      values_[count].reset();
    } else {
      if (!values_[count]) values_[count].emplace();
      if (!take_literal(text, *values_[count])) refuse("a literal is malformed");
    }
    ++count;
    if (!text.starts_with(',') && text != ");") refuse("an EXECUTE is malformed");
  }
  values_.resize(count);
  if (const auto found = prepared_.find(name); found != prepared_.end()) {
    handler_.prepare(name, found->second);
    prepared_.erase(found);
  }
  handler_.execute(name, values_);
}

void Reader::copy(std::string_view text) {
  if (!open_ || !text.ends_with(" FROM stdin;")) refuse("a COPY is malformed");
  const bool staged = text.starts_with("COPY pg_temp.lpbm_stage ");
  const bool skipped = skipped_;
  if (!skipped) handler_.copy_begin(std::string(text));
  const std::uint64_t rows = lines_.copy_block([&](std::string_view slice) {
    if (!skipped) handler_.copy_data(slice);
  });
  if (!staged) totals_.rows += rows;
  if (!skipped) handler_.copy_end();
  copied_ = true;
}

void Reader::rows(std::string_view text) {
  const auto count = number<std::uint64_t>(text);
  if (!open_) refuse("a number of rows stands where none can be");
  if (!std::exchange(copied_, false)) totals_.rows += count;
  if (!skipped_) handler_.expect_rows(count);
}

void Reader::ddl(std::string_view text) {
  const std::string_view kind = take_word(text);
  if ((kind != "t" && kind != "c") || !inside_ || open_ != (kind == "t")) refuse("a DDL command is malformed");
  const char letter = kind.front();
  std::string extension;
  if (!take(text, "- ") && (!take_identifier(text, extension) || !take(text, " ")))
    refuse("a DDL command is malformed");
  std::uint64_t sizes[3];
  for (std::uint64_t& size : sizes) size = number<std::uint64_t>(take_word(text));
  if (!text.empty()) refuse("a DDL command is malformed");
  const std::string settings = lines_.piece(sizes[0]);
  const std::string command = lines_.piece(sizes[1]);
  const std::string resets = lines_.piece(sizes[2]);
  if (!skipped_) handler_.ddl(letter, extension, settings, command, resets);
}

void Reader::hole(std::string_view text) {
  if (!open_) refuse("a hole stands where none can be");
  std::string code, detail;
  if (!csvlog::unescape(take_word(text), code) || !csvlog::unescape(text, detail)) refuse("a hole is malformed");
  if (!skipped_) handler_.hole(code, detail);
  std::string_view next;
  if (!lines_.line(next) || next != "ROLLBACK;" || !lines_.line(next) || !next.starts_with("DO "))
    refuse("a hole is malformed");
  open_ = false;
  inside_ = false;
}

void Reader::stale(std::string_view text) {
  const std::string_view kind = take_word(text);
  if ((kind != "t" && kind != "l") || !inside_) refuse("a mark of what is not known is malformed");
  const auto relation = number<std::uint32_t>(take_word(text));
  if (!skipped_) handler_.stale(kind.front(), relation, std::string(text));
}

void Reader::proof(std::string_view text) {
  if (open_) refuse("the proof of a table stands inside of a transaction");
  const Proof proof = parse_proof(text);
  // Where the last transaction is skipped, more is applied than the proof tells of.
  if (!skipped_) handler_.proof(proof);
}

void Reader::trailer(std::string_view text) {
  if (open_) refuse("it ends inside of a transaction");
  const auto transactions = number<std::uint64_t>(take_word(text));
  const auto rows = number<std::uint64_t>(text);
  if (transactions != totals_.transactions || rows != totals_.rows)
    refuse("it holds " + std::to_string(totals_.transactions) + " transactions and " + std::to_string(totals_.rows) +
           " rows, and says " + std::to_string(transactions) + " and " + std::to_string(rows));
  ended_ = true;
}

void Reader::statement(std::string_view text) {
  bool known = text.ends_with(';');
  if (known) {
    known = false;
    for (std::string_view head : statements) known = known || text.starts_with(head);
  }
  if (!known || (inside_ && !open_)) refuse("a line is of an unknown kind");
  if (!skipped_) handler_.statement(std::string(text));
}

}  // namespace

ScriptTotals read_script(Source& source, ScriptHandler& handler, Lsn after) {
  return Reader(source, handler, after).read();
}

}  // namespace lpbm::delta
