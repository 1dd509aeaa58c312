// The journal: what is stored where, linked and signed (docs/formats.md, Journal).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "codec/crypto.h"

namespace lpbm::journal {

struct Object {
  std::string name, cid, sha256, codec;
  std::uint64_t size = 0, plain_size = 0;
  std::uint32_t parts = 1;
};

struct Hole {
  Lsn lsn;
  std::string code, detail;
};

// The content of a table (kind t, by its oid) or of all large objects (l, 0) is not in the stream from this record on,
// until a refresh. Names are for people.
struct Stale {
  Lsn lsn;
  char kind = 't';
  std::uint32_t relation = 0;
  std::string schema, name;
};

// The content of something as it was at the end of the entry, in an object of the entry; no object: it was gone.
struct Refresh {
  char kind = 't';  // as above; u = an unlogged table
  std::uint32_t relation = 0;
  std::string schema, name;
  std::string object;  // its name in the entry
  std::uint64_t rows = 0, bytes = 0;
  std::string reason;  // a code
};

// A table, by its oid, whose proof is in the script (delta/proof.h).
struct Proven {
  std::uint32_t relation = 0;
  std::uint32_t slice = 0;  // 0: of all rows; else the number of the slice in one pass over the table, from 1
  bool operator==(const Proven&) const = default;
};

enum class Kind { full, delta };

struct Entry {
  std::uint64_t number = 0;
  Kind kind = Kind::delta;
  std::string cid, name, stream;
  std::string database;  // its name in UTF-8; empty: not known, the journal is of one alone
  Lsn from, to;          // delta: records above `from` up to `to`. full: to = anchor
  Lsn anchor;            // full
  std::string snapshot;  // full: pg_current_snapshot's text
  Micros started = 0, finished = 0;
  Micros first_commit = 0, last_commit = 0;
  std::uint64_t transactions = 0, rows = 0, bytes = 0, stored_bytes = 0;
  std::string reason;  // why a full was taken; empty for a delta
  std::vector<Hole> holes;
  std::uint64_t ddl = 0;           // commands
  Micros latest_commit = 0;        // 0: that is last_commit. Commit times need not grow
  std::vector<Stale> stale;        // also what was so at the begin and is not refreshed here
  std::vector<Refresh> refreshes;  // to be applied behind the script
  std::vector<Proven> proven;
  std::string encoding;
  int server_version = 0;  // PG_VERSION_NUM
  std::vector<Object> objects;
};

struct Header {
  std::string site, system, key;  // key: base64 of the public key
  Micros created = 0;
  std::vector<std::string> recipients;
  std::string identity;  // armored age file, or empty
  std::string mac;       // hex, or empty
  std::uint64_t first = 1;
};

// How far a journal proves itself. `verified_by`: "signer" (a key given by the user), "passphrase" (the header's mac),
// or
// "" (only consistent in itself: restore warns).
struct Trust {
  std::string verified_by;
};

// An immutable, parsed journal.
class Journal {
 public:
  // Parses and checks everything that stands in the text: form, links, numbering, signatures (that of the header and of
  // the last line, which holds the hash of the one before, and so on to the first). A torn last line (without newline,
  // and not complete either) is cut and reported by torn(). Anything else wrong throws Error (permanent) that names the
  // line. Entries whose lines name no database get one as name_databases says.
  static Journal parse(const std::string& text);

  [[nodiscard]] const Header& header() const;
  [[nodiscard]] const std::vector<Entry>& entries() const;
  [[nodiscard]] const std::string& text() const;  // as it was parsed, without a torn line
  [[nodiscard]] bool torn() const;
  // Checks the header's public key against `signer` (base64; empty: none) and its mac against the identity's secret
  // (empty: none). Throws Error (permanent) on a mismatch.
  [[nodiscard]] Trust authenticate(const std::string& signer, const std::string& identity_secret) const;

