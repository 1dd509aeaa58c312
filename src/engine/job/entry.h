// Building blocks of entries: globals, manifests, and the journal's fields.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "delta/script_writer.h"
#include "job/site.h"

namespace lpbm::job {

// What every entry of this site and stream carries.
journal::Entry new_entry(const Settings& settings, journal::Kind kind, const std::string& name,
                         const std::string& stream, Micros started);

// The manifest of a script's leading comments: site, stream, entry, from, encoding, server_version.
delta::ScriptHeader script_header(const Settings& settings, const std::string& stream, const std::string& entry,
                                  Lsn from);

// Counts, times and holes of what a script holds.
void add_summary(journal::Entry& entry, const delta::ScriptSummary& summary);

// Runs pg_dumpall --globals-only and stores it as the object "globals".
journal::Object store_globals(const Site& site, const EntryObjects& objects);

// Stores the manifest of an entry of several objects (docs/formats.md, Manifest of a full): `members` with what every
// manifest has and the entry's objects. It becomes the entry's first object and gives its CID.
void store_manifest(const EntryObjects& objects, const std::string& site, journal::Entry& entry,
                    nlohmann::json members);

// Sums of the objects' sizes, confirmation of each, then the line in the journal, which is returned.
std::string journal_entry(const Site& site, store::Store& store, journal::Entry& entry);

}  // namespace lpbm::job
