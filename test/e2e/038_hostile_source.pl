# A user of the source who is no superuser does the worst for the day of the restore: code wherever a restore runs code,
# names that break quoting, text that psql would expand, values that are deep or large. Whoever restores must get what was
# there, and nobody more rights.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir    = PostgreSQL::Test::Utils::tempdir('loot');
my $psql   = "$dir/psql";
my $source = Lpbm::Test->backed_up('source', extension => 0);

sub deltas
{
	my $lsn = $source->sql('SELECT pg_current_wal_lsn()');
	$source->sql('UPDATE v.ticks SET n = n + 1');
	wait_for('the deltas', sub { my ($last) = reverse $source->entries; $source->sql("SELECT '$last->{to}'::pg_lsn >= '$lsn'") eq 't' });
	return;
}

sub as_mallory
{
	my ($sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, undef, $err) = $source->try_sql($sql, role => 'mallory', timeout => 120);
	is($status, 0, 'mallory may do so') or diag($err);
	return;
}

# ---- code -----------------------------------------------------------------------------------------------------------

$source->sql(<<'END');
CREATE ROLE mallory LOGIN;
CREATE ROLE victim LOGIN;
CREATE SCHEMA m AUTHORIZATION mallory;
CREATE SCHEMA v AUTHORIZATION victim;
GRANT CREATE ON SCHEMA public TO mallory;
ALTER ROLE mallory SET search_path = m, pg_catalog;
CREATE TABLE v.own (id int PRIMARY KEY, list text[], span interval);
ALTER TABLE v.own OWNER TO victim;
CREATE TABLE v.ticks (n int PRIMARY KEY);
INSERT INTO v.ticks VALUES (1);
END
as_mallory(<<"END");
CREATE FUNCTION m.evil(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS \$f\$
DECLARE try text;
BEGIN
  RAISE LOG 'evil: % as %, super: %', what, current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
  IF current_setting('m.tame', true) = 'on' THEN RETURN true; END IF;
  FOREACH try IN ARRAY ARRAY['RESET ROLE', 'SET ROLE NONE', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
    format('SET ROLE %I', session_user), format('SET SESSION AUTHORIZATION %I', session_user),
    'CREATE ROLE owned SUPERUSER', 'ALTER ROLE mallory SUPERUSER', 'GRANT victim TO mallory', 'ALTER SYSTEM SET work_mem = 64',
    'COPY (SELECT 1) TO PROGRAM ''touch $dir/program''', 'COPY (SELECT 1) TO ''$dir/copied''',
    'SELECT lo_import(''/etc/passwd'')', 'SELECT pg_read_file(''/etc/passwd'')', 'DROP TABLE v.own',
    'SET session_replication_role = origin', 'CREATE FUNCTION m.c() RETURNS int LANGUAGE c AS ''libc'', ''getpid''']
  LOOP
    BEGIN EXECUTE try;
      IF session_user <> 'mallory' THEN RAISE LOG 'evil: % did %', what, try; END IF;
    EXCEPTION WHEN OTHERS THEN NULL; END;
  END LOOP;
  RETURN true;
END \$f\$;
-- What is to be immutable says so.
CREATE FUNCTION m.evil_i(what text, v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM m.evil(what); RETURN true; END';
CREATE FUNCTION m.same(a text, b text) RETURNS boolean LANGUAGE sql AS 'SELECT m.evil(b)';
CREATE OPERATOR m.=== (FUNCTION = m.same, LEFTARG = text, RIGHTARG = text);
CREATE DOMAIN m.d AS text CHECK (m.evil('domain'));
CREATE DOMAIN m.d2 AS text CHECK (m.evil('literal'));
CREATE DOMAIN m.d3 AS int CHECK (m.evil('aggregate'));
CREATE FUNCTION m.step(a m.d3, b int) RETURNS m.d3 LANGUAGE sql AS 'SELECT a + b';
CREATE AGGREGATE m.summed (int) (SFUNC = m.step, STYPE = m.d3, INITCOND = '0');
CREATE VIEW m.literal AS SELECT '{a}'::m.d2[] AS x;
CREATE TYPE m.c AS (a int);
CREATE FUNCTION m.to_text(m.c) RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM m.evil(''cast''); RETURN ''x''; END';
CREATE CAST (m.c AS text) WITH FUNCTION m.to_text(m.c);
CREATE TABLE m.checked (id int PRIMARY KEY, v text CHECK (m.evil('check')), d m.d, o text CHECK (o OPERATOR(m.===) 'operator'),
  c m.c CHECK (c::text = 'x'), l m.d2[] DEFAULT '{b}');
CREATE TABLE m.generated (id int PRIMARY KEY, g boolean GENERATED ALWAYS AS (m.evil_i('generated', id::text)) STORED);
CREATE TABLE m.indexed (id int PRIMARY KEY, v text);
CREATE INDEX ON m.indexed (m.evil_i('index', v)) WHERE m.evil_i('predicate', v);
CREATE TABLE m.parted (id int, v text) PARTITION BY LIST (m.evil_i('partition', v));
CREATE TABLE m.part PARTITION OF m.parted FOR VALUES IN (true);
CREATE FUNCTION m.loop(m.d) RETURNS boolean LANGUAGE sql AS 'SELECT m.evil(''loop'')';
CREATE TABLE m.looping (id int PRIMARY KEY);
CREATE FUNCTION m.of_row(m.looping) RETURNS boolean LANGUAGE sql AS 'SELECT m.evil(''row'')';
ALTER TABLE m.looping ADD CHECK (m.of_row(looping));
CREATE FUNCTION m.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM m.evil(TG_ARGV[0]); RETURN NULL; END';
CREATE TABLE m.fired (id int PRIMARY KEY);
CREATE TRIGGER always AFTER INSERT ON m.fired FOR EACH ROW EXECUTE FUNCTION m.fire('trigger');
ALTER TABLE m.fired ENABLE ALWAYS TRIGGER always;
CREATE TABLE m.queue (id int PRIMARY KEY);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON m.queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.fire('deferred');
ALTER TABLE m.queue ENABLE ALWAYS TRIGGER late;
CREATE RULE rewritten AS ON INSERT TO m.fired DO ALSO SELECT m.evil('rule');
CREATE MATERIALIZED VIEW m.seen AS SELECT m.evil('matview') AS x;
-- What stands before pg_catalog in the search path of whoever lets it.
CREATE TABLE m.pg_class (relname text);
CREATE FUNCTION m.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
CREATE FUNCTION m.equal(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT m.evil(''shadow'')';
CREATE OPERATOR m.= (FUNCTION = m.equal, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION public.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
INSERT INTO m.checked VALUES (1, 'x', 'x', 'x', ROW(1));
INSERT INTO m.generated VALUES (1);
INSERT INTO m.indexed VALUES (1, 'x');
INSERT INTO m.parted VALUES (1, 'x');
INSERT INTO m.looping VALUES (1);
INSERT INTO m.fired VALUES (1);
INSERT INTO m.queue VALUES (1);
END

# ---- names and texts ------------------------------------------------------------------------------------------------

my @names = ('a"b', "a'b", "new\nline", 'back\\slash', ':name', ":'name'", '$$', '$f$', "x\n\\! touch $psql\n", "tab\there", '--', '/*', ';DROP SCHEMA v CASCADE;--',
	"q\n;\n\\q", '{$1}', "\x{e4}\x{df}\x{65e5}" x 8 . 'seventh', '%s%n', '${HOME}', '`touch ' . $psql . '`', "\e[31m", 'public', 'select', ' ');
utf8::encode($_) foreach @names;
sub ident   { return '"' . $_[0] =~ s/"/""/gr . '"' }
sub literal { return "E'" . $_[0] =~ s/([\\'])/\\$1/gr . "'" }

sub odd_names
{
	my ($schema) = @_;
	my $sql = '';
	foreach my $name (@names)
	{
		my ($quoted, $text) = (ident($name), literal($name));
		my $table = "$schema.$quoted";
		$sql .= <<"END";
CREATE TABLE $table ($quoted text PRIMARY KEY, other text DEFAULT $text CONSTRAINT $quoted CHECK (other <> $text || 'x'));
COMMENT ON TABLE $table IS $text;
COMMENT ON COLUMN $table.$quoted IS E'\\n\\\\! touch $psql\\n\\\\.\\n:name :''name'' \$\$\\n';
INSERT INTO $table VALUES ($text), (E'\\\\.'), (E'\\\\! touch $psql'), (E'\\n\\\\! touch $psql\\n'), (':name'), (E'\\\\N') ON CONFLICT DO NOTHING;
UPDATE $table SET other = E'\\\\.\\n' || $text WHERE $quoted = ':name';
CREATE FUNCTION $schema.$quoted() RETURNS text LANGUAGE sql AS $text;
END
	}
	return $sql;
}
# What is not hostile still works: a view's owner, with whose rights another one's function is called.
$source->sql(<<'END');
CREATE TABLE v.private (id int PRIMARY KEY);
ALTER TABLE v.private OWNER TO victim;
INSERT INTO v.private VALUES (1);
CREATE ROLE helper;
GRANT USAGE ON SCHEMA v TO helper;
CREATE FUNCTION v.counted() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM v.private); END';
ALTER FUNCTION v.counted() OWNER TO helper;
CREATE MATERIALIZED VIEW v.counts AS SELECT v.counted() AS n;
ALTER MATERIALIZED VIEW v.counts OWNER TO victim;
END
$source->sql('CREATE SCHEMA odd AUTHORIZATION victim; CREATE SCHEMA odder AUTHORIZATION victim; ALTER ROLE victim SET check_function_bodies = off');
my ($status, $out, $err) = $source->try_sql(odd_names('odd'), role => 'victim');
is($status, 0, 'names that break quoting') or diag($err);
$source->wait_for_first_full;
deltas();

# ---- the same in deltas ---------------------------------------------------------------------------------------------

as_mallory(<<'END');
INSERT INTO m.checked VALUES (2, 'x', 'x', 'x', ROW(1));
INSERT INTO m.checked VALUES (3, 'x', 'x', 'x', ROW(1), '{c}');
UPDATE m.checked SET v = 'y' WHERE id = 1;
INSERT INTO m.checked SELECT i, 'x', 'x', 'x', ROW(1)::m.c FROM generate_series(10, 80) i;
INSERT INTO m.generated VALUES (2);
INSERT INTO m.indexed VALUES (2, 'x');
INSERT INTO m.parted VALUES (2, 'x');
INSERT INTO m.looping VALUES (2);
INSERT INTO m.fired VALUES (2);
INSERT INTO m.queue VALUES (2);
-- What is left behind for whoever commits, or reads what comes later. On the source it does nothing.
CREATE FUNCTION m.leave(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
BEGIN
  PERFORM m.evil(what);
  IF session_user = 'mallory' OR current_setting('m.tame', true) = 'on' THEN RETURN true; END IF;
  INSERT INTO m.queue VALUES (666);
  DELETE FROM m.queue WHERE id = 666;
  IF EXISTS (SELECT FROM pg_cursors WHERE name = 'held') THEN RETURN true; END IF;
  EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT m.evil(''cursor'')';
  SET array_nulls = off;
  SET IntervalStyle = 'sql_standard';
  SET search_path = m, pg_catalog;
  SET standard_conforming_strings = off;
  CREATE TEMP TABLE pg_class (relname text);
  EXECUTE 'CREATE FUNCTION pg_temp.lpbm_later() RETURNS int LANGUAGE sql AS ''SELECT 1''';
  RETURN true;
END $f$;
BEGIN;
ALTER TABLE m.indexed ADD COLUMN added boolean DEFAULT m.leave('added');
INSERT INTO m.indexed VALUES (3, 'x', true);
COMMIT;
ALTER TABLE m.indexed ADD CHECK (m.evil('added check'));
ALTER TABLE m.indexed ALTER v TYPE text USING m.evil('using')::text;
CREATE INDEX ON m.indexed (m.evil_i('later index', v));
CREATE INDEX CONCURRENTLY beside ON m.indexed (m.evil_i('concurrent index', v));
CREATE MATERIALIZED VIEW m.later AS SELECT m.evil('later matview') AS x;
REFRESH MATERIALIZED VIEW m.seen;
CREATE TABLE m.made AS SELECT m.evil('as') AS x;
CREATE DOMAIN m.later_domain AS int CHECK (m.evil('later domain'));
CREATE TABLE m.last (id m.later_domain PRIMARY KEY, l m.d2[] DEFAULT '{e}');
INSERT INTO m.last VALUES (1);
ALTER DOMAIN m.later_domain ADD CHECK (m.evil('domain validated'));
DO $$ BEGIN EXECUTE 'ALTER TABLE m.last ADD COLUMN more boolean DEFAULT m.leave(''in DO'')'; END $$;
CREATE FUNCTION m.with_role() RETURNS int LANGUAGE sql SET role = 'mallory' AS 'SELECT 1';
END
$source->sql("INSERT INTO v.own VALUES (1, '{a,NULL,b}', '-1 day -02:00'), (2, '{NULL}', '1 year -3 days')");
($status, $out, $err) = $source->try_sql(odd_names('odder'), role => 'victim');
is($status, 0, 'names that break quoting, in deltas') or diag($err);

# Deep and large.
my $terms = join ' + ', ('a') x 1500;
$source->sql(<<"END");
CREATE TABLE v.deep (id int PRIMARY KEY, j jsonb, p jsonpath, t tsquery, a int[]);
INSERT INTO v.deep VALUES (1, (repeat('[', 4000) || repeat(']', 4000))::jsonb, ('\$' || repeat('.a', 3000))::jsonpath,
  (repeat('!', 30) || 'a')::tsquery, '{{{{{{1}}}}}}');
UPDATE v.deep SET j = (repeat('{"a":', 4000) || '1' || repeat('}', 4000))::jsonb WHERE id = 1;
CREATE TABLE v.sum (a int CHECK ($terms >= 0));
CREATE VIEW v.total AS SELECT $terms AS s FROM v.sum;
CREATE TABLE v.large (id int PRIMARY KEY, t text);
INSERT INTO v.large VALUES (1, repeat('0123456789', 10000000));
END
$source->sql("CREATE TABLE v.x (id int PRIMARY KEY, x xml); INSERT INTO v.x VALUES (1, (repeat('<a>', 200) || repeat('</a>', 200))::xml)")
  if Lpbm::Test::has('xml');
deltas();
$source->fulls_are([qr/^new_stream/], 'all that is in deltas');

# ---- the restore ----------------------------------------------------------------------------------------------------

# What the code said in the server's log: [what it was, as whom, whether a superuser].
sub confessions { my ($server) = @_; return map { [ /evil: (.*) as (\w+), super: (\w)/ ] } grep { / as \w+, super: /  } split /\n/, $server->log }

my $vault  = $source->vault;
my $target = Lpbm::Test->bare('target');
my @restore = ('restore', $vault->arguments, '--bindir', $ENV{LPBM_BINDIR}, '--target');
($status, $out, $err) = run_lpbm(@restore, $target->target);
is($status, 0, 'restored') or diag($err);
same($source, $target, 'what is restored is what was there');
my @heard = confessions($target);
my %heard = map { $_->[0] => 1 } @heard;
is(join(', ', grep { !$heard{$_} } 'check', 'domain', 'literal', 'aggregate', 'operator', 'cast', 'generated', 'index', 'predicate',
		'partition', 'row', 'matview', 'added', 'added check', 'using', 'later index', 'concurrent index', 'later domain',
		'domain validated', 'in DO', 'deferred'), '', 'the code of the source ran in each of these places');
is(join(', ', sort map { $_->[0] } grep { $_->[1] ne 'mallory' || $_->[2] ne 'f' } @heard), '', 'always as the one who wrote it');
is(join(', ', $target->log =~ /evil: (.*) did .*/g), '', 'and could do nothing else');
is(join(', ', grep { $heard{$_} } 'trigger', 'rule', 'cursor', 'shadow'), '', 'triggers, rules, cursors and shadows never ran');
is($target->sql("SELECT count(*) FROM pg_roles WHERE rolname = 'owned' OR rolname = 'mallory' AND rolsuper"), '0', 'nobody has become a superuser');
is(join(' ', glob("$dir/*")), '', 'nothing was written outside');
is($target->sql("SELECT count(*) FROM pg_proc WHERE prosecdef AND oid >= 16384"), '0', 'functions are as they were');

# ---- by psql --------------------------------------------------------------------------------------------------------

# Text is inert where psql reads it; the code in it is not, psql runs it as whoever runs psql.
my $hand = Lpbm::Test->bare('hand', conf => "m.tame = 'on'\n");
my $key  = "$dir/../" . (split m{/}, $dir)[-1] . '.key';
sub object
{
	my ($cid, $command) = @_;
	my @get = ('get', $cid, $vault->arguments, '--decrypt', '-o', "$key.$cid");
	my ($status, undef, $err) = run_lpbm(@get);
	is($status, 0, "lpbm get $cid") or diag($err);
	my $out = qx{$command '$key.$cid' 2>&1};
	is($?, 0, $command) or diag(substr($out, 0, 2000));
	return;
}
my @entries = $source->entries;
my %object  = map { $_->{name} => $_->{cid} } @{ $entries[0]{objects} };
my $run     = "psql -X -q -v name=EXPANDED -v ON_ERROR_STOP=1 -d '" . $hand->conninfo . "' -f";
object($object{globals}, "psql -X -q -d '" . $hand->conninfo('postgres') . "' -f");
$hand->sql("CREATE DATABASE $DATABASE TEMPLATE template0", 'postgres');
object($object{dump}, "pg_restore --exit-on-error -d '" . $hand->conninfo . "'");
object($object{bridge}, $run) if $object{bridge};
foreach my $delta (grep { $_->{kind} eq 'delta' } @entries)
{
	next if $source->sql("SELECT '$delta->{to}'::pg_lsn <= '$entries[0]{anchor}'") eq 't';
	my ($script) = grep { $_->{name} eq 'script' } @{ $delta->{objects} };
	object($script->{cid}, $run);
}
ok(!-e $psql, 'psql ran nothing of what stands in names, comments and values');
my $odd = "SELECT string_agg(t, ' ' ORDER BY t) FROM (SELECT query_to_xml(format('TABLE %s ORDER BY 1', oid::regclass), true, true, '')::text AS t FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text ~ '^odd') x";
is($hand->sql($odd), $source->sql($odd), 'and expanded nothing') if Lpbm::Test::has('xml');
cmp_ok(scalar(grep { $_->[2] eq 't' } confessions($hand)), '>', 0, 'code runs there as whoever restores, as the documents say');
unlink glob("$dir/*");

# ---- what cannot be bound is refused --------------------------------------------------------------------------------

my $inserted = 0;
as_mallory(<<'END');
CREATE FUNCTION m.set() RETURNS boolean LANGUAGE plpgsql AS
  'BEGIN IF session_user <> ''mallory'' THEN SET array_nulls = off; END IF; RETURN true; END';
CREATE TABLE m.setting (id int PRIMARY KEY CHECK (m.set()));
CREATE TABLE m.harmless (id int PRIMARY KEY);
END
deltas();
# The settings are changed in the middle of a batch that goes over several deltas, none of them with DDL.
foreach my $table (qw(harmless setting harmless))
{
	as_mallory("INSERT INTO m.$table VALUES (" . (++$inserted) . ')');
	deltas();
}
my @bindir = ('--bindir', $ENV{LPBM_BINDIR});
lpbm_fails([ 'restore', $source->vault->arguments, @bindir, '--target', $target->conninfo('set') ], 1,
	qr/changed the settings of the session: .*array_nulls=off.*\nhint: .*--trust-source/, 'code that changes how the rows after it are read');
as_mallory('DROP TABLE m.setting; CREATE TABLE m.reaching (id int PRIMARY KEY, v text CHECK (lo_import(v) > 0))');
$source->sql('CREATE EXTENSION lpbm; SELECT lpbm_full_backup()');
lpbm_fails([ 'restore', $source->vault->arguments, @bindir, '--target', $target->conninfo('reached') ], 1,
	qr/would act as the one who restores: the constraint reaching_v_check of m\.reaching calls lo_import\(text\)\nhint: .*--trust-source/,
	'a constraint that calls what is barred to its owner');

# Whoever trusts the source may say so: then all this happens.
my $trusting = Lpbm::Test->bare('trusting');
run_lpbm(@restore, $trusting->target, '--trust-source');
cmp_ok(scalar(grep { $_->[2] eq 't' } confessions($trusting)), '>', 0, 'with --trust-source code runs as a superuser');
ok(-e "$dir/program", 'and does what a superuser can');

done_testing();