 private:
  Header header_;
  std::vector<Entry> entries_;
  std::string text_;
  bool torn_ = false;
};

// Whether `later` goes on where `earlier` ends, so that nothing stands in `earlier` that is not, or was not before
// retention, in `later` too; the same journal continues itself. `unknown`: retention has taken away the lines of
// `later` that would show it.
enum class Continuation { no, unknown, yes };
Continuation continuation(const Journal& earlier, const Journal& later);
// The number of the entry that is appended next.
std::uint64_t next_number(const Journal& journal);

// The header's mac (hex) under a key derived from the identity's secret.
std::string header_mac(const Header& header, const std::string& identity_secret);

// The journal file of a server. Every change takes an exclusive lock on "<path>.lock", so two engines may append in
// turn.
class JournalFile {
 public:
  explicit JournalFile(std::filesystem::path path);
  // Writes a new journal with this header; the file must not exist.
  void create(const Header& header, const codec::SigningKey& key);
  [[nodiscard]] bool exists() const;
  [[nodiscard]] Journal load() const;
  // Gives the entry the next number, links, signs, appends and fsyncs; returns the line (without newline) and sets
  // entry.number. A torn last line is cut first. Reads header and last line alone, so its cost does not grow; where it
  // throws, the entry is not in the file (unless even cutting it off again failed: load() says).
  std::string append(Entry& entry, const codec::SigningKey& key);
  // Drops all entries below `first`, rewriting the file whole.
  void drop_before(std::uint64_t first, const codec::SigningKey& key);
  // Header and last entry, both proved by their signatures; the lines between are not read.
  struct Ends {
    Header header;
    std::optional<Entry> last;
  };
  [[nodiscard]] Ends ends() const;
  // Writes `text`, a whole journal, where the file is missing or is an earlier state of it; true if it did. False when
  // the file is as long already. Throws Error (permanent) when the text is not sound, of another site, or another
  // continuation, and when the file is damaged: whoever wants it replaced moves it away.
  bool restore(const std::string& text);

 private:
  std::filesystem::path path_;
};

// The databases of a journal, in the order of their first entries.
std::vector<std::string> databases(const std::vector<Entry>& entries);
// Lines of a server that backed up one database name none. Each such entry gets the name that its stream has elsewhere,
// else that of the database whose stream went on from such entries, else that of the first entry with a name.
void name_databases(std::vector<Entry>& entries);

// A database that is backed up, and the stream that it has now.
struct LiveStream {
  std::string database, stream;
};
// Retention: the number of the first entry to keep, so that of each live database the newest `fulls` fulls (at least
// one) remain, each with the deltas of its stream that end behind its anchor, some of which were journalled before it,
// and of a stream that has no full yet all; or nothing when nothing is to be dropped. More is kept where an entry that
// is needed stands before one that is not; what is of no live database stays as long as such entries do.
std::optional<std::uint64_t> first_to_keep(const std::vector<Entry>& entries, int fulls,
                                           const std::vector<LiveStream>& live);

// What a restore applies: a full with its bridge and then deltas in order, of one stream, without a gap. The first
// delta may begin before the full's anchor and a later one before the end of the one before: transactions that are not
// above what was reached are left out by their LSN.
struct Plan {
  Entry full;
  std::vector<Entry> deltas;
  std::optional<Hole> stops_at;  // a hole before which the restore ends, in the last of the deltas
  std::string note;              // what the plan cannot reach and why, for people; may be empty
};
// The time that a full shows: its last_commit (the latest of its snapshot's time and the commits of its bridge), but
// not before it was started.
Micros time_of(const Entry& full);
// - Neither: the newest full and its stream to the end.
// - `until`: the newest full whose time is not later, and its stream up to the first delta that begins later.
// - `entry`, a full: it alone. A delta: the newest full of its stream from which it can be reached without gap or hole,
//   and the stream up to and with this entry.
// All of it is of one database: `database`, or where that is empty the one of `entry`, or the only one of the journal.
// Throws Error: permanent when no full fits, usage when the journal has several databases and none is chosen, or has
// not the one that is.
Plan make_plan(const Journal& journal, std::optional<Micros> until, std::optional<std::uint64_t> entry,
               const std::string& database = {});
// Of the proofs that the plan's deltas carry those to be checked, as entry and oid: the last one of each table
// and of each of its slices. Where the plan may end inside of its last delta (`until`, a hole), also the last one
// before it.
std::set<std::pair<std::uint64_t, std::uint32_t>> proofs_to_check(const Plan& plan, bool until);

}  // namespace lpbm::journal
