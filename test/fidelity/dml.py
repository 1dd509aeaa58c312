"""Kinds of statements that change rows."""
from model import form, kind
from values import ident, quote

DML = {"group": "rows"}


def plain(table):
    return not table.partitioned


@kind("insert", 10, **DML)
def insert(g):
    table = g.table()
    rows = [table.targets(g.r) for _ in range(g.r.randint(1, 4))]
    return ["INSERT INTO %s (%s) VALUES %s" % (table, rows[0][0], ", ".join("(%s)" % ", ".join(row) for _, row in rows))]


@kind("insert many", 3, **DML)
def insert_many(g):
    table = g.table(lambda t: not t.insert_id)
    if table is None:
        return None
    columns = [c for c in table.columns if c.name != table.large]
    return ["INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) k" % (
        table, ", ".join(["n"] + [ident(c.name) for c in columns]),
        ", ".join(["k % 40"] + ["%s::%s" % (c.literal(g.r), c.sqltype) for c in columns]), g.r.choice([3, 30, 200]))]


@kind("insert on conflict", 3, **DML)
def on_conflict(g):
    table = g.table(lambda t: t.insert_id and t.identity)
    if table is None:
        return None
    names, row = table.targets(g.r)
    key = "(n, id)" if table.name.startswith("t") and table.key == "int" and g.r.random() < 0.3 else "(id)"
    action = g.r.choice(["NOTHING", "UPDATE SET n = excluded.n + 1", "UPDATE SET id = excluded.id + 70"])
    return ["INSERT INTO %s (%s) VALUES (%s) ON CONFLICT %s DO %s" % (table, names, ", ".join(row), key, action)]


@kind("insert overriding identity", 1, **DML)
def overriding(g):
    table = g.table(lambda t: t.always)
    return table and ["INSERT INTO %s (id, n) OVERRIDING SYSTEM VALUE VALUES (%d, 1)" % (table, g.r.randint(10**6, 10**9))]


@kind("update", 9, **DML)
def update(g):
    table = g.changeable()
    if table is None:
        return None
    columns = [c for c in table.columns if c.name != table.large or g.r.random() < 0.5]
    sets = ["n = n %s" % g.r.choice(["+ 1", "- 1", "* 2 % 41"])]
    if columns:
        column = g.r.choice(columns)
        sets = g.r.choice([sets, ["%s = %s" % (ident(column.name), column.literal(g.r))]])
    return ["UPDATE %s SET %s %s" % (table, ", ".join(sets), g.where())]


@kind("update beside TOAST", 2, **DML)
def beside_toast(g):
    """The large value stays as it is, and so is not in the WAL."""
    table = g.table(lambda t: t.large and (t.identity or g.costly))
    return table and ["UPDATE %s SET n = (n + 1) %% 40 WHERE length(%s) > 2000" % (table, ident(table.large))]


@kind("update of a key", 2, **DML)
def update_key(g):
    table = g.table(lambda t: t.key == "int" and not t.always and (t.identity or g.costly))
    return table and ["UPDATE %s SET id = %s %s" % (table, g.r.choice(["id + 100", "-id", "id + 1", "id * 3"]), g.where())]


@kind("update from", 1, **DML)
def update_from(g):
    table, other = g.changeable(), g.table()
    return table and ["UPDATE %s a SET n = b.n FROM %s b WHERE a.n + 1 = b.n" % (table, other)]


@kind("delete", 4, **DML)
def delete(g):
    table = g.changeable()
    return table and ["DELETE FROM %s %s" % (table, g.where())]


@kind("delete returning", 1, **DML)
def delete_returning(g):
    table = g.changeable()
    return table and ["WITH gone AS (DELETE FROM %s %s RETURNING *) INSERT INTO %s.audit(op) SELECT n::text FROM gone" % (
        table, g.where(), g.s)]


