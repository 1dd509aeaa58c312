"""Kinds of statements on what is not a table: views, sequences, types, functions, triggers, rules, policies, privileges."""
from model import form, kind
from values import ident, quote


def plain(table):
    return not table.partitioned


# ---- views ----------------------------------------------------------------------------------------------------------

form("create view", "CREATE VIEW {s}.{n} AS SELECT id, n FROM {t}")
form("replace view", "CREATE VIEW {s}.{n} AS SELECT n FROM {t};; CREATE OR REPLACE VIEW {s}.{n} AS SELECT n, id FROM {t};; "
     "ALTER VIEW {s}.{n} ALTER n SET DEFAULT 4", weight=0.6)
form("recursive view", "CREATE RECURSIVE VIEW {s}.{n} (k) AS SELECT 1 UNION ALL SELECT k + 1 FROM {n} WHERE k < 5", weight=0.3)
form("materialized view", "CREATE MATERIALIZED VIEW {s}.{n} AS SELECT n, count(*) AS c FROM {t} GROUP BY n;; REFRESH MATERIALIZED VIEW {s}.{n}",
     weight=0.6)


@kind("refresh materialized view", 0.7)
def refresh(g):
    name = g.made("materialized view")
    return name and ["REFRESH MATERIALIZED VIEW %s%s" % (g.r.choice(["", "CONCURRENTLY "]), name)]


# ---- sequences, types -----------------------------------------------------------------------------------------------

@kind("create sequence", 0.8)
def create_sequence(g):
    name = g.make("sequence", "sq")
    return ["CREATE SEQUENCE %s %s" % (name, g.r.choice(["START 5", "INCREMENT -1", "AS smallint CYCLE CACHE 7", "MINVALUE 0 START 0"])),
            "SELECT nextval(%s)" % quote(name)]


@kind("use sequence", 1)
def use_sequence(g):
    name = g.made("sequence")
    return name and ["SELECT %s" % g.r.choice(["nextval(%s)", "setval(%s, 9, false)", "setval(%s, 7)"]) % quote(name)]


@kind("alter sequence", 0.7)
def alter_sequence(g):
    name = g.made("sequence") or "%s.seq" % g.s
    return ["ALTER SEQUENCE %s %s" % (name, g.r.choice(["RESTART WITH 12", "RESTART", "MAXVALUE 30000", "INCREMENT 3", "CACHE 2", "AS bigint"]))]


@kind("drop sequence", 0.3)
def drop_sequence(g):
    name = g.made("sequence")
    if name is None:
        return None
    g.effect(g.model.drop, "sequence", name)
    return ["DROP SEQUENCE %s" % name]


@kind("create enum", 0.5)
def create_enum(g):
    return ["CREATE TYPE %s AS ENUM ('a', 'b')" % g.make("enum", "en")]


@kind("add enum value", 0.8)
def add_value(g):
    name = g.made("enum") or "%s.mood" % g.s
    value = "v%d" % g.r.randrange(10**6)
    return ["ALTER TYPE %s ADD VALUE %s%s" % (name, quote(value), g.r.choice(["", " BEFORE 'a'" if g.made("enum") else " AFTER 'ok'"]))]


@kind("rename enum value", 0.4)
def rename_value(g):
    name = g.made("enum")
    return name and ["ALTER TYPE %s RENAME VALUE 'a' TO 'a%d'" % (name, g.r.randrange(10**6))]


form("enum made and used", "CREATE TYPE {s}.{n} AS ENUM ('p');; ALTER TYPE {s}.{n} ADD VALUE 'q';; "
     "CREATE TABLE {s}.{n}_t (id serial PRIMARY KEY, m {s}.{n});; INSERT INTO {s}.{n}_t (m) VALUES ('q')".replace("{n}_t", "u{i}{d}{i}"), weight=0.5)
form("composite type", "CREATE TYPE {s}.{n} AS (x int);; ALTER TYPE {s}.{n} ADD ATTRIBUTE y text;; ALTER TYPE {s}.{n} RENAME ATTRIBUTE x TO z",
     weight=0.5)
