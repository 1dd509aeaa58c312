#include "job/restore.h"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/error.h"
#include "job/database_properties.h"
#include "job/object.h"
#include "job/restore_full.h"
#include "job/restore_target.h"
#include "postgres/child.h"
#include "unit/job/script_source.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using test::ddl;
using test::error_of;
using test::Script;

TEST(DumpListTest, LosesTheExtensionAndWhatBelongsToIt) {
  const std::string kept =
      ";\n; Archive created at 2026\n3; 3079 16385 EXTENSION - hstore \n5; 1259 16400 TABLE public lpbm_like owner\n"
      "6; 0 16400 TABLE DATA public lpbm_like owner\n7; 0 16401 TABLE DATA public orders lpbm_app\n"
      "8; 0 0 ACL public FUNCTION lpbm_deltas() owner\n";
  EXPECT_EQ(list_without_lpbm(kept + "2; 3079 16390 EXTENSION - lpbm \n3420; 0 0 COMMENT - EXTENSION lpbm \n"
                                     "3421; 0 0 ACL public FUNCTION lpbm_delta(wait boolean) postgres\n"),
            kept);
}

TEST(DumpListTest, KeepsWhatAUserNamedLikeIt) {
  const std::string kept =
      "7; 1259 16400 TABLE public a EXTENSION - lpbm b owner\n8; 0 0 COMMENT public TABLE x - EXTENSION lpbm y owner\n"
      "9; 0 0 ACL public TABLE a FUNCTION lpbm_pause() owner\n10; 0 0 ACL public TABLE lpbm_status x owner\n"
      "11; 1259 16401 VIEW mine lpbm_status owner\n12; 0 0 ACL mine TABLE lpbm_status owner\n"
      "13; 1255 16402 FUNCTION public lpbm_delta(note text) owner\n"
      "14; 0 0 ACL public FUNCTION lpbm_delta(note text) owner\n15; 0 0 COMMENT - EXTENSION lpbm_like \n"
      "16; 2615 16403 SCHEMA - lpbm owner\n17; 0 0 ACL - SCHEMA lpbm owner\n"
      "18; 0 0 ACL public PROCEDURE lpbm_pause() owner\n19; 3079 16404 EXTENSION - lpbm b \n";
  EXPECT_EQ(list_without_lpbm(kept + "20; 0 0 ACL public TABLE lpbm_status postgres\n"
                                     "21; 0 0 ACL public COLUMN lpbm_entries.cid postgres\n"),
            kept);
}

