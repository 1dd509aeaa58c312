#include "job/hold.h"

#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

class HoldTest : public test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    make_database("hold");
    connection_ = std::make_unique<postgres::Connection>(conninfo("hold"));
    connection_->exec(
        "CREATE TABLE \"T t\" (a int); CREATE TABLE log (t text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO log VALUES (TG_NAME);"
        " RETURN NEW; END$$;"
        "CREATE FUNCTION enote() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO log VALUES ('event');"
        " END$$;"
        "CREATE TRIGGER plain BEFORE INSERT ON \"T t\" FOR EACH ROW EXECUTE FUNCTION note();"
        "CREATE TRIGGER always BEFORE INSERT ON \"T t\" FOR EACH ROW EXECUTE FUNCTION note();"
        "CREATE TRIGGER replica BEFORE INSERT ON \"T t\" FOR EACH ROW EXECUTE FUNCTION note();"
        "CREATE RULE rule AS ON INSERT TO \"T t\" DO ALSO INSERT INTO log VALUES ('rule');"
        "ALTER TABLE \"T t\" ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica, ENABLE ALWAYS RULE rule;"
        "CREATE EVENT TRIGGER event ON ddl_command_end EXECUTE FUNCTION enote();"
        "ALTER EVENT TRIGGER event ENABLE ALWAYS; SET session_replication_role = replica");
  }
  std::string states() {
    return rows(
        *connection_,
        "SELECT string_agg(tgname::text || tgenabled::text, ' ' ORDER BY tgname),"
        " (SELECT ev_enabled FROM pg_rewrite WHERE rulename = 'rule'), (SELECT evtenabled FROM pg_event_trigger)"
        " FROM pg_trigger WHERE NOT tgisinternal");
  }
  std::string logged() { return rows(*connection_, "SELECT count(*) FROM log"); }
  std::unique_ptr<postgres::Connection> connection_;
};

TEST_F(HoldTest, SilencesWhatWouldFireAndGivesItsStateBack) {
  Hold hold(*connection_);
  hold.off();
  EXPECT_EQ(states(), "alwaysD plainO replicaD|D|D");
  connection_->exec("INSERT INTO \"T t\" VALUES (1)");
  EXPECT_EQ(logged(), "0") << "not even by the commands that hold it off";
  hold.on(true);
  EXPECT_EQ(states(), "alwaysA plainO replicaR|A|A");
  EXPECT_EQ(logged(), "0");
}

TEST_F(HoldTest, KeepsEventTriggersOffDuringOtherDdl) {
  Hold hold(*connection_);
  hold.off();
  hold.on(false);
  EXPECT_EQ(states(), "alwaysA plainO replicaR|A|D");
  connection_->exec("ALTER TABLE \"T t\" DISABLE TRIGGER always");
  hold.off();
  hold.on(true);
  EXPECT_EQ(states(), "alwaysD plainO replicaR|A|A");
  EXPECT_EQ(logged(), "0");
}

TEST_F(HoldTest, PassesOverWhatVanishedMeanwhile) {
  Hold hold(*connection_);
  hold.off();
  connection_->exec("DROP EVENT TRIGGER event; DROP TABLE \"T t\"");
  hold.on(true);
}

}  // namespace
}  // namespace lpbm::job