@kind("data-modifying WITH", 1, **DML)
def modifying_with(g):
    table, other = g.changeable(), g.table(lambda t: not t.insert_id)
    if table is None or other is None:
        return None
    return ["WITH u AS (UPDATE %s SET n = n + 1 %s RETURNING n), i AS (INSERT INTO %s (n) SELECT n FROM u RETURNING n) "
            "SELECT count(*) FROM i" % (table, g.where(), other)]


@kind("merge", 2, **DML)
def merge(g):
    table = g.table(lambda t: t.insert_id and t.identity and not t.inherited)
    return table and ["MERGE INTO %s t USING (SELECT k AS id, k %% 9 AS n FROM generate_series(%d, %d) k) s ON t.id = s.id "
                      "WHEN MATCHED AND t.n > 20 THEN DELETE WHEN MATCHED THEN UPDATE SET n = s.n + 1 "
                      "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)" % (
                          table, *sorted((g.r.randint(1, 60), g.r.randint(1, 60))))]


@kind("copy from", 2, **DML)
def copy_from(g):
    table = g.table(lambda t: not t.insert_id)
    if table is None:
        return None
    lines = "".join("%d\\n" % g.r.randrange(40) for _ in range(g.r.randint(1, 20)))
    return ["COPY %s (n) FROM PROGRAM 'printf ''%s'''" % (table, lines)]


@kind("truncate", 0.7, **DML)
def truncate(g):
    table = g.table()
    return ["TRUNCATE %s %s" % (table, g.r.choice(["", "RESTART IDENTITY", "CASCADE", "RESTART IDENTITY CASCADE"]))]