// A backup made by hand: a full of the database `shop` and deltas of scripts, in a store and a journal of their own.
class RestoreTest : public test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    std::string path = (std::filesystem::temp_directory_path() / "lpbm-restore-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    postgres::Connection server(conninfo());
    for (const char* sql :
         {"DROP DATABASE IF EXISTS shop", "DROP DATABASE IF EXISTS back", "DROP ROLE IF EXISTS clerk"})
      server.exec(sql);
    server.exec("CREATE ROLE clerk LOGIN");
    server.exec("CREATE DATABASE shop OWNER clerk CONNECTION LIMIT 50");
    server.exec("COMMENT ON DATABASE shop IS 'ours'");
    shop_ = std::make_unique<postgres::Connection>(conninfo("shop"));
    shop_->exec(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'one'), (2, 'two');"
        "ALTER TABLE t OWNER TO clerk; CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t;"
        "CREATE MATERIALIZED VIEW mm AS SELECT n + 1 AS n FROM m; SELECT lo_from_bytea(4711, 'x')");
    identity_ = codec::generate_identity();
    key_ = codec::generate_signing_key();
    store_ = store::open(store_options());
    file_ = std::make_unique<journal::JournalFile>(directory_ / "journal");
    journal::Header header;
    header.site = "site";
    header.system = "1";
    header.key = to_base64(key_.public_key);
    header.created = now();
    header.recipients = {identity_.recipient};
    header.mac = journal::header_mac(header, identity_.secret);
    header.identity = codec::age_wrap(identity_.secret, "open sesame", 10);
    file_->create(header, key_);
  }
  void TearDown() override {
    shop_.reset();
    std::filesystem::remove_all(directory_);
  }
  store::Options store_options() {
    store::Options options;
    options.url = "file:store";
    options.directory = directory_.string();
    options.site = "site";
    return options;
  }
  journal::Object put(const std::string& name, const std::string& content) {
    ObjectOptions options{name, "lpbm/site/entry/" + name, 1, {identity_.recipient}, false};
    const journal::Object object = store_object(*store_, options, content);
    store_->confirm(object.cid);
    return object;
  }
  journal::Entry entry(journal::Kind kind, Lsn from, Lsn to) {
    journal::Entry out;
    out.kind = kind;
    out.stream = "0123456789abcdef";
    out.from = from;
    out.to = to;
    out.started = out.finished = now();
    out.encoding = "UTF8";
    out.server_version = shop_->server_version();
    out.name = to_iso(now()) + (kind == journal::Kind::full ? "-full" : "-delta");
    return out;
  }
  std::string program(const char* name, std::vector<std::string> arguments) {
    postgres::Command command;
    command.program = (test::bindir() / name).string();
    command.arguments = std::move(arguments);
    command.what = name;
    return postgres::run_text(command);
  }
  void add_full(const std::string& globals, const std::string& bridge = {}) {
    journal::Entry full = entry(journal::Kind::full, Lsn{0}, Lsn{0x100});
    full.anchor = Lsn{0x100};
    full.snapshot = "10:10:";
    full.started = full.finished = 1000000;
    const nlohmann::json manifest = {{"version", 1}, {"database", collect_database_properties(*shop_)}};
    full.objects = {put("manifest", manifest.dump()), put("dump", program("pg_dump", {"-Fc", "-Z0", conninfo("shop")})),
                    put("globals", globals)};
    if (!bridge.empty()) full.objects.push_back(put("bridge", bridge));
    full.cid = full.objects[0].cid;
    file_->append(full, key_);
  }
  void add_delta(unsigned from, unsigned to, const Script& script, const std::string& globals = {}) {
    journal::Entry delta = entry(journal::Kind::delta, Lsn{from}, Lsn{to});
    delta.objects = {put("script", script.text())};
    if (!globals.empty()) {
      delta.objects.push_back(put("globals", globals));
      const nlohmann::json manifest = {{"version", 1}, {"database", collect_database_properties(*shop_)}};
      delta.objects.push_back(put("manifest", manifest.dump()));
    }
    delta.cid = delta.objects[0].cid;
    delta.transactions = to - from;
    delta.first_commit = (from + 1) * 1000000LL;
    delta.last_commit = to * 1000000LL;
    file_->append(delta, key_);
  }
  RestoreOptions options() {
    RestoreOptions out;
    out.store = store_options();
    out.journal = file_->load().text();
    out.keys.passphrase = "open sesame";
    out.target = conninfo("back");
    out.bindir = test::bindir();
    return out;
  }
  std::string back(const std::string& query) {
    postgres::Connection connection(conninfo("back"));
    return rows(connection, query);
  }
  Script changes() {
    return Script()
        .tx(0x101,
            "PREPARE s1 AS UPDATE ONLY \"public\".\"t\" SET \"v\" = $1 WHERE \"id\" = $2;\nEXECUTE "
            "s1('changed','1');\n")
        .tx(0x102, "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n3\tthree\n\\.\n-- lpbm:rows 1\n");
  }
  static constexpr const char* globals_ = "CREATE ROLE postgres; CREATE ROLE clerk; ALTER ROLE clerk WITH LOGIN;\n";
  static constexpr const char* state_ =
      "SELECT shobj_description(oid, 'pg_database'), datconnlimit, datdba::regrole FROM pg_database WHERE datname = "
      "'back'";

  std::filesystem::path directory_;
  codec::AgeIdentity identity_;
  codec::SigningKey key_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<journal::JournalFile> file_;
  std::unique_ptr<postgres::Connection> shop_;
};

TEST_F(RestoreTest, BringsBackTheFullAndItsDeltas) {
  add_full(globals_);
  add_delta(0x100, 0x102, changes());
  const RestoreResult result = restore(options());
  EXPECT_EQ(result.applied, 2U);
  EXPECT_EQ(result.transactions, 2U);
  EXPECT_EQ(result.last.value, 0x102U);
  EXPECT_EQ(back("SELECT id, v FROM t ORDER BY id"), "1|changed\n2|two\n3|three");
  EXPECT_EQ(back("SELECT m.n, mm.n FROM m, mm"), "3|4") << "views are refreshed, the one that reads the other last";
  EXPECT_EQ(back("SELECT relowner::regrole FROM pg_class WHERE relname = 't'"), "clerk");
  EXPECT_EQ(back("SELECT convert_from(lo_get(4711), 'UTF8')"), "x");
  EXPECT_EQ(back(state_), "ours|50|clerk");
}