form("alter composite type", "ALTER TYPE {s}.pair ADD ATTRIBUTE {n} int CASCADE", weight=0.2)
form("domain", "CREATE DOMAIN {s}.{n} AS int CHECK (VALUE > 0) NOT NULL;; ALTER DOMAIN {s}.{n} DROP NOT NULL", weight=0.5)
form("alter domain", "ALTER DOMAIN {s}.positive {a}".replace("{a}", "ADD CONSTRAINT {n} CHECK (VALUE < 100000)"), weight=0.4)
form("range type", "CREATE TYPE {s}.{n} AS RANGE (subtype = float8)", weight=0.3)
form("collation", "CREATE COLLATION {s}.{n} (LOCALE = 'C')", weight=0.2)
form("text search configuration", "CREATE TEXT SEARCH CONFIGURATION {s}.{n} (COPY = simple)", weight=0.2)
form("operator", "CREATE OPERATOR {s}.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", weight=0.2)
form("aggregate", "CREATE AGGREGATE {s}.{n} (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')", weight=0.2)

# ---- functions, triggers, rules, policies ---------------------------------------------------------------------------

form("create function", "CREATE FUNCTION {s}.{n}(a int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS $f$ SELECT $1 + {i} $f$")
form("function with a body", "CREATE FUNCTION {s}.{n}(a int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM {t} WHERE n > a; END", weight=0.5)
form("replace function", "CREATE OR REPLACE FUNCTION {s}.log_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {s}.audit(op, r) "
     "VALUES (TG_OP || {i}, random()); RETURN NULL; END $$", weight=0.6)
form("alter function", "ALTER FUNCTION {s}.attempt(int) SET work_mem = '{d}MB'", weight=0.4)
form("drop function", "CREATE FUNCTION {s}.{n}() RETURNS int LANGUAGE sql AS 'SELECT 1';; DROP FUNCTION {s}.{n}()", weight=0.4)
form("create trigger", "CREATE TRIGGER {n} AFTER INSERT OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION {s}.log_change()")
form("statement trigger", "CREATE TRIGGER {n} AFTER UPDATE ON {t} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION {s}.log_change()",
     weight=0.5, accept=plain)
form("truncate trigger", "CREATE TRIGGER {n} AFTER TRUNCATE ON {t} FOR EACH STATEMENT EXECUTE FUNCTION {s}.log_change()", weight=0.3)
form("constraint trigger", "CREATE CONSTRAINT TRIGGER {n} AFTER INSERT ON {t} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}.log_change()",
     weight=0.5, accept=plain)
# Few of these: a restore holds all of them off, and brings them back for each command, which takes its time.
form("trigger always", "CREATE TRIGGER {n} BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {s}.stamp();; ALTER TABLE {t} ENABLE ALWAYS TRIGGER {n}",
     weight=0.06)
form("trigger for replicas", "CREATE TRIGGER {n} AFTER INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {s}.log_change();; "
     "ALTER TABLE {t} ENABLE REPLICA TRIGGER {n}", weight=0.06)
form("disable triggers", "ALTER TABLE {t} DISABLE TRIGGER USER", weight=0.3)
form("enable triggers", "ALTER TABLE {t} ENABLE TRIGGER USER", weight=0.3)
form("drop trigger", "DROP TRIGGER IF EXISTS audit ON {t}", weight=0.3, costly=True)
form("create rule", "CREATE RULE {n} AS ON INSERT TO {t} WHERE NEW.n > 20 DO ALSO INSERT INTO {s}.audit(op) VALUES ('more')", weight=0.5, accept=plain)
form("rule instead", "CREATE TABLE {s}.{n} (id serial PRIMARY KEY, v int);; CREATE RULE none AS ON DELETE TO {s}.{n} DO INSTEAD NOTHING;; "
     "INSERT INTO {s}.{n}(v) VALUES (1), (2);; DELETE FROM {s}.{n}", weight=0.5)
form("rule always", "CREATE TABLE {s}.{n} (id serial PRIMARY KEY, v int);; CREATE RULE none AS ON DELETE TO {s}.{n} DO INSTEAD NOTHING;; "
     "ALTER TABLE {s}.{n} ENABLE ALWAYS RULE none;; INSERT INTO {s}.{n}(v) VALUES (1), (2);; DELETE FROM {s}.{n}", weight=0.06)
