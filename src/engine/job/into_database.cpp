#include "job/into_database.h"

#include <algorithm>

#include "base/encoding.h"
#include "job/keys.h"
#include "job/restore.h"

namespace lpbm::job {
namespace {

using nlohmann::json;

codec::AgeKeys server_keys(const Settings& settings) {
  codec::AgeKeys keys;
  if (!settings.identity_file.empty())
    keys.identities = codec::read_identities(read_secret(settings.data_directory / settings.identity_file));
  // Objects in aes-256-cbc are opened by the passphrase alone.
  if (settings.identity_file.empty() || settings.encryption != "age") keys.passphrase = read_passphrase(settings);
  return keys;
}

// The own journal proves itself by the own key; any other must be proved by its secret, for nobody is there to judge a
// warning.
std::string signer_of(const Site& site, const std::string& text, codec::AgeKeys keys) {
  const std::string own = to_base64(site.signing_key().public_key);
  if (journal::Journal::parse(text).header().key == own) return own;
  std::vector<std::string> doubts;
  (void)open_journal(text, "", keys, doubts);
  if (!doubts.empty())
    throw Error(ErrorKind::permanent, "reading the journal", "nothing proves that it is authentic: " + doubts.front(),
                "Restore with the engine, lpbm restore --signer KEY.");
  return {};
}

// Microseconds, as times are everywhere in requests, or a time as people write it.
std::optional<Micros> until_of(const json& request) {
  const auto found = request.find("until");
  if (found != request.end() && found->is_number_integer()) return found->get<Micros>();
  const auto text = optional_text_member(request, "until");
  return text ? std::optional(parse_time(*text)) : std::nullopt;
}

// The one that was asked for; else, where the journal has it, the one of the session that asks.
std::string database_of(const json& request, const std::string& text) {
  if (const auto wanted = optional_text_member(request, "database")) return *wanted;
  const std::string here = optional_text_member(request, "session_database").value_or("");
  const auto all = journal::databases(journal::Journal::parse(text).entries());
  return all.size() > 1 && std::find(all.begin(), all.end(), here) != all.end() ? here : std::string();
}

json to_json(const RestoreResult& result) {
  json out{{"applied", result.applied},
           {"transactions", result.transactions},
           {"last", result.last.text()},
           {"until", nullptr},
           {"notes", result.notes}};
  if (result.last_commit != 0) out["until"] = to_iso(result.last_commit);
  return out;
}

}  // namespace

RestoreOptions restore_options(const Site& site, std::string journal, Events& events) {
  const Settings& settings = site.settings();
  RestoreOptions options;
  options.store.url = settings.store;
  options.store.directory = settings.directory.string();
  options.store.site = settings.site;
  options.store.part_size = settings.part_size;
  options.journal = std::move(journal);
  options.keys = server_keys(settings);
  options.signer = signer_of(site, options.journal, options.keys);
  options.bindir = settings.bindir;
  options.progress = [&](const std::string& phase, std::uint64_t done, std::optional<std::uint64_t> total,
                         const std::string& unit) { events.progress(phase, done, total, unit); };
  return options;
}

json run_into_database(const Site& site, const json& request, Events& events) {
  const std::string path = optional_text_member(request, "journal").value_or(site.path("journal").string());
  RestoreOptions options = restore_options(site, read_file(path, std::size_t{1} << 30), events);
  options.target = postgres::with_database(site.settings().conninfo, text_member(request, "target"));
  options.until = until_of(request);
  options.database = database_of(request, options.journal);
  return to_json(restore(options));
}

}  // namespace lpbm::job