TEST_F(RestoreTest, FollowsRolesAndPropertiesAsTheStreamDid) {
  shop_->exec("RESET ROLE");
  add_full(
      globals_,
      Script().tx(0x90, "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n9\tbridge\n\\.\n-- lpbm:rows 1\n").text());
  const std::string grown = std::string(globals_) + "CREATE ROLE r_new; GRANT r_new TO clerk;\n";
  shop_->exec("COMMENT ON DATABASE shop IS 'theirs'");
  add_delta(0x100, 0x101, Script().tx(0x101, ddl('t', "GRANT SELECT ON public.t TO r_new")), grown);
  restore(options());
  EXPECT_EQ(back(state_), "theirs|50|clerk");
  EXPECT_EQ(back("SELECT v, has_table_privilege('r_new', 't', 'SELECT') FROM t WHERE id = 9"), "bridge|t");
  postgres::Connection connection(conninfo());
  connection.exec("DROP DATABASE back");
  connection.exec("DROP ROLE r_new");
}

TEST_F(RestoreTest, StopsAtATime) {
  add_full(globals_);
  add_delta(0x100, 0x102, changes());
  RestoreOptions asked = options();
  asked.until = 0x101 * 1000000LL;
  const RestoreResult result = restore(asked);
  EXPECT_EQ(result.transactions, 1U);
  EXPECT_EQ(result.last_commit, *asked.until);
  EXPECT_EQ(back("SELECT id, v FROM t ORDER BY id"), "1|changed\n2|two");
}

TEST_F(RestoreTest, RefusesADatabaseThatHoldsSomething) {
  add_full(globals_);
  make_database("back");
  postgres::Connection(conninfo("back")).exec("CREATE TABLE precious (a int)");
  const Error error = error_of([&] { restore(options()); });
  EXPECT_EQ(error.kind(), ErrorKind::permanent);
  EXPECT_EQ(error.cause(), "the database is not empty (relation precious)");
  EXPECT_EQ(back("SELECT count(*) FROM precious"), "0");
}

TEST_F(RestoreTest, FillsAnEmptyDatabaseThatIsThere) {
  add_full(globals_);
  make_database("back");
  restore(options());
  EXPECT_EQ(back("SELECT count(*) FROM t"), "2");
  EXPECT_EQ(back(state_), "ours|50|clerk");
}

TEST_F(RestoreTest, LeavesAMarkWhereItFailedAndRefusesToGoOnFromThere) {
  add_full(globals_);
  add_delta(0x100, 0x102,
            Script().tx(0x101, "COPY \"public\".\"t\" (\"id\",\"v\") FROM stdin;\n1\tdouble\n\\.\n-- lpbm:rows 1\n"));
  const Error error = error_of([&] { restore(options()); });
  EXPECT_TRUE(error.step().starts_with("replaying entry 2, transaction 0/101 (xid 957): INSERT INTO")) << error.step();
  EXPECT_NE(back(state_).find("lpbm: restore unfinished"), std::string::npos);
  EXPECT_NE(back(state_).find("|0|clerk"), std::string::npos);
  const Error again = error_of([&] { restore(options()); });
  EXPECT_NE(again.cause().find("an earlier restore left unfinished"), std::string::npos) << again.cause();
  EXPECT_EQ(again.hint(), "Drop it (DROP DATABASE \"back\") and restore again, or restore into another.");
}

TEST_F(RestoreTest, TellsMissingTablespacesBeforeAnythingIsChanged) {
  add_full(std::string(globals_) + "CREATE ROLE r_never; CREATE TABLESPACE s OWNER clerk LOCATION '/nonexistent/s';\n");
  const Error error = error_of([&] { restore(options()); });
  EXPECT_EQ(error.cause(), "the tablespace s cannot be made: there is no directory /nonexistent/s");
  postgres::Connection server(conninfo());
  EXPECT_EQ(rows(server, "SELECT count(*) FROM pg_roles WHERE rolname = 'r_never'"), "0");
  EXPECT_EQ(rows(server, "SELECT count(*) FROM pg_database WHERE datname = 'back'"), "0");
}

