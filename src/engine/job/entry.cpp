#include "job/entry.h"

#include "base/clock.h"

namespace lpbm::job {

using nlohmann::json;

journal::Entry new_entry(const Settings& settings, journal::Kind kind, const std::string& name,
                         const std::string& stream, Micros started) {
  journal::Entry entry;
  entry.kind = kind;
  entry.name = name;
  entry.stream = stream;
  entry.database = settings.database;
  entry.started = started;
  entry.encoding = settings.encoding;
  entry.server_version = settings.server_version;
  return entry;
}

delta::ScriptHeader script_header(const Settings& settings, const std::string& stream, const std::string& entry,
                                  Lsn from) {
  nlohmann::ordered_json manifest;
  manifest["site"] = settings.site;
  manifest["stream"] = stream;
  manifest["entry"] = entry;
  manifest["from"] = from.text();
  manifest["encoding"] = settings.encoding;
  manifest["server_version"] = settings.server_version;
  return {manifest.dump(), settings.encoding};
}

void add_summary(journal::Entry& entry, const delta::ScriptSummary& summary) {
  entry.transactions += summary.transactions;
  entry.rows += summary.rows;
  entry.first_commit = summary.first_commit;
  entry.last_commit = summary.last_commit;
  entry.ddl += summary.ddl;
  entry.latest_commit = summary.latest_commit;
  for (const delta::StaleMark& mark : summary.stale)
    entry.stale.push_back({mark.lsn, mark.what.kind, mark.what.relation, mark.what.schema, mark.what.name});
  for (const delta::Hole& hole : summary.holes) entry.holes.push_back({hole.lsn, hole.code, hole.detail});
}

journal::Object store_globals(const Site& site, const EntryObjects& objects) {
  ObjectWriter out(objects.store, objects.options("globals"));
  postgres::run_into(site.program("pg_dumpall", {"--globals-only"}, "dumping the globals"), out);
  out.finish();
  return out.object();
}

void store_manifest(const EntryObjects& objects, const std::string& site, journal::Entry& entry, json members) {
  members["version"] = 1;
  members["site"] = site;
  members["stream"] = entry.stream;
  members["server_version"] = entry.server_version;
  members["encoding"] = entry.encoding;
  json list = json::array();
  for (const journal::Object& object : entry.objects)
    list.push_back({{"name", object.name},
                    {"cid", object.cid},
                    {"size", object.size},
                    {"plain_size", object.plain_size},
                    {"sha256", object.sha256},
                    {"codec", object.codec},
                    {"parts", object.parts}});
  members["objects"] = std::move(list);
  const std::string text = members.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
  journal::Object manifest = store_object(objects.store, objects.options("manifest"), text);
  entry.cid = manifest.cid;
  entry.objects.insert(entry.objects.begin(), std::move(manifest));
}

std::string journal_entry(const Site& site, store::Store& store, journal::Entry& entry) {
  for (const journal::Object& object : entry.objects) {
    entry.bytes += object.plain_size;
    entry.stored_bytes += object.size;
    store.confirm(object.cid);
  }
  entry.finished = now();
  journal::JournalFile file = site.journal();
  return file.append(entry, site.signing_key());
}

}  // namespace lpbm::job
