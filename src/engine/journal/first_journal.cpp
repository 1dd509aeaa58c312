#include "journal/first_journal.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "codec/cid.h"

namespace lpbm::journal {
namespace {

constexpr std::string_view magic = "lpbm-journal ";
constexpr std::string_view suffix = ".sql.enc";
constexpr std::string_view full_suffix = "-full.sql.enc";
constexpr std::string_view delta_suffix = "-delta.sql.enc";
constexpr std::string_view oldest_prefix = "dump_";

[[noreturn]] void refuse(std::size_t line, const std::string& cause) {
  throw Error(
      ErrorKind::permanent, "reading the journal", "line " + std::to_string(line) + ": " + cause,
      "A line of the first LPBM is a CID, a blank and a name such as 2022-04-07T14:56:14.326+02:00-full.sql.enc; "
      "take another copy of the journal, or remove the line where it is none.");
}

std::vector<std::string> words_of(std::string_view line) {
  constexpr const char* blanks = " \t\r";
  std::vector<std::string> words;
  for (std::size_t at = line.find_first_not_of(blanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = line.find_first_not_of(blanks, end);
  }
  return words;
}

// Calls `take(number, words)` for each line that is not blank.
template <typename Take>
void each_line(const std::string& text, Take take) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::vector<std::string> words = words_of(std::string_view(text).substr(at, end - at));
    at = end + 1;
    ++number;
    if (!words.empty()) take(number, words);
  }
}

// "2022-04-07-14-56-14", whose seconds may be missing, as parse_time reads it.
std::string oldest_time(std::string text) {
  constexpr std::size_t date = 10;
  if (text.size() <= date || text[date] != '-') return {};
  text[date] = 'T';
  for (std::size_t i = date; i < text.size(); ++i)
    if (text[i] == '-') text[i] = ':';
  return text + 'Z';
}

std::optional<Micros> time_of_text(const std::string& text) {
  try {
    return parse_time(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

FirstEntry entry_of(std::size_t line, const std::vector<std::string>& words) {
  const bool added = words.size() == 3 && words[0] == "added";
  if (words.size() != 2 && !added) refuse(line, "it is not a CID and a name");
  FirstEntry out;
  out.cid = words[words.size() - 2];
  out.name = words.back();
  if (!codec::is_cid(out.cid)) refuse(line, "\"" + out.cid.substr(0, 80) + "\" is no CID");
  std::optional<Micros> time;
  const std::string_view name = out.name;
  if (name.starts_with(oldest_prefix) && name.ends_with(suffix)) {
    out.kind = Kind::full;
    time = time_of_text(oldest_time(
        std::string(name.substr(oldest_prefix.size(), name.size() - oldest_prefix.size() - suffix.size()))));
  } else if (name.ends_with(full_suffix)) {
    out.kind = Kind::full;
    time = time_of_text(std::string(name.substr(0, name.size() - full_suffix.size())));
  } else if (name.ends_with(delta_suffix)) {
    time = time_of_text(std::string(name.substr(0, name.size() - delta_suffix.size())));
  }
  if (!time) refuse(line, "\"" + out.name.substr(0, 80) + "\" is not a time with -full.sql.enc or -delta.sql.enc");
  out.time = *time;
  return out;
}

}  // namespace

std::string describe(const FirstEntry& entry) {
  return "entry " + std::to_string(entry.number) + " (" + entry.name + ")";
}

bool is_first_journal(const std::string& text) {
  if (text.starts_with(magic)) return false;
  bool found = false;
  each_line(text, [&](std::size_t, const std::vector<std::string>& words) {
    found = found || words.back().ends_with(suffix);
  });
  return found;
}

std::vector<FirstEntry> parse_first_journal(const std::string& text) {
  std::vector<FirstEntry> out;
  each_line(text, [&](std::size_t number, const std::vector<std::string>& words) {
    out.push_back(entry_of(number, words));
    out.back().number = out.size();
  });
  return out;
}

std::vector<FirstEntry> first_plan(const std::vector<FirstEntry>& entries, std::optional<Micros> until,
                                   std::optional<std::uint64_t> entry) {
  constexpr const char* step = "choosing what to restore";
  if (entry && (*entry == 0 || *entry > entries.size()))
    throw Error(ErrorKind::permanent, step, "the journal has no entry " + std::to_string(*entry),
                "lpbm list shows its entries.");
  std::vector<FirstEntry> out;
  for (const FirstEntry& one : entries) {
    if (entry && one.number > *entry) break;
    if (until && one.time > *until) break;
    if (one.kind == Kind::full) out.clear();
    if (one.kind == Kind::full || !out.empty()) out.push_back(one);
  }
  if (out.empty())
    throw Error(ErrorKind::permanent, step, "the journal names no full backup up to there",
                "lpbm list shows its entries.");
  return out;
}

}  // namespace lpbm::journal