TEST_F(RestoreTest, TellsAllThatIsInTheWayAtOnceAndChangesNothing) {
  add_full(std::string(globals_) + "CREATE ROLE r_never; CREATE TABLESPACE s OWNER clerk LOCATION '/nonexistent/s';\n");
  make_database("back");
  postgres::Connection(conninfo("back")).exec("CREATE TABLE precious (a int)");
  postgres::Connection server(conninfo());
  server.exec("CREATE ROLE r_weak LOGIN");
  const char* state =
      "SELECT (SELECT array_agg(r.*::text) FROM pg_authid r), (SELECT array_agg(d.*::text) FROM pg_database d),"
      " (SELECT array_agg(t.*::text) FROM pg_tablespace t), (SELECT array_agg(m.*::text) FROM pg_auth_members m)";
  const std::string before = rows(server, state);
  RestoreOptions asked = options();
  asked.map_roles = {"clerk=nobody_here"};
  const Error error = error_of([&] { restore(asked); });
  EXPECT_EQ(error.cause(),
            "3 things are in the way\n"
            "  1. the database is not empty (relation precious)\n"
            "     Name a database that does not exist, or an empty one: nothing is ever restored over existing data.\n"
            "  2. the role nobody_here, which is to take the place of clerk, is not on the server\n"
            "     Create it, or name another one.\n"
            "  3. the tablespace s cannot be made: there is no directory /nonexistent/s\n"
            "     Make that directory, empty and owned by the server's user, name another one by --map-tablespace, or "
            "make the tablespace yourself.");
  asked.target = conninfo("back") + " user=r_weak";
  asked.bindir = "/nonexistent";
  const std::string weak = error_of([&] { restore(asked); }).cause();
  EXPECT_NE(weak.find("1. the user of the target is not a superuser\n"), std::string::npos) << weak;
  EXPECT_NE(weak.find("2. the database is not empty"), std::string::npos) << weak;
  EXPECT_NE(weak.find("3. /nonexistent/pg_restore"), std::string::npos) << weak;
  EXPECT_EQ(rows(server, state), before);
  server.exec("DROP ROLE r_weak");
}

TEST_F(RestoreTest, PutsOtherRolesInThePlacesOfTheBackups) {
  add_full(globals_);
  add_delta(0x100, 0x101, Script().tx(0x101, ddl('t', "CREATE SCHEMA AUTHORIZATION clerk")));
  postgres::Connection server(conninfo());
  server.exec("CREATE ROLE r_seller");
  RestoreOptions asked = options();
  asked.map_roles = {"clerk=r_seller"};
  std::string told;
  asked.tell = [&](const std::string& text) { told += text; };
  const RestoreResult result = restore(asked);
  EXPECT_EQ(told.find("clerk"), std::string::npos) << told;
  EXPECT_EQ(back("SELECT relowner::regrole FROM pg_class WHERE relname = 't'"), "r_seller");
  EXPECT_EQ(back("SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'clerk'"), "r_seller");
  EXPECT_EQ(back(state_), "ours|50|r_seller");
  EXPECT_EQ(rows(server, "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'"), "1") << "it was there before";
  server.exec("DROP DATABASE back");
  server.exec("DROP ROLE r_seller");
}

TEST_F(RestoreTest, RefusesAWrongPassphraseAMissingObjectAndAnotherSigner) {
  add_full(globals_);
  RestoreOptions wrong = options();
  wrong.keys.passphrase = "open barley";
  EXPECT_EQ(error_of([&] { restore(wrong); }).cause(), "wrong passphrase");
  RestoreOptions signer = options();
  signer.signer = to_base64(codec::generate_signing_key().public_key);
  EXPECT_EQ(error_of([&] { restore(signer); }).kind(), ErrorKind::permanent);
  const journal::Entry full = file_->load().entries()[0];
  store_->remove(full.objects[2].cid);
  const Error missing = error_of([&] { restore(options()); });
  EXPECT_EQ(missing.kind(), ErrorKind::permanent);
  EXPECT_TRUE(missing.step().starts_with("restoring entry 1 (")) << missing.step();
}

TEST_F(RestoreTest, TakesAnIdentityAndWarnsOnlyWithoutProof) {
  add_full(globals_);
  codec::AgeKeys keys;
  keys.identities = {identity_.secret};
  std::vector<std::string> notes;
  open_journal(options().journal, "", keys, notes);
  EXPECT_TRUE(notes.empty());
  keys.identities = {codec::generate_identity().secret};
  open_journal(options().journal, "", keys, notes);
  EXPECT_EQ(notes.size(), 1U);
}

TEST_F(RestoreTest, ChecksInAServerOfItsOwn) {
  add_full(std::string(globals_) + "CREATE TABLESPACE s OWNER clerk LOCATION '/nonexistent/s';\n");
  add_delta(0x100, 0x102, changes());
  EXPECT_EQ(check_restore(options()).applied, 2U);
}

}  // namespace
}  // namespace lpbm::job
