#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "cli/first.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "job/verify.h"

namespace lpbm::cli {
namespace {

using nlohmann::ordered_json;

void print(const std::string& text) {
  Output out("", false);
  out.write(text);
  out.finish();
}

std::string dump(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

const char* kind_name(const journal::Entry& entry) {
  return entry.kind == journal::Kind::full ? "full" : "delta";
}

ordered_json time_or_null(Micros time) {
  return time == 0 ? ordered_json(nullptr) : ordered_json(to_iso(time));
}

ordered_json to_json(const journal::Entry& entry) {
  ordered_json out{{"entry", entry.number},
                   {"kind", kind_name(entry)},
                   {"cid", entry.cid},
                   {"name", entry.name},
                   {"stream", entry.stream},
                   {"database", entry.database.empty() ? ordered_json(nullptr) : ordered_json(entry.database)},
                   {"started", time_or_null(entry.started)},
                   {"finished", time_or_null(entry.finished)},
                   {"from", entry.from.text()},
                   {"to", entry.to.text()},
                   {"first_commit", time_or_null(entry.first_commit)},
                   {"last_commit", time_or_null(entry.last_commit)},
                   {"transactions", entry.transactions},
                   {"rows", entry.rows},
                   {"bytes", entry.bytes},
                   {"stored_bytes", entry.stored_bytes},
                   {"reason", entry.reason},
                   {"holes", entry.holes.size()}};
  ordered_json objects = ordered_json::array();
  for (const journal::Object& object : entry.objects)
    objects.push_back({{"name", object.name}, {"cid", object.cid}, {"size", object.size}});
  out["objects"] = std::move(objects);
  return out;
}

std::string as_json(const journal::Journal& journal) {
  const journal::Header& header = journal.header();
  ordered_json out{{"site", header.site},
                   {"system", header.system},
                   {"key", header.key},
                   {"created", time_or_null(header.created)},
                   {"recipients", header.recipients}};
  out["entries"] = ordered_json::array();
  for (const journal::Entry& entry : journal.entries()) out["entries"].push_back(to_json(entry));
  return dump(out);
}

std::string as_table(const journal::Journal& journal) {
  const journal::Header& header = journal.header();
  std::vector<std::vector<std::string>> rows{
      {"entry", "kind", "finished", "to", "commits", "rows", "bytes", "stored", "reason"}};
  for (const journal::Entry& entry : journal.entries())
    rows.push_back({std::to_string(entry.number), kind_name(entry), to_iso(entry.finished, true), entry.to.text(),
                    std::to_string(entry.transactions), std::to_string(entry.rows), human_size(entry.bytes),
                    human_size(entry.stored_bytes), entry.reason});
  // Behind the numbers, so that these stand where they do without it.
  if (journal::databases(journal.entries()).size() > 1) {
    rows.front().insert(rows.front().begin() + 8, "database");
    for (std::size_t i = 1; i < rows.size(); ++i)
      rows[i].insert(rows[i].begin() + 8, journal.entries()[i - 1].database);
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out = "site " + header.site + ", key " + header.key + '\n';
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool number = i == 0 || (i >= 4 && i <= 7);
      line += (i ? "  " : "") + pad(row[i], widths[i], number);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

int list(const Options& options) {
  if (const auto first = first_journal(options)) return list_first(options, *first);
  const journal::Journal journal = load_journal(options);
  // Without a secret nobody can prove more than the signer's key does, and a list is no reason to ask for one.
  if (!options.signer.empty()) (void)journal.authenticate(options.signer, "");
  print(options.json ? as_json(journal) : as_table(journal));
  return 0;
}

std::string database_of(const journal::Journal& journal, std::uint64_t number) {
  return journal.entries().at(number - journal.header().first).database;
}

int verify(const Options& options) {
  if (const auto first = first_journal(options)) return verify_first(options, *first);
  Secrets secrets(options);
  const bool given = secrets.are_given();
  const journal::Journal journal = load_journal(options, given ? &secrets : nullptr);
  authenticate(journal, options, given ? secrets.keys(&journal.header()) : codec::AgeKeys{});
  const std::unique_ptr<store::Store> store = open_store(options);
  std::vector<job::Problem> problems = job::verify_links(journal);
  {
    ProgressLine line;
    const auto found = job::verify_entries(journal, *store, [&](std::uint64_t done, std::uint64_t total) {
      line.show("verifying", done, total, "objects");
    });
    problems.insert(problems.end(), found.begin(), found.end());
  }
  const bool several = journal::databases(journal.entries()).size() > 1;
  ordered_json json = ordered_json::array();
  std::string text;
  for (const job::Problem& problem : problems) {
    std::string number = problem.entry ? std::to_string(*problem.entry) : "?";
    if (several && problem.entry) number += " of " + database_of(journal, *problem.entry);
    text += "entry " + number + " (" + problem.cid + "): " + problem.problem + '\n';
    json.push_back({{"entry", problem.entry ? ordered_json(*problem.entry) : ordered_json(nullptr)},
                    {"cid", problem.cid},
                    {"problem", problem.problem}});
  }
  if (!problems.empty())
    note("verifying the store: " + std::to_string(problems.size()) + (problems.size() == 1 ? " problem" : " problems"));
  if (problems.empty()) text = std::to_string(journal.entries().size()) + " entries, no problem\n";
  print(options.json ? dump(json) : text);
  return problems.empty() ? 0 : 1;
}

}  // namespace

void add_journal_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* one =
      add_command(app, "list", "List the entries of a journal",
                  "Oldest first. The journal's form, links and signatures are checked; no secret is needed.");
  add_journal_options(*one, options);
  add_json_option(*one, options);
  one->callback([&] { chosen = [&] { return list(options); }; });

  CLI::App* two = add_command(
      app, "verify", "Check that the store holds all that a journal names",
      "Every object is read and compared with its CID and SHA-256, and the stream is searched for gaps. No secret is "
      "needed; with one, the journal's header is checked too. Exit code 1 when there is a problem.");
  add_journal_options(*two, options, true);
  add_store_options(*two, options);
  add_secret_options(*two, options);
  add_json_option(*two, options);
  two->callback([&] { chosen = [&] { return verify(options); }; });
}

}  // namespace lpbm::cli
