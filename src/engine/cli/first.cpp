#include "cli/first.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/terminal.h"
#include "job/first_files.h"
#include "job/first_restore.h"
#include "journal/packed.h"
#include "postgres/scratch_server.h"

namespace lpbm::cli {
namespace {

using journal::FirstEntry;
using nlohmann::ordered_json;

const char* kind_name(const FirstEntry& entry) {
  return entry.kind == journal::Kind::full ? "full" : "delta";
}

std::string dump(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

void print(const std::string& text) {
  Output out("", false);
  out.write(text);
  out.finish();
}

void refuse_signer(const Options& options) {
  if (!options.signer.empty())
    throw Error(ErrorKind::permanent, "authenticating the journal", "it is of the first LPBM, which did not sign any",
                "Leave --signer out, and be sure where the journal comes from.");
}

std::string passphrase_of(const Options& options) {
  if (!options.identity.empty())
    throw Error(ErrorKind::usage, "opening the backup", "the first LPBM encrypted with a password",
                "Give it by --passphrase-file in place of --identity.");
  return options.passphrase_file.empty() ? ask_passphrase("Passphrase: ") : read_secret(options.passphrase_file);
}

ordered_json to_json(const FirstEntry& entry) {
  return {{"entry", entry.number},
          {"kind", kind_name(entry)},
          {"cid", entry.cid},
          {"name", entry.name},
          {"time", to_iso(entry.time)}};
}

std::string as_json(const job::FirstRestoreResult& result, double seconds) {
  ordered_json failures = ordered_json::array();
  for (const job::FirstFailure& one : result.failures)
    failures.push_back({{"entry", one.entry.number},
                        {"name", one.entry.name},
                        {"line", one.what.line == 0 ? ordered_json(nullptr) : ordered_json(one.what.line)},
                        {"statement", one.what.statement},
                        {"cause", one.what.cause}});
  return dump({{"applied", result.applied},
               {"statements", result.statements},
               {"last", to_json(result.last)},
               {"failed", result.failed},
               {"failures", std::move(failures)},
               {"seconds", seconds},
               {"notes", result.notes}});
}

std::string as_text(const job::FirstRestoreResult& result, double seconds) {
  std::string out = "restored: " + std::to_string(result.applied) + (result.applied == 1 ? " entry, " : " entries, ") +
                    std::to_string(result.statements) + " statements after the full\n";
  out += "reached: " + describe(result.last) + '\n';
  char text[32];
  ::snprintf(text, sizeof text, "%.1f s", seconds);
  out += std::string("took: ") + text + '\n';
  for (const job::FirstFailure& one : result.failures) {
    out += "failed: " + describe(one.entry);
    if (one.what.line > 0) out += ", line " + std::to_string(one.what.line);
    if (!one.what.statement.empty()) out += ": " + one.what.statement;
    out += ": " + one.what.cause + '\n';
  }
  if (result.failed > result.failures.size())
    out += "failed: " + std::to_string(result.failed - result.failures.size()) + " more\n";
  for (const std::string& line : result.notes) out += "note: " + line + '\n';
  return out;
}

job::FirstRestoreOptions to_job(const Options& options, const std::string& journal, ProgressLine& line) {
  job::FirstRestoreOptions out;
  out.store = store_options(options);
  out.journal = journal;
  out.passphrase = passphrase_of(options);
  out.target = options.target;
  out.bindir = options.bindir;
  if (!options.until.empty()) out.until = parse_time(options.until);
  out.entry = options.entry;
  out.keep_going = options.keep_going;
  out.progress = [&line](const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
                         const std::string& unit) { line.show(phase, done, total, unit); };
  return out;
}

job::FirstRestoreResult check(job::FirstRestoreOptions job) {
  if (job.bindir.empty())
    throw Error(ErrorKind::usage, "checking the backup", "a journal of the first LPBM does not say of which version",
                "Say with --bindir where PostgreSQL's programs are.");
  const postgres::ScratchServer server(job.bindir);
  job.target = server.conninfo("lpbm_check");
  job::FirstRestoreResult result = job::first_restore(job);
  result.notes.emplace_back("restored into a scratch server, which was removed again");
  return result;
}

// What is wrong with the file of an entry; empty: nothing.
std::string problem_of(const job::FirstFiles& files, const FirstEntry& entry) {
  try {
    if (files.has_its_cid(entry) == false)
      return "its file has not the CID that IPFS would give it by default: it was added in another way, or it is "
             "damaged or another file";
    files.read_through(entry);
    return {};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::retryable) throw;
    return error.what();
  }
}

}  // namespace

std::optional<std::string> first_journal(const Options& options) {
  if (options.journal.empty()) return std::nullopt;  // none stores its journal
  std::string text = journal::unpack(read_file(options.journal, std::size_t{1} << 30));
  if (!journal::is_first_journal(text)) return std::nullopt;
  return text;
}

int restore_first(const Options& options, const std::string& journal) {
  refuse_signer(options);
  note("this journal is of the first LPBM: nothing proves who wrote it, nor that its backups are whole");
  const auto start = std::chrono::steady_clock::now();
  job::FirstRestoreResult result;
  {
    ProgressLine line;
    const job::FirstRestoreOptions job = to_job(options, journal, line);
    result = options.check ? check(job) : job::first_restore(job);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print(options.json ? as_json(result, took.count()) : as_text(result, took.count()));
  return result.failed == 0 ? 0 : 1;
}

int list_first(const Options& options, const std::string& journal) {
  refuse_signer(options);
  const std::vector<FirstEntry> entries = journal::parse_first_journal(journal);
  if (options.json) {
    ordered_json list = ordered_json::array();
    for (const FirstEntry& entry : entries) list.push_back(to_json(entry));
    print(dump({{"format", "first LPBM"}, {"entries", std::move(list)}}));
    return 0;
  }
  std::string out = "a journal of the first LPBM, not signed\nentry  kind   time                      CID and name\n";
  for (const FirstEntry& entry : entries)
    out += pad(std::to_string(entry.number), 5, true) + "  " + pad(kind_name(entry), 5, false) + "  " +
           pad(to_iso(entry.time, true), 24, false) + "  " + entry.cid + ' ' + entry.name + '\n';
  print(out);
  return 0;
}

int verify_first(const Options& options, const std::string& journal) {
  refuse_signer(options);
  const std::vector<FirstEntry> entries = journal::parse_first_journal(journal);
  const job::FirstFiles files(store_options(options), "");
  ordered_json json = ordered_json::array();
  std::string text;
  for (const FirstEntry& entry : entries) {
    const std::string problem = problem_of(files, entry);
    if (problem.empty()) continue;
    text += describe(entry) + ": " + problem + '\n';
    json.push_back({{"entry", entry.number}, {"cid", entry.cid}, {"problem", problem}});
  }
  const bool good = json.empty();
  if (good) text = std::to_string(entries.size()) + " entries, no problem\n";
  print(options.json ? dump(json) : text);
  return good ? 0 : 1;
}

}  // namespace lpbm::cli
