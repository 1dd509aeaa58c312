# The comparison finds planted differences: without this no other test would mean anything.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $schema = <<'END';
CREATE TABLE t (id int PRIMARY KEY, v text, f float8);
INSERT INTO t SELECT i, 'row ' || i, i / 7.0 FROM generate_series(1, 100) i;
CREATE TABLE "Quoted ""name""" (a int);
CREATE SEQUENCE s;
SELECT nextval('s');
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t;
COMMENT ON TABLE t IS 'a comment';
END

my $a = Lpbm::Test->bare('a');
my $b = Lpbm::Test->bare('b');
foreach my $server ($a, $b)
{
	$server->sql("CREATE DATABASE $DATABASE", 'postgres');
	$server->sql($schema);
}
same($a, $b, 'two servers with the same content are equal');
$b->sql('UPDATE t SET v = v WHERE id < 50');
same($a, $b, 'the order of rows on disk is no difference');

# Each: what is changed in b, what the difference must name, and how it is undone.
my @planted = (
	[ "UPDATE t SET v = 'other' WHERE id = 7",     qr/table public\.t: /,   "UPDATE t SET v = 'row 7' WHERE id = 7" ],
	[ 'UPDATE t SET v = NULL WHERE id = 8',        qr/table public\.t: /,   "UPDATE t SET v = 'row 8' WHERE id = 8" ],
	[ 'DELETE FROM t WHERE id = 9',                qr/table public\.t: /,   "INSERT INTO t VALUES (9, 'row 9', 9 / 7.0)" ],
	[ 'UPDATE t SET f = f + 1e-15 WHERE id = 1',   qr/table public\.t: /,   'UPDATE t SET f = 1 / 7.0 WHERE id = 1' ],
	[ 'INSERT INTO "Quoted ""name""" VALUES (1)',  qr/Quoted ""name""/,     'DELETE FROM "Quoted ""name"""' ],
	[ "SELECT nextval('s')",                       qr/table public\.s: /,   "SELECT setval('s', 1)" ],
	[ 'ALTER TABLE t ADD COLUMN extra int',        qr/extra/,               'ALTER TABLE t DROP COLUMN extra' ],
	[ 'CREATE INDEX i ON t (v)',                   qr/CREATE INDEX i/,      'DROP INDEX i' ],
	[ "COMMENT ON TABLE t IS 'another'",           qr/another/,             "COMMENT ON TABLE t IS 'a comment'" ],
	[ 'GRANT SELECT ON t TO PUBLIC',               qr/GRANT SELECT/,        'REVOKE ALL ON t FROM PUBLIC' ],
	[ "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'", qr/SELECT 2/,
	  "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'" ],
	[ 'ALTER TABLE t CLUSTER ON t_pkey',           qr/CLUSTER/,             'ALTER TABLE t SET WITHOUT CLUSTER' ],
	[ 'CREATE ROLE somebody',                      qr/globals differs/,     'DROP ROLE somebody' ],
	[ 'DROP MATERIALIZED VIEW m',                  qr/table public\.m: /,
	  'CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t' ],
	[ 'SELECT lo_create(4711)',                    qr/4711/,                'SELECT lo_unlink(4711)' ],
);
foreach my $case (@planted)
{
	my ($change, $pattern, $undo) = @$case;
	$b->sql($change);
	like(join("\n", differences($a, $b)), $pattern, "found: $change");
	$b->sql($undo);
}
my @left = differences($a, $b);
# A privilege that was granted and revoked leaves its trace in pg_dump's text.
ok(!grep({ !/GRANT|REVOKE/ } @left), 'equal again after all was undone') or diag(@left);

done_testing();
