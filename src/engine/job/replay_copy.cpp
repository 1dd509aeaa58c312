#include "job/replay_copy.h"

#include <algorithm>

#include "base/error.h"

namespace lpbm::job {
namespace {

constexpr std::uint64_t few_rows = 32;
constexpr std::size_t few_bytes = 65536;

char unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
      return '\\';
    default:
      throw Error(ErrorKind::permanent, "reading a COPY block", std::string("unknown escape \\") + c);
  }
}

void unescape(std::string_view field, std::string& out) {
  out.clear();
  while (true) {
    const std::size_t slash = field.find('\\');
    out.append(field.substr(0, slash));
    if (slash == std::string_view::npos) return;
    if (slash + 1 >= field.size())
      throw Error(ErrorKind::permanent, "reading a COPY block", "a value ends in a lone backslash");
    out += unescaped(field[slash + 1]);
    field.remove_prefix(slash + 2);
  }
}

}  // namespace

void split_copy_line(std::string_view line, Pipeline::Values& values) {
  std::size_t count = 0;
  while (true) {
    const std::size_t tab = line.find('\t');
    const std::string_view field = line.substr(0, tab);
    if (values.size() <= count) values.emplace_back();
    if (field == "\\N") {
      values[count].reset();
    } else {
      if (!values[count]) values[count].emplace();
      unescape(field, *values[count]);
    }
    ++count;
    if (tab == std::string_view::npos) break;
    line.remove_prefix(tab + 1);
  }
  values.resize(count);
}

void CopyBlock::begin(const std::string& sql) {
  sql_ = sql;
  while (!sql_.empty() && sql_.back() == ';') sql_.pop_back();
  buffer_.clear();
  rows_ = 0;
  copying_ = false;
}

void CopyBlock::data(std::string_view slice) {
  rows_ += static_cast<std::uint64_t>(std::count(slice.begin(), slice.end(), '\n'));
  if (copying_) {
    put(slice);
    return;
  }
  buffer_.append(slice);
  if (rows_ > few_rows || buffer_.size() > few_bytes) start_copy();
}

void CopyBlock::fail(const PGresult* result) {
  throw postgres::server_error("replaying " + describe(pipeline_.place()) + ": " + sql_, connection_.raw(), result);
}

void CopyBlock::start_copy() {
  pipeline_.leave();
  const postgres::Result result(PQexec(connection_.raw(), sql_.c_str()));
  if (PQresultStatus(result.raw()) != PGRES_COPY_IN) fail(result.raw());
  copying_ = true;
  put(buffer_);
  buffer_.clear();
}

void CopyBlock::put(std::string_view slice) {
  if (PQputCopyData(connection_.raw(), slice.data(), static_cast<int>(slice.size())) != 1) fail(nullptr);
}

const CopyBlock::Insert* CopyBlock::insert_for(std::size_t columns) {
  if (const auto found = inserts_.find(sql_); found != inserts_.end()) return &found->second;
  constexpr std::string_view head = "COPY ", tail = " FROM stdin";
  const std::size_t end = sql_.rfind(tail);
  if (!sql_.starts_with(head) || end == std::string::npos || end + tail.size() != sql_.size()) return nullptr;
  if (sql_[end - 1] != ')') return nullptr;  // no list of columns: what it holds is not said
  std::string text = "INSERT INTO " + sql_.substr(head.size(), end - head.size()) + " OVERRIDING SYSTEM VALUE VALUES (";
  for (std::size_t i = 1; i <= columns; ++i) text += (i > 1 ? ",$" : "$") + std::to_string(i);
  Insert insert{prefix_ + "insert_" + std::to_string(next_name_++), std::make_shared<const std::string>(text + ")")};
  pipeline_.prepare(insert.name, insert.sql);
  return &inserts_.emplace(sql_, std::move(insert)).first->second;
}

void CopyBlock::insert_rows() {
  std::string_view rest = buffer_;
  Pipeline::Values values;
  while (!rest.empty()) {
    const std::size_t newline = rest.find('\n');
    split_copy_line(rest.substr(0, newline), values);
    const Insert* insert = insert_for(values.size());
    if (!insert) {
      start_copy();
      end();
      return;
    }
    pipeline_.execute(insert->name, insert->sql, values, 1);
    rest.remove_prefix(newline + 1);
  }
}

void CopyBlock::end() {
  if (!copying_) {
    if (!buffer_.empty() && buffer_.back() != '\n')
      throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()) + ": " + sql_, "a torn last line");
    insert_rows();
    return;
  }
  copying_ = false;
  PGconn* conn = connection_.raw();
  if (PQputCopyEnd(conn, nullptr) != 1) fail(nullptr);
  std::uint64_t copied = 0;
  while (PGresult* raw = PQgetResult(conn)) {
    const postgres::Result result(raw);
    if (PQresultStatus(raw) != PGRES_COMMAND_OK) fail(raw);
    copied = std::stoull(PQcmdTuples(raw));
  }
  if (copied != rows_)
    throw Error(ErrorKind::permanent, "replaying " + describe(pipeline_.place()) + ": " + sql_,
                "COPY took " + std::to_string(copied) + " rows of " + std::to_string(rows_));
  pipeline_.enter();
}

}  // namespace lpbm::job
