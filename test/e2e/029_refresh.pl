# What no change stream carries is stored anew inside of a delta, as it was where the delta ends.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;
use Time::HiRes qw(usleep);

my $source = Lpbm::Test->backed_up('source');
$source->wait_for_first_full;

sub newest { my ($entry) = reverse $source->entries('delta'); return $entry }

sub refreshed_in
{
	my ($entry) = @_;
	return join ' ', sort map { "$_->{schema}.$_->{name}" } @{ $entry->{refreshes} // [] };
}

# Tables without a key, in every shape.
$source->sql(<<'END');
CREATE TABLE plain (a int, v text);
INSERT INTO plain SELECT i, repeat(md5(i::text), i) FROM generate_series(1, 300) i;
CREATE TABLE keyed (id int PRIMARY KEY, v text);
CREATE TABLE parent (a int, g int GENERATED ALWAYS AS (a * 2) STORED, i int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE child (extra text) INHERITS (parent);
CREATE TABLE parted (k int, v text) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
CREATE TABLE "Odd ""name.""" (":a" int UNIQUE, "b\c" text);
CREATE TABLE refers (o int REFERENCES "Odd ""name.""" (":a"));
CREATE TABLE empty ();
INSERT INTO parent (a) SELECT generate_series(1, 5);
INSERT INTO child (a, i, extra) SELECT i, i, E'tab\there \\ \\N' FROM generate_series(1, 5) i;
INSERT INTO parted SELECT i % 2 + 1, i FROM generate_series(1, 10) i;
INSERT INTO "Odd ""name.""" VALUES (1, '\.'), (2, NULL), (NULL, '');
INSERT INTO refers VALUES (1), (2);
INSERT INTO empty DEFAULT VALUES;
INSERT INTO empty DEFAULT VALUES;
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain FORCE ROW LEVEL SECURITY;
END
$source->backed_up_to_now;
$source->sql(<<'END');
UPDATE plain SET v = v || 'x' WHERE a % 2 = 0;
INSERT INTO keyed VALUES (1, 'beside');
DELETE FROM parent WHERE a = 3;
UPDATE parted SET v = 'moved', k = 2 WHERE k = 1;
UPDATE "Odd ""name.""" SET "b\c" = 'changed';
DELETE FROM empty WHERE ctid = '(0,1)';
END
is($source->backed_up_to_now, newest()->{cid}, 'the answer is the delta with the refresh');
my $entry = newest();
is($entry->{objects}[0]{name}, 'manifest', 'several objects, which the manifest names');
like($source->sql("SELECT array_to_string(refreshed, ', ') FROM lpbm_entries WHERE refreshed IS NOT NULL"),
	qr/public\.plain \(300 rows, \d+ \w+\)/, 'lpbm_entries shows what was refreshed and what it cost');
is($source->sql('SELECT reason ~ \'no_replica_identity: public.plain\' FROM lpbm_entries WHERE refreshed IS NOT NULL'), 't', 'and why');
is($source->sql('SELECT ddl FROM lpbm_entries WHERE kind = \'delta\' AND ddl > 0 LIMIT 1'), '12', 'and the number of DDL commands');
like($source->status('advice'), qr/table public\.plain has no primary key: 1 refreshes, .*key/, 'lpbm_status advises');
is(refreshed_in($entry), 'public.Odd "name." public.child public.empty public.parent public.parted_1 public.plain', 'what was refreshed');
is($source->sql("SELECT count(*) FROM lpbm_verify()"), '0', 'all of its objects are there');
same($source, $source->vault->restore('shapes'), 'tables without a key are the same');

my $count = () = $source->entries;
is($source->backed_up_to_now, '', 'nothing changed: nothing is refreshed');
is(scalar(() = $source->entries), $count, 'and no entry is made');

# In one delta with all that can happen to a table before its refresh.
$source->sql(<<'END');
CREATE TABLE twice (a int, b int);
INSERT INTO twice SELECT i, i FROM generate_series(1, 50) i, generate_series(1, 2);
DELETE FROM twice t USING twice u WHERE t.a = u.a AND t.ctid > u.ctid;
ALTER TABLE twice ADD PRIMARY KEY (a);
UPDATE twice SET b = b + 1 WHERE a > 40;
DELETE FROM twice WHERE a = 7;
CREATE TABLE unique_row (a int UNIQUE);
INSERT INTO unique_row VALUES (1);
DELETE FROM unique_row;
INSERT INTO unique_row VALUES (1);
CREATE TABLE renamed (a int);
INSERT INTO renamed VALUES (1);
UPDATE renamed SET a = 2;
ALTER TABLE renamed RENAME TO now_called;
CREATE SCHEMA elsewhere;
ALTER TABLE now_called SET SCHEMA elsewhere;
CREATE TABLE dropped (a int);
INSERT INTO dropped VALUES (1);
UPDATE dropped SET a = 2;
DROP TABLE dropped;
CREATE TABLE rewritten (a int, b text);
INSERT INTO rewritten VALUES (1, '1'), (1, '1'), (2, '2');
BEGIN;
DELETE FROM rewritten WHERE a = 2;
ALTER TABLE rewritten ADD q float8 DEFAULT random();
DELETE FROM rewritten WHERE ctid = '(0,1)';
ALTER TABLE rewritten ADD UNIQUE (a), ADD r float8 DEFAULT random();
COMMIT;
CREATE TABLE emptied (a int);
INSERT INTO emptied VALUES (1);
UPDATE emptied SET a = 2;
TRUNCATE emptied;
INSERT INTO emptied VALUES (3);
BEGIN;
CREATE TABLE never (a int);
INSERT INTO never VALUES (1);
UPDATE never SET a = 2;
ROLLBACK;
END
$source->backed_up_to_now;
same($source, $source->vault->restore('dances'), 'tables that changed in every way before their refresh are the same');

# What comes later goes by keys and rows again.
$source->sql(<<'END');
UPDATE twice SET b = 0 WHERE a < 10;
INSERT INTO plain VALUES (1000, 'later');
INSERT INTO elsewhere.now_called VALUES (5);
END
$source->backed_up_to_now;
is(refreshed_in(newest()), '', 'later changes by rows need no refresh');
same($source, $source->vault->restore('later'), 'the same after later changes');

# A transaction holds the table for long: neither does it keep us from refreshing, nor do we keep others from writing.
my $session = $source->node->background_psql($DATABASE, on_error_stop => 0);
$session->query_until(qr/open/, "BEGIN; INSERT INTO plain VALUES (2000, 'open');\n\\echo open\n");
$source->sql("UPDATE plain SET v = 'beside an open transaction' WHERE a = 1");
$source->backed_up_to_now;
is(refreshed_in(newest()), 'public.plain', 'refreshed beside an open transaction');
same($source, $source->vault->restore('beside'), 'the same beside an open transaction');
$session->query_until(qr/over/, "COMMIT;\n\\echo over\n");
$session->quit;
$source->backed_up_to_now;
same($source, $source->vault->restore('after'), 'the same after it committed');

# A table that became a view.
if (version() < 16)
{
	$source->sql('CREATE TABLE seen (a int); INSERT INTO seen VALUES (1); UPDATE seen SET a = 2; TRUNCATE seen; CREATE RULE "_RETURN" AS ON SELECT TO seen DO INSTEAD SELECT 1 AS a');
	$source->backed_up_to_now;
	same($source, $source->vault->restore('view'), 'a table that became a view is the same');
}

# Large objects, with all that belongs to them.
$source->sql('CREATE ROLE keeper; CREATE ROLE "odd \'reader\'"');
$source->sql('ALTER DEFAULT PRIVILEGES GRANT ALL ON LARGE OBJECTS TO PUBLIC, "odd \'reader\'"') if version() >= 18;
$source->sql(<<'END');
SELECT lo_create(4710);
SELECT lo_from_bytea(4711, 'some bytes');
SELECT lo_from_bytea(4712, decode(repeat('00ff5c27', 5000), 'hex'));
SELECT lo_put(4713, 100000, 'behind a hole') FROM lo_create(4713);
SELECT lo_from_bytea(i, 'x') FROM generate_series(10000, 11200) i;
ALTER LARGE OBJECT 4711 OWNER TO keeper;
GRANT SELECT ON LARGE OBJECT 4711 TO "odd 'reader'" WITH GRANT OPTION;
SET ROLE "odd 'reader'";
GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
RESET ROLE;
REVOKE ALL ON LARGE OBJECT 4712 FROM postgres;
COMMENT ON LARGE OBJECT 4711 IS E'it''s :here \\\\ \n';
END
$source->backed_up_to_now;
is(join(' ', map { "$_->{kind} $_->{rows}" } @{ newest()->{refreshes} }), 'l 1205', 'large objects are refreshed');
same($source, $source->vault->restore('large_objects'), 'large objects are the same');
$source->sql("SELECT lo_unlink(i) FROM generate_series(10100, 11200) i; SELECT lo_put(4711, 2, 'XX'); SELECT lo_unlink(4712); SELECT lo_from_bytea(4712, '')");
$source->sql("BEGIN; SELECT lo_create(1); ROLLBACK; DO \$\$ BEGIN PERFORM lo_create(4714); UPDATE plain SET v = 'with a large object' WHERE a = 2; END \$\$");
$source->backed_up_to_now;
is(join(' ', sort map { $_->{kind} } @{ newest()->{refreshes} }), 'l t', 'with a table');
same($source, $source->vault->restore('large_objects_again'), 'large objects are the same again');

# Unlogged tables, which no WAL tells of: the sign of a change are statistics, which a session reports when it likes.
my $report = ';SELECT pg_stat_force_next_flush();';
$source->sql(<<"END");
CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v int);
CREATE UNLOGGED TABLE idle (a int);
INSERT INTO cache SELECT i, i FROM generate_series(1, 100) i $report
END
$source->backed_up_to_now;
is(join(' ', map { "$_->{kind} $_->{name} $_->{rows}" } @{ newest()->{refreshes} }), 'u cache 100 u idle 0', 'unlogged tables are refreshed');
same($source, $source->vault->restore('unlogged'), 'unlogged tables are the same');
$count = () = $source->entries;
is($source->backed_up_to_now, '', 'nothing changed: unlogged tables are not refreshed');
$source->sql("UPDATE cache SET v = v + 1 $report");
$source->backed_up_to_now;
like(newest()->{reason}, qr/unlogged: public\.cache/, 'a change of an unlogged table alone is a delta');
$source->sql("TRUNCATE cache; DROP TABLE idle $report");
$source->backed_up_to_now;
same($source, $source->vault->restore('unlogged_again'), 'unlogged tables are the same again');
$source->sql('ALTER TABLE cache SET LOGGED; INSERT INTO cache VALUES (1, 1)');
$source->backed_up_to_now;
is(join(' ', map { $_->{kind} } @{ newest()->{refreshes} // [] }), '', 'a table that is logged now is not refreshed');
same($source, $source->vault->restore('logged'), 'and the same');

$source->fulls_are([qr/^new_stream/], 'not one full but the first');

# A restore to a time between a change and the refresh that tells it ends before the change, and says so.
$source->sql("INSERT INTO keyed VALUES (10, 'before')");
$source->sql("UPDATE plain SET v = 'between' WHERE a = 4");
$source->sql("INSERT INTO keyed VALUES (11, 'after')");
my $between = $source->sql('SELECT clock_timestamp()');
$source->sql("INSERT INTO keyed VALUES (12, 'last')");
$source->backed_up_to_now;
my @whole = ('restore', $source->vault->arguments, '--bindir', $ENV{LPBM_BINDIR});
my $until = Lpbm::Test->bare('until');
my ($status, $out, $err) = Lpbm::Test::run_lpbm(@whole, '--target', $until->target, '--until', $between);
is($status, 0, 'restored to a time within the delta');
my $ids = $until->sql('SELECT string_agg(id::text, \' \' ORDER BY id) FROM keyed WHERE id >= 10');
ok($ids eq '10' || $ids eq '10 11', "it ends before the change, or, where a trigger fell in between, behind its refresh: $ids");
like($out . $err, $ids eq '10' ? qr/public\.plain/ : qr/restored/, 'which table is in the way is said');
is($until->sql("SELECT count(*) FROM plain WHERE v = 'between'"), $ids eq '10' ? 0 : 1, 'the table is of that moment');

# The table is locked for good: deltas go on, and a full makes up for the refresh.
my $locked = $source->node->background_psql($DATABASE, on_error_stop => 0);
$locked->query_until(qr/locked/, "CREATE TABLE held (a int); INSERT INTO held VALUES (1); UPDATE held SET a = 2; BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n");
$source->sql("INSERT INTO keyed VALUES (20, 'beside the lock')");
wait_for('the status to tell of the lock', sub { $source->status('problem') =~ /lock timeout/ }, 60);
wait_for('deltas to go on', sub { newest()->{stale} }, 60);
$locked->query_until(qr/over/, "COMMIT;\n\\echo over\n");
$locked->quit;
$source->backed_up_to_now;
wait_for('the problem to be over', sub { $source->status('problem') eq '' }, 60);
same($source, $source->vault->restore('unlocked'), 'the same after the lock');

# A command that may look for rows of a table that is empty until its refresh, a constraint that its rows need not
# fulfil: a full.
sub leads_to_full
{
	my ($name, $reason, $sql) = @_;
	my $before = () = $source->entries('full');
	$source->sql($sql);
	$source->backed_up_to_now;
	my @fulls = $source->entries('full');
	is(scalar(@fulls), $before + 1, "$name: one full");
	like($fulls[-1]{reason}, $reason, "$name: whose reason says so");
	return;
}
leads_to_full('a foreign key checked anew', qr/^no_replica_identity: a command that may look for rows ran while public\.owner waits/, <<'END');
CREATE TABLE owner (id int UNIQUE NOT NULL, v text);
CREATE TABLE owned (id int REFERENCES owner (id));
INSERT INTO owner VALUES (1, 'one');
INSERT INTO owned VALUES (1);
UPDATE owner SET v = 'two';
ALTER TABLE owned ALTER id TYPE bigint;
END
leads_to_full('a constraint that is not validated', qr/^no_replica_identity: public\.unproven: a constraint on it is not validated/, <<'END');
CREATE TABLE unproven (a int);
INSERT INTO unproven VALUES (-1), (1);
ALTER TABLE unproven ADD CHECK (a > 0) NOT VALID;
UPDATE unproven SET a = 2 WHERE a > 0;
END
same($source, $source->vault->restore('by_fulls'), 'the same after them');

# Too large in proportion: a full.
my $fulls = () = $source->entries('full');
$source->configure("lpbm.refresh_limit = '1%'\n");
$source->reload;
$source->sql("CREATE TABLE large AS SELECT i, repeat(md5(i::text), 20) AS v FROM generate_series(1, 4000) i; UPDATE large SET v = '' WHERE i = 1");
$source->backed_up_to_now;
my @fulls = $source->entries('full');
is(scalar(@fulls), $fulls + 1, 'a table beyond lpbm.refresh_limit: one full');
like($fulls[-1]{reason}, qr/^no_replica_identity: public\.large: \d+ MB.* more than lpbm\.refresh_limit, 1% of/, 'whose reason says so');
$source->sql("INSERT INTO large VALUES (-1, 'by row'); UPDATE parent SET a = a + 10");
$source->backed_up_to_now;
is(refreshed_in(newest()), 'public.child public.parent', 'a small one is refreshed all the same');
same($source, $source->vault->restore('limit'), 'the same with both');
$source->configure("lpbm.refresh_limit = '25%'\n");

# lpbm.replica_identity = full
$source->configure("lpbm.replica_identity = 'full'\n");
$source->reload;
$source->sql("UPDATE parent SET a = a + 1");
$source->backed_up_to_now;
wait_for('the identity', sub { $source->sql("SELECT relreplident FROM pg_class WHERE oid = 'parent'::regclass") eq 'f' }, 60);
$source->backed_up_to_now;
$source->sql("UPDATE parent SET a = a + 1");
$source->backed_up_to_now;
is(refreshed_in(newest()), '', 'a table that was given an identity needs no refresh');
same($source, $source->vault->restore('identity'), 'the same with the identity');
$source->configure("lpbm.replica_identity = 'refresh'\n");
$source->reload;

# Killed at each step: nothing that is half done looks done.
my $killed = 0;
foreach my $round (1 .. 12)
{
	$source->sql("UPDATE plain SET v = 'round $round' WHERE a = $round; INSERT INTO plain VALUES ($round, 'new'); DELETE FROM parted WHERE v = '$round'");
	$source->try_sql('SELECT lpbm_delta(false)');
	usleep(40_000 * $round);
	foreach my $engine ($source->engines) { $killed += kill 'KILL', $engine }
	if ($round == 6)  { my $worker = $source->worker; kill 'TERM', $worker if $worker }
	if ($round == 9) { $source->crash; $source->start }
}
note("$killed engines were killed");
wait_for('the worker', sub { $source->worker }, 60);
$source->backed_up_to_now;
is($source->sql("SELECT count(*) FROM lpbm_verify()"), '0', 'all that the journal names is there');
same($source, $source->vault->restore('killed'), 'the same after kills at each step');

# A synchronous standby is away: who committed on one table is not visible, and another table goes on.
sub standby_is
{
	my ($name) = @_;
	$source->configure("synchronous_standby_names = '$name'\n");
	$source->reload;
	return wait_for("synchronous_standby_names = '$name'", sub { $source->sql('SHOW synchronous_standby_names') eq $name });
}
$source->sql('CREATE TABLE hangs (a int); INSERT INTO hangs VALUES (1)');
$source->backed_up_to_now;
standby_is('nowhere');
my $hanging = $source->node->background_psql($DATABASE, on_error_stop => 0);
$hanging->query_until(qr/begun/, "\\echo begun\nUPDATE hangs SET a = 2;\n");
wait_for('committed, and waiting', sub { $source->sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query ~ 'hangs'") eq '1' });
$source->sql("SET synchronous_commit = local; UPDATE plain SET v = 'local' WHERE a = 6; INSERT INTO keyed VALUES (30, 'local')");
wait_for('a delta that waits for its refresh', sub { my $stale = newest()->{stale} // []; grep { $_->{name} eq 'hangs' } @$stale }, 60);
ok(!(grep { $_->{name} eq 'hangs' } @{ newest()->{refreshes} // [] }), 'what nobody sees yet is not refreshed');
standby_is('');
$hanging->quit;
$source->backed_up_to_now;
same($source, $source->vault->restore('synchronous'), 'the same after the standby');

done_testing();
