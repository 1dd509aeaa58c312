#include "job/extract.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "csvlog/log_files.h"
#include "csvlog/log_reader.h"
#include "csvlog/log_streams.h"
#include "delta/script_writer.h"
#include "job/other_streams.h"
#include "journal/journal.h"

namespace lpbm::job {
namespace {

// In front of the script's writer: notes where the links of the records are broken.
class LinkWatch final : public csvlog::RecordHandler {
 public:
  explicit LinkWatch(delta::ScriptWriter& next) : next_(next) {}
  std::vector<std::string> gaps;
  std::uint64_t incomplete = 0;  // records
  Lsn first_link;

  void begin(const csvlog::RecordHead& head) override {
    if (!any_)
      first_link = head.prev;
    else if (head.prev > last_)
      gaps.push_back("a gap between " + last_.text() + " and " + head.lsn.text() +
                     ": at least one transaction, which ended at " + head.prev.text() + ", is missing");
    any_ = true;
    current_ = head.lsn;
    next_.begin(head);
  }
  void relation(const csvlog::Relation& relation) override { next_.relation(relation); }
  void begin_row(csvlog::RowKind kind, std::uint32_t relation, bool old_given, bool large) override {
    next_.begin_row(kind, relation, old_given, large);
  }
  void begin_value(ValueKind kind) override { next_.begin_value(kind); }
  void value(std::string_view slice) override { next_.value(slice); }
  void end_row() override { next_.end_row(); }
  void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) override {
    next_.truncate(cascade, restart, tables);
  }
  void ddl(const csvlog::Ddl& ddl) override { next_.ddl(ddl); }
  void rewrite(std::uint32_t relation) override { next_.rewrite(relation); }
  void column_value(std::uint32_t relation, const std::string& column, const std::string* value) override {
    next_.column_value(relation, column, value);
  }
  void sequence(const std::string& schema, const std::string& name, const std::string& last, bool called) override {
    next_.sequence(schema, name, last, called);
  }
  void hole(const std::string& code, const std::string& detail) override { next_.hole(code, detail); }
  void stale(const csvlog::Stale& stale) override { next_.stale(stale); }
  void anchor(const std::string& nonce) override { next_.anchor(nonce); }
  void end(std::uint64_t rows) override {
    next_.end(rows);
    last_ = current_;
  }
  void abandon() override {
    ++incomplete;
    next_.abandon();
  }

 private:
  delta::ScriptWriter& next_;
  Lsn last_, current_;
  bool any_ = false;
};

using Names = std::map<std::string, std::string>;  // of databases, by stream

// A damaged journal is a reason to go on without it: this is a rescue.
Names names_in(const std::filesystem::path& directory, ExtractReport& report) {
  Names out;
  if (directory.empty()) return out;
  try {
    if (std::filesystem::exists(directory / "journal")) {
      const journal::Journal journal = journal::JournalFile(directory / "journal").load();
      for (const journal::Entry& entry : journal.entries())
        if (!entry.database.empty()) out[entry.stream] = entry.database;
    }
  } catch (const Error& error) {
    report.lines.emplace_back(error.what());
  }
  for (const OtherStream& stream : streams_in(directory))
    if (!stream.database.empty()) out[stream.stream] = stream.database;
  return out;
}

std::string name_of(const std::string& stream, const Names& names) {
  const auto found = names.find(stream);
  return found == names.end() ? std::string() : found->second;
}

std::string describe(const csvlog::StreamInfo& stream, const Names& names) {
  const std::string name = name_of(stream.stream, names);
  return stream.stream + (name.empty() ? "" : " (database " + name + ")") +
         (stream.first_time ? " from " + to_iso(*stream.first_time, true) : "");
}

[[noreturn]] void refuse(const std::string& cause, const std::vector<csvlog::StreamInfo>& streams, const Names& names) {
  std::string all;
  for (const csvlog::StreamInfo& stream : streams) all += (all.empty() ? "" : ", ") + describe(stream, names);
  throw Error(ErrorKind::usage, "choosing what to extract", cause + ": " + all,
              "Choose one by --database NAME or --stream ID.");
}

std::vector<csvlog::StreamInfo> choose(const ExtractOptions& options, const std::vector<csvlog::StreamInfo>& streams,
                                       const Names& names) {
  std::vector<csvlog::StreamInfo> out;
  std::set<std::string> databases;
  for (const csvlog::StreamInfo& stream : streams) {
    const std::string name = name_of(stream.stream, names);
    if (!options.stream.empty() && stream.stream != options.stream) continue;
    if (!options.database.empty() && !names.empty() && name != options.database) continue;
    out.push_back(stream);
    if (!name.empty()) databases.insert(name);
  }
  if (out.empty() && !streams.empty()) refuse("none of the streams is meant", streams, names);
  if (databases.size() > 1) refuse("the logs hold several databases", streams, names);
  return out;
}

void add_stream(const ExtractOptions& options, const std::vector<std::filesystem::path>& files,
                const csvlog::StreamInfo& stream, const Names& names, Sink& out, ExtractReport& report) {
  const nlohmann::json manifest = {{"stream", stream.stream}, {"encoding", options.encoding}};
  delta::ScriptWriter script({manifest.dump(), options.encoding, options.spool_directory}, out);
  LinkWatch watch(script);
  csvlog::LogOptions log;
  log.files = files;
  log.stream = stream.stream;
  log.key = options.key;
  log.check_links = false;
  csvlog::read_log(log, watch);
  script.finish();
  const delta::ScriptSummary& sum = script.summary();
  const std::string database = name_of(stream.stream, names);
  const std::string name = "stream " + stream.stream + (database.empty() ? "" : " of database " + database) + ": ";
  if (sum.last == Lsn{}) {
    report.lines.push_back(name + "no complete record");
    return;
  }
  report.lines.push_back(name + "begins at " + sum.first.text() +
                         (watch.first_link == Lsn{} ? ", where the stream itself begins"
                                                    : ", after " + watch.first_link.text() + ", which is not here"));
  for (const std::string& gap : watch.gaps) report.lines.push_back(name + gap);
  for (const delta::Hole& hole : sum.holes)
    report.lines.push_back(name + "the transaction at " + hole.lsn.text() + " was not recorded whole (" + hole.code +
                           ": " + hole.detail + ")");
  if (watch.incomplete > 0)
    report.lines.push_back(name + std::to_string(watch.incomplete) + " times a record was begun and not completed");
  report.lines.push_back(name + "ends at " + sum.last.text() +
                         (sum.last_commit != 0 ? ", committed " + to_iso(sum.last_commit) : "") + ", after " +
                         std::to_string(sum.transactions) + " transactions with " + std::to_string(sum.rows) + " rows");
  ++report.streams;
  report.transactions += sum.transactions;
  report.rows += sum.rows;
  report.gaps += watch.gaps.size();
}

}  // namespace

