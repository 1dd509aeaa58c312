#include "job/dump_script.h"

#include "job/replay_ddl.h"
#include "unit/job/script_source.h"
#include "unit/postgres/server.h"

namespace lpbm::job {
namespace {

using test::error_of;

TEST(WithoutConcurrentlyTest, TakesTheWordOutOfCreateIndexAlone) {
  EXPECT_EQ(without_concurrently("/* x */ create unique index\n concurrently i ON t (a)\n;"),
            "/* x */ create unique index\n  i ON t (a)\n;");
  for (const char* other : {"DROP INDEX CONCURRENTLY i", "CREATE INDEX i ON concurrently (a)", "CREATE INDEX", ""})
    EXPECT_EQ(without_concurrently(other), "");
}

TEST(TakeRoleTest, CutsTheRoleOffTheSettings) {
  std::string settings = "SELECT 1;\nSET LOCAL ROLE \"a b\";";
  EXPECT_EQ(take_role(settings), "\"a b\"");
  EXPECT_EQ(settings, "SELECT 1;");
  settings = "SET ROLE \"x\";";
  EXPECT_EQ(take_role(settings), "\"x\"");
  EXPECT_EQ(settings, "");
  EXPECT_EQ(take_role(settings), "");
}

class DumpScriptTest : public test::WithServer {
 protected:
  void SetUp() override {
    WithServer::SetUp();
    if (!server_) return;
    make_database("dump");
    guarding_ = std::make_unique<postgres::Connection>(conninfo("dump"));
    guarding_->exec(
        "DO $$ BEGIN IF to_regrole('g_low') IS NULL THEN CREATE ROLE g_low; END IF; END $$;"
        "GRANT CREATE ON SCHEMA public TO g_low");
  }
  void run(const std::string& text) {
    postgres::Connection session(conninfo("dump"));
    CodeGuard guard(*guarding_);
    test::TextSource source(text);
    DumpScript(session, *guarding_, guard).run(source);
    guard.remove();
  }
  std::unique_ptr<postgres::Connection> guarding_;
};

constexpr const char* header = "SELECT pg_catalog.set_config('search_path', '', false);\n";
constexpr const char* functions =
    "CREATE FUNCTION public.who() RETURNS boolean LANGUAGE sql AS $$SELECT current_user = 'g_low'$$;\n"
    "ALTER FUNCTION public.who() OWNER TO g_low;\n";

TEST_F(DumpScriptTest, RunsCodeOfRowsAndDefinitionsAsItsOwner) {
  run(std::string(header) + functions +
      "CREATE DOMAIN public.d AS text CONSTRAINT c CHECK (public.who());\nALTER DOMAIN public.d OWNER TO g_low;\n"
      "CREATE TABLE public.t (id int CHECK (public.who()), l public.d[] DEFAULT '{x}');\n"
      "COPY public.t (id) FROM stdin;\n1\n2\n\\.\n\nCREATE INDEX ON public.t (id);\n");
  EXPECT_EQ(rows(*guarding_, "SELECT id, l FROM public.t"), "1|{x}\n2|{x}");
  EXPECT_EQ(rows(*guarding_, "SELECT prosecdef FROM pg_proc WHERE proname = 'who'"), "f");
  EXPECT_EQ(rows(*guarding_, "SELECT count(*) FROM pg_event_trigger"), "0");
}

TEST_F(DumpScriptTest, NamesTheStatementThatFails) {
  const std::string text = std::string(header) + "CREATE TABLE public.t (id int CHECK (id > 0));\n";
  const Error error = error_of([&] { run(text + "COPY public.t (id) FROM stdin;\n0\n\\.\n"); });
  EXPECT_EQ(error.step(), "restoring the full backup with pg_restore: COPY public.t (id) FROM stdin");
  EXPECT_NE(error.cause().find("violates check constraint"), std::string::npos) << error.cause();
}

TEST_F(DumpScriptTest, NoticesCodeThatLeavesOtherSettings) {
  const Error error = error_of([&] {
    run(std::string(header) +
        "CREATE FUNCTION public.sets() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN SET array_nulls = off; RETURN true; "
        "END$$;\nALTER FUNCTION public.sets() OWNER TO g_low;\nCREATE TABLE public.t (id int CHECK (public.sets()));\n"
        "COPY public.t (id) FROM stdin;\n1\n\\.\n");
  });
  EXPECT_NE(error.cause().find("changed the settings of the session"), std::string::npos) << error.cause();
}

TEST_F(DumpScriptTest, LeavesEventTriggersNothingToSee) {
  run(std::string(header) + functions +
      "CREATE TABLE public.seen (tag text);\n"
      "CREATE FUNCTION public.see() RETURNS event_trigger LANGUAGE plpgsql AS"
      " $$BEGIN INSERT INTO public.seen VALUES (tg_tag); END$$;\n"
      "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION public.see();\n"
      "ALTER EVENT TRIGGER e ENABLE ALWAYS;\n");
  EXPECT_EQ(rows(*guarding_, "SELECT * FROM public.seen"), "");
}

}  // namespace
}  // namespace lpbm::job
