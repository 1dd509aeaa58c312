"""Plants what is wrong in a restored database, each kind that there is, and sees that the comparison finds it."""
from compare import differences, sections

# Belongs to the workload of seed 0, which is never run: what is here comes back by the backup as everything does.
OBJECTS = """
CREATE SCHEMA w0;
CREATE TYPE w0.mood AS ENUM ('sad', 'ok');
CREATE TABLE w0.keyed (id serial PRIMARY KEY, n int DEFAULT 5 CHECK (n < 100), big text, at timestamptz DEFAULT now());
CREATE TABLE w0.keyless (a int, b text);
CREATE TABLE w0.child (id int PRIMARY KEY, p int REFERENCES w0.keyed ON DELETE CASCADE);
CREATE INDEX by_n ON w0.keyed (n) WHERE n > 3;
CREATE VIEW w0.v AS SELECT id FROM w0.keyed;
CREATE FUNCTION w0.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON w0.keyed FOR EACH ROW EXECUTE FUNCTION w0.f();
ALTER TABLE w0.keyed ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON w0.keyed USING (n > 1);
GRANT SELECT ON w0.keyed TO search_a;
COMMENT ON TABLE w0.keyed IS 'a table';
INSERT INTO w0.keyed (n, big) SELECT i, repeat(md5(i::text), 200) FROM generate_series(1, 20) i;
INSERT INTO w0.keyless VALUES (1, ''), (1, ''), (2, NULL);
INSERT INTO w0.child VALUES (1, 1), (2, 2);
"""

PLANTS = {
    "a wrong value": "UPDATE w0.keyed SET n = 7 WHERE id = 3",
    "NULL in place of a value that was not touched": "UPDATE w0.keyed SET big = NULL WHERE id = 4",
    "NULL in place of nothing": "UPDATE w0.keyless SET b = NULL WHERE a = 1",
    "two rows' values exchanged": "UPDATE w0.child SET p = 3 - p",
    "a row missing": "DELETE FROM w0.keyed WHERE id = 5",
    "a row doubled": "INSERT INTO w0.keyless VALUES (2, NULL)",
    "one of two equal rows missing": "DELETE FROM w0.keyless a WHERE ctid = (SELECT max(ctid) FROM w0.keyless WHERE a = 1)",
    "a microsecond": "UPDATE w0.keyed SET at = at + '1 us' WHERE id = 6",
    "a sequence off by one": "SELECT setval('w0.keyed_id_seq', 21)",
    "a sequence that has not been called": "SELECT setval('w0.keyed_id_seq', 21, false)",
    "an index missing": "DROP INDEX w0.by_n",
    "another default": "ALTER TABLE w0.keyed ALTER n SET DEFAULT 6",
    "a constraint missing": "ALTER TABLE w0.keyed DROP CONSTRAINT keyed_n_check",
    "a foreign key that does not cascade": "ALTER TABLE w0.child DROP CONSTRAINT child_p_fkey, ADD FOREIGN KEY (p) REFERENCES w0.keyed",
    "another type": "ALTER TABLE w0.child ALTER id TYPE bigint",
    "a value of an enum more": "ALTER TYPE w0.mood ADD VALUE 'more'",
    "a trigger off": "ALTER TABLE w0.keyed DISABLE TRIGGER t",
    "row security off": "ALTER TABLE w0.keyed DISABLE ROW LEVEL SECURITY",
    "a privilege more": "GRANT INSERT ON w0.keyed TO search_a",
    "another owner": "ALTER TABLE w0.keyless OWNER TO search_b",
    "another comment": "COMMENT ON TABLE w0.keyed IS 'the table'",
    "another function": "CREATE OR REPLACE FUNCTION w0.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "another replica identity": "ALTER TABLE w0.keyed REPLICA IDENTITY FULL",
    "an unlogged table": "ALTER TABLE w0.keyless SET UNLOGGED",
    "a view missing": "DROP VIEW w0.v",
    "a table more": "CREATE TABLE w0.more ()",
}


def not_found(server, database):
    """Plants one after another in a restored database; returns the names of those that the comparison did not find."""
    def look():
        return sections(server.dump_lines(database, "--schema", "w0"))
    before, missed = look(), []
    if 0 not in before:
        return ["the objects themselves"]
    for name, text in PLANTS.items():
        server.sql(text, database)
        after = look()
        if list(differences(before, after)) != [0]:
            missed.append(name)
        before = after
    return missed
