#include "job/journal_choice.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/error.h"

namespace lpbm::job {
namespace {

using journal::Journal;

// The newest states: nothing among `found` is known to continue one of them.
std::vector<StoredJournal> newest_states(std::vector<StoredJournal> found) {
  const auto age = [](const StoredJournal& one) {
    return std::make_tuple(journal::next_number(one.journal), one.journal.header().first);
  };
  std::stable_sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return age(a) > age(b); });
  std::vector<StoredJournal> out;
  for (StoredJournal& one : found)
    if (std::none_of(out.begin(), out.end(), [&](const StoredJournal& later) {
          return journal::continuation(one.journal, later.journal) == journal::Continuation::yes;
        }))
      out.push_back(std::move(one));
  return out;
}

std::string describe(const StoredJournal& one) {
  const auto& entries = one.journal.entries();
  std::string out = one.cid + " (";
  if (entries.empty())
    out += "no entries";
  else
    out += "entries " + std::to_string(entries.front().number) + " to " + std::to_string(entries.back().number) +
           ", the last of " + to_iso(entries.back().finished);
  return out + ", signed by " + one.journal.header().key + ')';
}

[[noreturn]] void refuse(const std::vector<StoredJournal>& left) {
  std::string all;
  for (const StoredJournal& one : left) all += (all.empty() ? "" : "; ") + describe(one);
  const std::string& key = left.front().journal.header().key;
  const bool one_key =
      std::all_of(left.begin(), left.end(), [&](const auto& one) { return one.journal.header().key == key; });
  throw Error(ErrorKind::usage, "looking for the journal in the store",
              "there are " + std::to_string(left.size()) + " journals of " + left.front().journal.header().site +
                  ", and none continues the others: " + all,
              std::string("Two servers have the same lpbm.site, such as a server and a copy of it. Take the journal of "
                          "the one to restore: lpbm get CID --store URL -o journal, and then --journal journal") +
                  (one_key ? "." : ", or its key: --signer KEY."));
}

}  // namespace

Journal choose_journal(std::vector<StoredJournal> found, const Prove& prove, std::vector<std::string>& notes) {
  std::vector<StoredJournal> proven, unproven;
  std::optional<Error> error;
  std::vector<StoredJournal> newest = newest_states(std::move(found));
  if (newest.size() == 1) return std::move(newest.front().journal);
  for (StoredJournal& one : newest) try {
      (prove(one.journal).verified_by.empty() ? unproven : proven).push_back(std::move(one));
    } catch (const Error& failed) {
      if (!error) error.emplace(failed);
      notes.push_back("the journal " + describe(one) + " in the store is left out: " + failed.cause());
    }
  if (!proven.empty())
    for (const StoredJournal& one : unproven)
      notes.push_back("the journal " + describe(one) + " in the store is left out: nothing proves who wrote it");
  std::vector<StoredJournal>& left = proven.empty() ? unproven : proven;
  if (left.empty()) throw Error(*error);
  if (left.size() > 1) refuse(left);
  return std::move(left.front().journal);
}

}  // namespace lpbm::job
