#include "job/refresh_large_objects.h"

#include "delta/fixed_session.h"
#include "delta/sql_text.h"
#include "job/copy_out.h"

namespace lpbm::job {
namespace {

// A command on a large object takes a lock until its transaction ends.
constexpr int objects_per_transaction = 500;
constexpr int pages_per_transaction = 4096;
constexpr std::size_t block = 64u << 10;

constexpr const char* remove_all =
    "DO 'BEGIN WHILE EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) LOOP PERFORM pg_catalog.lo_unlink(m.oid) "
    "FROM (SELECT oid FROM pg_catalog.pg_largeobject_metadata LIMIT 500) AS m; COMMIT; END LOOP; END';";

// The oid, and the commands that give the object all but its content. Whoever creates it where default privileges are
// set (since 18) gives them, too: they go first. Grants of the owner come before others, as in the list.
constexpr const char* properties =
    "COPY (SELECT m.oid, format('ALTER LARGE OBJECT %s OWNER TO %I;', m.oid, pg_get_userbyid(m.lomowner)) || "
    "coalesce((SELECT string_agg(DISTINCT format(E'\\nREVOKE ALL ON LARGE OBJECT %s FROM %s;', m.oid, CASE a.grantee "
    "WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), '') FROM pg_default_acl d, "
    "aclexplode(d.defaclacl) a WHERE d.defaclobjtype = 'L' AND a.grantee <> m.lomowner), '') || CASE WHEN m.lomacl IS "
    "NULL THEN '' ELSE format(E'\\nREVOKE ALL ON LARGE OBJECT %s FROM %I;', m.oid, "
    "pg_get_userbyid(m.lomowner)) || coalesce((SELECT string_agg(CASE WHEN a.grantor = m.lomowner THEN '' ELSE "
    "format(E'\\nSET LOCAL ROLE %I;', pg_get_userbyid(a.grantor)) END || format(E'\\nGRANT %s ON LARGE OBJECT %s TO "
    "%s%s;', a.privilege_type, m.oid, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) "
    "END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) || CASE WHEN a.grantor = m.lomowner THEN '' "
    "ELSE E'\\nRESET ROLE;' END, '' ORDER BY a.grantor <> m.lomowner, a.n) FROM aclexplode(m.lomacl) WITH ORDINALITY "
    "AS "
    "a(grantor, grantee, privilege_type, is_grantable, n)), '') END || "
    "coalesce(format(E'\\nCOMMENT ON LARGE OBJECT %s IS %L;', m.oid, (SELECT d.description FROM pg_description d WHERE "
    "d.classoid = 'pg_largeobject'::regclass AND d.objoid = m.oid AND d.objsubid = 0 AND d.description IS NOT NULL)), "
    "'') || coalesce((SELECT string_agg(format(E'\\nSECURITY LABEL FOR %I ON LARGE OBJECT %s IS %L;', s.provider, "
    "m.oid, s.label), '') FROM pg_seclabel s WHERE s.classoid = 'pg_largeobject'::regclass AND s.objoid = m.oid), '') "
    "FROM pg_largeobject_metadata m ORDER BY m.oid) TO STDOUT";

// Holes in an object stay holes.
constexpr const char* pages =
    "COPY (SELECT l.loid, l.pageno::bigint * (current_setting('block_size')::bigint / 4), l.data FROM pg_largeobject l "
    "ORDER BY l.loid, l.pageno) TO STDOUT";

class Script {
 public:
  Script(const delta::ScriptHeader& header, Lsn lsn, Micros time, Sink& out)
      : out_(out), begin_("-- lpbm:tx " + lsn.text() + " 0 " + std::to_string(time) + "\nBEGIN;\n") {
    text_ = "-- lpbm delta 1\n-- " + header.manifest + '\n' + delta::fixed_session(header.encoding) + remove_all + '\n';
    begin();
    text_ += "PREPARE s1 AS SELECT pg_catalog.lo_create($1);\nPREPARE s2 AS SELECT pg_catalog.lo_put($1, $2, $3);\n";
  }
  void object(std::string_view oid, std::string_view commands) {
    if (++count_ > objects_per_transaction) next();
    execute("s1", {oid});
    ddl_ += commands;
    ddl_ += '\n';
  }
  void page(std::string_view oid, std::string_view offset, std::string_view data) {
    if (!ddl_.empty() || ++count_ > pages_per_transaction) next();
    execute("s2", {oid, offset, data});
  }
  void finish() {
    commit();
    text_ += "-- lpbm:end " + std::to_string(transactions_) + ' ' + std::to_string(rows_) + '\n';
    out_.write(text_);
  }

 private:
  void begin() {
    text_ += begin_;
    ++transactions_;
    count_ = 0;
  }
  // Fields of COPY's text format.
  void execute(const char* name, std::initializer_list<std::string_view> fields) {
    text_ += std::string("EXECUTE ") + name + '(';
    for (std::string_view field : fields) {
      if (text_.back() != '(') text_ += ',';
      delta::append_literal_of_field(field, text_);
    }
    text_ += ");\n";
    ++rows_;
    if (text_.size() < block) return;
    out_.write(text_);
    text_.clear();
  }
  void commit() {
    if (!ddl_.empty()) {
      ddl_.pop_back();
      text_ += "-- lpbm:ddl t - 0 " + std::to_string(ddl_.size()) + " 0\n\n" + ddl_ + "\n\n";
      ddl_.clear();
    }
    text_ += "COMMIT;\n";
  }
  void next() {
    commit();
    begin();
    ++count_;
  }

  Sink& out_;
  std::string begin_, text_, ddl_;
  int count_ = 0;
  std::uint64_t transactions_ = 0, rows_ = 0;
};

}  // namespace

std::uint64_t write_large_objects(postgres::Connection& connection, const delta::ScriptHeader& header, Lsn lsn,
                                  Micros time, Sink& out) {
  Script script(header, lsn, time, out);
  std::uint64_t objects = 0;
  std::string commands;
  copy_out(connection, properties, "reading large objects", [&](std::string_view line) {
    const std::size_t tab = line.find('\t');
    commands.clear();
    unescape_field(line.substr(tab + 1), commands);
    script.object(line.substr(0, tab), commands);
    ++objects;
  });
  copy_out(connection, pages, "reading large objects", [&](std::string_view line) {
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    script.page(line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1));
  });
  script.finish();
  return objects;
}

}  // namespace lpbm::job