@kind("cascade", 2, **DML)
def cascade(g):
    if not any(t.name == "parent" for t in g.model.tables):
        return None
    return [g.r.choice(["DELETE FROM {s}.parent WHERE id = {m}", "UPDATE {s}.parent SET id = id + 1000 WHERE id = {m}",
                        "INSERT INTO {s}.child(p) SELECT id FROM {s}.parent WHERE id % 3 = {k}",
                        "INSERT INTO {s}.parent VALUES ({m}, 1, random()::text) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                        "UPDATE {s}.parent SET id = -id WHERE id = {m}"]).format(s=g.s, m=g.r.randint(1, 25), k=g.r.randrange(3))]


@kind("cursor", 1, **DML)
def cursor(g):
    table = g.table(lambda t: t.identity and plain(t))
    name = "cur%d" % g.r.randrange(10**6)
    return table and ["DECLARE %s CURSOR FOR SELECT * FROM %s WHERE n < 20 FOR UPDATE" % (name, table), "FETCH 1 FROM %s" % name,
                      "UPDATE %s SET n = n + 1 WHERE CURRENT OF %s" % (table, name), "CLOSE %s" % name]


@kind("prepared statement", 1, **DML)
def prepared(g):
    name = "p%d" % g.r.randrange(10**6)
    return ["PREPARE %s(text) AS INSERT INTO %s.audit(op) VALUES ($1)" % (name, g.s), "EXECUTE %s('a')" % name,
            "EXECUTE %s(%s)" % (name, quote("b\n$1")), "DEALLOCATE %s" % name]


@kind("insert through a view", 1, **DML)
def view_insert(g):
    if not g.model.named.get("view"):
        return None
    return [g.r.choice(["INSERT INTO %s.v (n) VALUES (3)", "UPDATE %s.v SET n = 7 WHERE n = 8", "INSERT INTO %s.vv (n) VALUES (3)"]
                       if g.costly else ["INSERT INTO %s.v (n) VALUES (3)", "INSERT INTO %s.vv (n) VALUES (3)"]) % g.s]


@kind("function with a handler", 1, **DML)
def handler(g):
    return ["SELECT %s.attempt(%d)" % (g.s, g.r.randrange(9))]


@kind("select for update", 1, **DML)
def for_update(g):
    return ["SELECT id FROM %s %s FOR %s" % (g.table(), g.where(), g.r.choice(["UPDATE", "SHARE", "KEY SHARE", "NO KEY UPDATE"]))]


@kind("read", 2, **DML)
def read(g):
    return ["SELECT count(*), sum(n) FROM %s %s" % (g.table(), g.where())]


@kind("large object", 1, costly=True, **DML)
def large_object(g):
    g.feature("large objects")
    oid = int(g.model.schema[1:]) * 100 + g.r.randrange(6)
    return [g.r.choice(["SELECT lo_from_bytea({n}, '{v}')", "SELECT lo_put({n}, {o}, '{v}')", "SELECT lo_unlink({n})",
                        "SELECT lo_create({n})", "COMMENT ON LARGE OBJECT {n} IS '{v}'",
                        "GRANT SELECT ON LARGE OBJECT {n} TO PUBLIC"]).format(
        n=oid, o=g.r.randrange(9000), v="%x" % g.r.getrandbits(64))]


@kind("lock table", 0.5, **DML)
def lock_table(g):
    return ["LOCK TABLE %s IN %s MODE" % (g.table(), g.r.choice(["SHARE", "ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE"]))]


@kind("as another role", 1, costly=True, **DML)
def as_role(g):
    table = g.table(lambda t: not t.insert_id)
    if table is None:
        return None
    return ["GRANT USAGE ON SCHEMA %s TO search_a" % g.s, "GRANT ALL ON ALL TABLES IN SCHEMA %s TO search_a" % g.s,
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA %s TO search_a" % g.s, "SET LOCAL ROLE search_a",
            "INSERT INTO %s (n) VALUES (%d)" % (table, g.r.randrange(30)), "RESET ROLE"]


@kind("set constraints", 1, **DML)
def set_constraints(g):
    return ["SET CONSTRAINTS ALL %s" % g.r.choice(["DEFERRED", "IMMEDIATE"])]


@kind("settings in a session", 1, **DML)
def settings(g):
    """What changes the text of values and names, where it is not fixed by whoever reads or writes them."""
    return [g.r.choice(["SET DateStyle = 'German'", "SET IntervalStyle = 'sql_standard'", "SET bytea_output = 'escape'",
                        "SET extra_float_digits = -5", "SET TimeZone = 'Asia/Kathmandu'", "SET search_path = %s" % g.s,
                        "SET standard_conforming_strings = off", "SET quote_all_identifiers = on", "RESET ALL",
                        "SET default_toast_compression = 'pglz'", "SET check_function_bodies = off"])]


form("do block", "DO $$ BEGIN FOR i IN 1..5 LOOP INSERT INTO {s}.audit(op) VALUES ('do'); END LOOP; END $$", **DML)
form("do block with DDL", "DO $$ BEGIN EXECUTE 'CREATE TABLE {s}.{n} (id serial PRIMARY KEY, v text DEFAULT ''d'')'; "
     "EXECUTE 'INSERT INTO {s}.{n} DEFAULT VALUES'; EXECUTE 'ALTER TABLE {s}.{n} ADD x float8 DEFAULT random()'; END $$", **DML)
form("call with commits", "CALL {s}.steps(5)", alone=True, **DML)
form("nextval", "SELECT nextval('{s}.seq') FROM generate_series(1, 3)", weight=1.5, **DML)
form("setval", "SELECT setval('{s}.seq', {i} + 1, {i} % 2 = 0)", **DML)
form("temporary table", "CREATE TEMP TABLE IF NOT EXISTS scratch AS SELECT 1 AS x;; INSERT INTO scratch VALUES (2);; "
     "INSERT INTO {s}.audit(op) SELECT 'temp' || x FROM scratch", weight=0.7, **DML)
form("notify", "NOTIFY channel, 'x'", weight=0.3, **DML)
form("explain analyze", "EXPLAIN ANALYZE INSERT INTO {s}.audit(op) VALUES ('explained')", weight=0.5, **DML)