std::vector<std::filesystem::path> log_files(const std::vector<std::filesystem::path>& paths) {
  std::set<std::filesystem::path> files;
  for (const std::filesystem::path& path : paths) {
    if (std::filesystem::is_directory(path)) {
      for (std::filesystem::path& file : csvlog::csv_files(path)) files.insert(std::move(file));
    } else if (std::filesystem::is_regular_file(path)) {
      files.insert(path);
    } else {
      throw Error(ErrorKind::usage, "reading " + path.string(), "there is no such file or directory");
    }
  }
  return {files.begin(), files.end()};
}

std::string read_cluster_key(const std::filesystem::path& path) {
  constexpr std::size_t key_size = 32;
  std::string key = from_hex(read_secret(path));
  if (key.size() != key_size)
    throw Error(ErrorKind::permanent, "reading " + path.string(), "it is no cluster key",
                "It is the file cluster.key in lpbm.directory.");
  return key;
}

ExtractReport extract(const ExtractOptions& options, Sink& out) {
  const std::vector<std::filesystem::path> files = log_files(options.paths);
  const csvlog::StreamList list = csvlog::list_streams(files, options.key);
  ExtractReport report;
  const Names names = names_in(options.directory, report);
  const std::vector<csvlog::StreamInfo> chosen = choose(options, list.streams, names);
  if (chosen.size() > 1 && names.empty())
    report.lines.push_back(std::to_string(chosen.size()) +
                           " streams are here: of one database one after another, or of several, which is not known "
                           "here. --stream chooses one");
  for (const csvlog::StreamInfo& stream : chosen) add_stream(options, files, stream, names, out, report);
  if (list.forged > 0)
    report.lines.push_back(std::to_string(list.forged) + " messages look like records and are not authentic");
  report.lines.insert(report.lines.end(), list.unreadable.begin(), list.unreadable.end());
  if (list.streams.empty())
    throw Error(ErrorKind::permanent, "looking for records",
                "there are none in " + std::to_string(files.size()) + " files with " + std::to_string(list.lines) +
                    " csvlog lines" +
                    (list.forged > 0 ? ", but " + std::to_string(list.forged) + " that are not authentic" : "") +
                    (list.unreadable.empty() ? "" : "; " + list.unreadable.front()),
                "Name the csvlog files (*.csv) of a server that loaded lpbm, and its own cluster.key.");
  return report;
}

}  // namespace lpbm::job
