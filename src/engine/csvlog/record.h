// Records (docs/formats.md, Records) as a stream of events. Values are streamed in slices: memory is bounded whatever
// their size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"

namespace lpbm::csvlog {

enum class Identity { key, full, none };

struct Column {
  std::string name;
  std::string key_operator;      // empty: not part of the key; "text": compared as text
  bool identity_always = false;  // GENERATED ALWAYS AS IDENTITY: an UPDATE cannot set it
  bool operator==(const Column&) const = default;
};

struct Relation {
  std::uint32_t id = 0;
  std::string schema, name;
  Identity identity = Identity::none;
  std::vector<Column> columns;
  bool operator==(const Relation&) const = default;
};

struct RecordHead {
  Lsn lsn, prev;
  std::uint64_t xid = 0;
  Micros time = 0;
  std::string origin;
};

enum class RowKind { insert, update, erase };

struct Ddl {
  char kind = 't';
  std::string tag, extension, role;
  std::vector<std::pair<std::string, std::string>> settings;
  std::string text;
};

// What a record changed without saying how: the content is unknown from there on, until it is stored anew.
struct Stale {
  char kind = 't';             // t = a table's rows, l = large objects
  std::uint32_t relation = 0;  // t: the table's oid, which is the relation's id unless the table is being rewritten
  std::string schema, name;    // t
  bool operator==(const Stale&) const = default;
};

// So begins the nonce of an anchor at which a delta with refreshes is cut; that of a full has no such begin.
inline constexpr std::string_view cut_nonce_prefix = "0000000000000000";
inline bool is_cut(std::string_view nonce) {
  return nonce.starts_with(cut_nonce_prefix);
}

// Receives one record after another; names, texts and settings are unescaped, row values are NOT: they come as in the
// record, COPY-escaped, in slices (`\N` and `\u` are reported by the flags instead). Exceptions end the reading.
class RecordHandler {
 public:
  virtual ~RecordHandler() = default;
  virtual void begin(const RecordHead& head) = 0;
  virtual void relation(const Relation& relation) = 0;
  // A row: begin_row, then for each value begin_value .. value* .. , then end_row. `old_given`: the old values come
  // first.
  virtual void begin_row(RowKind kind, std::uint32_t relation, bool old_given, bool large) = 0;
  enum class ValueKind { text, null, unchanged };
  // A row that is at hand as a whole comes in one call, which may be passed on as the calls for its parts (that is what
  // this does unless it is overridden). The text of a value is that of the record, `\N` and `\u` included; all values
  // are parts of one text, with a tab between them.
  struct RowValue {
    ValueKind kind;
    std::string_view text;
  };
  virtual void row(RowKind kind, std::uint32_t relation, bool old_given, const std::vector<RowValue>& values);
  virtual void begin_value(ValueKind kind) = 0;
  virtual void value(std::string_view slice) = 0;
  virtual void end_row() = 0;
  virtual void truncate(bool cascade, bool restart, const std::vector<std::pair<std::string, std::string>>& tables) = 0;
  virtual void ddl(const Ddl& ddl) = 0;
  virtual void rewrite(std::uint32_t relation) = 0;
  virtual void column_value(std::uint32_t relation, const std::string& column, const std::string* value_or_null) = 0;
  virtual void sequence(const std::string& schema, const std::string& name, const std::string& last_value,
                        bool called) = 0;
  virtual void hole(const std::string& code, const std::string& detail) = 0;
  virtual void stale(const Stale& stale) = 0;
  virtual void anchor(const std::string& nonce) = 0;
  virtual void end(std::uint64_t rows) = 0;
  // The record that was begun will not be completed (its run was given up); forget what came of it.
  virtual void abandon() = 0;
};

// Parses payload bytes, in order. reset() before the first frame and at each discontinuity (calls abandon() if inside a
// record). feed() parses `payload`; with `boundary` set it forgets the relations there, and after a reset() starts
// there. Throws Error (permanent) on bytes that no writer of this version makes.
class RecordParser {
 public:
  explicit RecordParser(RecordHandler& handler);
  ~RecordParser();
  void reset();
  void feed(std::string_view payload, const std::size_t* boundary);
  [[nodiscard]] bool inside_record() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lpbm::csvlog