form("policy", "CREATE POLICY {n} ON {t} FOR SELECT TO search_a USING (n < {i});; ALTER TABLE {t} ENABLE ROW LEVEL SECURITY;; "
     "ALTER POLICY {n} ON {t} USING (n > {i})", weight=0.6)
form("no row security", "ALTER TABLE {t} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", weight=0.3)

# ---- owners, privileges, the rest -----------------------------------------------------------------------------------

form("grant", "GRANT SELECT, INSERT (n) ON {t} TO search_a, PUBLIC;; GRANT USAGE ON SCHEMA {s} TO search_b WITH GRANT OPTION", weight=0.7)
form("revoke", "REVOKE INSERT, SELECT ON {t} FROM PUBLIC;; REVOKE EXECUTE ON FUNCTION {s}.attempt(int) FROM PUBLIC", weight=0.5)
form("default privileges", "ALTER DEFAULT PRIVILEGES IN SCHEMA {s} GRANT SELECT ON TABLES TO search_b", weight=0.5, costly=True)
form("owner", "ALTER TABLE {t} OWNER TO search_a", weight=0.5)
form("owner of a schema", "ALTER SCHEMA {s} OWNER TO search_b", weight=0.2)
form("comment", "COMMENT ON TABLE {t} IS E'it''s {i}\\n:x $1';; COMMENT ON COLUMN {t}.n IS 'n'", weight=0.7)
form("comment on a schema", "COMMENT ON SCHEMA {s} IS 's {i}'", weight=0.3)
form("extended statistics", "CREATE STATISTICS {s}.{n} ON id, n FROM {t}", weight=0.4)


@kind("create schema", 0.7)
def create_schema(g):
    name = "%s_d%d" % (g.model.schema, g.r.randrange(9))
    g.effect(g.model.add, "schema", name)
    return ["CREATE SCHEMA %s CREATE TABLE inside (id serial PRIMARY KEY, v text) CREATE VIEW seen AS SELECT v FROM inside" % ident(name),
            "INSERT INTO %s.inside(v) VALUES ('x')" % ident(name)]


@kind("rename schema", 0.5, costly=True)
def rename_schema(g):
    old, first = g.made("schema"), []
    if old is None:
        old = "%s_o%d" % (g.model.schema, g.r.randrange(10**6))
        first = ["CREATE SCHEMA %s CREATE TABLE inside (id serial PRIMARY KEY, v text)" % ident(old)]
    new = "%s_r%d" % (g.model.schema, g.r.randrange(10**6))
    g.effect(g.model.drop, "schema", old)
    g.effect(g.model.add, "schema", new)
    return first + ["ALTER SCHEMA %s RENAME TO %s" % (ident(old), ident(new)), "INSERT INTO %s.inside(v) VALUES ('renamed')" % ident(new)]


@kind("drop schema", 0.4)
def drop_schema(g):
    name = g.made("schema")
    if name is None:
        return ["DROP SCHEMA IF EXISTS %s_none CASCADE" % g.model.schema]
    g.effect(g.model.drop, "schema", name)
    return ["DROP SCHEMA %s CASCADE" % ident(name)]


@kind("publication", 0.4)
def publication(g):
    table = g.table(lambda t: not t.unlogged)
    return table and ["CREATE PUBLICATION %s_p%d FOR TABLE %s WITH (publish = 'insert')" % (g.model.schema, g.r.randrange(10**6), table)]


@kind("drop publication", 0.2)
def drop_publication(g):
    name = "%s_q%d" % (g.model.schema, g.r.randrange(10**6))
    return ["CREATE PUBLICATION %s" % name, "ALTER PUBLICATION %s SET (publish = 'delete')" % name, "DROP PUBLICATION %s" % name]


@kind("catalog by hand", 0.3, costly=True)
def by_hand(g):
    return ["UPDATE pg_catalog.pg_class SET reloptions = '{fillfactor=55}' WHERE oid = '%s.audit'::regclass" % g.s]


@kind("temporary beside permanent", 0.3, costly=True)
def mixed(g):
    name = ident(g.name("tt"))
    return ["CREATE TEMP TABLE %s (a int)" % name, "CREATE TABLE %s.%s (id serial PRIMARY KEY)" % (g.s, name),
            "DROP TABLE pg_temp.%s, %s.%s" % (name, g.s, name)]
