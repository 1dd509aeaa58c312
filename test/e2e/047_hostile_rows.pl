# Code that rows run at a restore aims at the session that restores: it makes functions of its owner run unbound, replaces
# what the session has prepared, leaves work for its commit, or has it find other operators than its own. Each attack is
# tried in a restore of its own; on the source, where nobody names one, the code does nothing.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = Lpbm::Test->backed_up('source', extension => 0);

sub as_mallory
{
	my ($sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, undef, $err) = $source->try_sql($sql, role => 'mallory', timeout => 120);
	is($status, 0, 'mallory may do so') or diag($err);
	return;
}

$source->sql(<<'END');
CREATE ROLE mallory LOGIN;
CREATE ROLE victim LOGIN;
CREATE SCHEMA m AUTHORIZATION mallory;
CREATE SCHEMA m_equal AUTHORIZATION mallory;
CREATE SCHEMA m_truncate AUTHORIZATION mallory;
CREATE SCHEMA m_guard AUTHORIZATION mallory;
CREATE SCHEMA v AUTHORIZATION victim;
CREATE FUNCTION public.run(command text) RETURNS boolean LANGUAGE plpgsql AS $f$
BEGIN
  IF current_setting('m.attack', true) = 'limit' THEN EXECUTE command; END IF;
  RETURN true;
END $f$;
SET ROLE victim;
CREATE TABLE v.own (id int PRIMARY KEY, list text[], n int);
INSERT INTO v.own SELECT i, '{a,NULL}', 0 FROM generate_series(1, 9) i;
CREATE FUNCTION v.definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user';
END
as_mallory(<<'END');
CREATE FUNCTION m.is_on(attack text) RETURNS boolean LANGUAGE sql AS $f$
  SELECT coalesce(pg_catalog.current_setting('m.attack', true), '') OPERATOR(pg_catalog.=) attack $f$;
-- What nothing refers to, so nothing binds it.
CREATE FUNCTION m.take() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
DECLARE attack text := current_setting('m.attack', true);
BEGIN
  RAISE LOG 'evil: % as %', attack, current_user;
  BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE format('CREATE ROLE %I SUPERUSER', 'owned_' || attack); EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN true;
END $f$;
CREATE FUNCTION m.next_row() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN RETURN m.take(); END';
CREATE FUNCTION m.try(command text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
BEGIN
  EXECUTE command;
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  RAISE LOG 'refused: % in %: %', current_setting('m.attack', true), command, SQLERRM;
  RETURN false;
END $f$;
CREATE FUNCTION m.row(step text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
DECLARE attack text := coalesce(current_setting('m.attack', true), '');
BEGIN
  CASE attack
  WHEN 'alter' THEN PERFORM m.try('ALTER FUNCTION m.next_row() SECURITY INVOKER');
  WHEN 'replace' THEN PERFORM m.try('CREATE OR REPLACE FUNCTION m.next_row() RETURNS boolean LANGUAGE plpgsql AS ''BEGIN RETURN m.take(); END''');
  WHEN 'cursor' THEN PERFORM m.try('DECLARE held CURSOR WITH HOLD FOR SELECT m.take()');
  WHEN 'held' THEN PERFORM m.try('DECLARE held CURSOR WITH HOLD FOR SELECT pg_create_physical_replication_slot(''evil'')');
  WHEN 'data' THEN IF step = 'full' THEN SET array_nulls = off; END IF;
  WHEN 'temporary' THEN PERFORM m.try('CREATE TEMP TABLE later (id int CHECK (m.take()))');
  WHEN 'prepared' THEN
    PERFORM m.try($$DO 'DECLARE s record; BEGIN FOR s IN SELECT name FROM pg_prepared_statements WHERE statement ~ ''v.*own'' LOOP
      EXECUTE format(''DEALLOCATE %I'', s.name);
      EXECUTE format(''PREPARE %I (text, text, text) AS SELECT m.take()'', s.name); END LOOP; END'$$);
  WHEN 'guessed' THEN
    FOR i IN 1..30 LOOP
      PERFORM m.try(format('DEALLOCATE s%s; PREPARE s%s (text, text, text) AS SELECT m.take()', i, i));
    END LOOP;
  -- What was set is taken back before anybody looks.
  WHEN 'equal', 'truncate', 'guard' THEN
    IF step <> 'full' THEN
      PERFORM set_config('search_path', CASE WHEN step = CASE attack WHEN 'guard' THEN 'command' ELSE 'first' END
        THEN 'm_' || attack || ', pg_catalog' ELSE 'pg_catalog' END, false);
    END IF;
  WHEN 'left' THEN IF step = 'last' THEN PERFORM set_config('search_path', 'm_truncate, pg_catalog', false); SET array_nulls = off; END IF;
  ELSE NULL; END CASE;
  RETURN true;
END $f$;
CREATE TABLE m.acts (id int PRIMARY KEY, step text CHECK (m.row(step)));
CREATE TABLE m.gains (id int PRIMARY KEY CHECK (CASE WHEN m.is_on('alter') OR m.is_on('replace') THEN m.next_row() ELSE true END));
INSERT INTO m.acts VALUES (1, 'full');
INSERT INTO m.gains VALUES (1);
CREATE TABLE m.beyond (id int PRIMARY KEY CHECK (public.run('CREATE ROLE owned_limit SUPERUSER')));
INSERT INTO m.beyond VALUES (1);
CREATE TABLE m.mine (id int PRIMARY KEY);
-- What a literal runs in a command.
CREATE DOMAIN m.literal AS text CHECK (CASE WHEN m.is_on('literal') THEN m.take() ELSE true END);
-- Operators that are found first where their schema stands before pg_catalog.
CREATE FUNCTION m_equal.other(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 OPERATOR(pg_catalog.=) ($2 OPERATOR(pg_catalog.+) 1)';
CREATE OPERATOR m_equal.= (FUNCTION = m_equal.other, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION m_truncate.glue(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'DO ''BEGIN PERFORM m.take(); END'''$$;
CREATE OPERATOR m_truncate.|| (FUNCTION = m_truncate.glue, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION m_guard.always(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR m_guard.= (FUNCTION = m_guard.always, LEFTARG = oid, RIGHTARG = oid);
END
$source->wait_for_first_full;

# First the code, then what it aims at; at once, so that one delta, and one transaction of the replay, has it all.
$source->sql(<<'END');
UPDATE v.own SET n = n + 1 WHERE id = 4;
SET SESSION AUTHORIZATION mallory;
INSERT INTO m.acts VALUES (2, 'first');
INSERT INTO m.gains VALUES (2);
SET SESSION AUTHORIZATION victim;
UPDATE v.own SET n = n + 1 WHERE id = 3;
UPDATE v.own SET n = n + 1 WHERE id = 3;
INSERT INTO v.own VALUES (20, '{NULL}', 0);
SET SESSION AUTHORIZATION mallory;
INSERT INTO m.acts VALUES (3, 'last');
BEGIN;
INSERT INTO m.acts VALUES (4, 'first');
TRUNCATE m.mine;
INSERT INTO m.acts VALUES (5, 'last');
COMMIT;
BEGIN;
INSERT INTO m.acts VALUES (6, 'command');
CREATE TABLE m.made ();
INSERT INTO m.gains VALUES (3);
INSERT INTO m.acts VALUES (7, 'last');
COMMIT;
CREATE FUNCTION m.of_literal(a m.literal[] DEFAULT '{x}') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION m.with_role(a m.literal[] DEFAULT '{x}') RETURNS int LANGUAGE sql SET role = mallory AS 'SELECT 1';
CREATE INDEX CONCURRENTLY ON m.mine (id) WHERE '{x}'::m.literal[] IS NOT NULL;
RESET SESSION AUTHORIZATION;
CREATE TABLE v.later (id int PRIMARY KEY);
INSERT INTO v.later VALUES (1);
END
my $lsn = $source->sql('SELECT pg_current_wal_lsn()');
$source->sql('CREATE TABLE v.at_last ()');
wait_for('the deltas', sub { my ($last) = reverse $source->entries; $source->sql("SELECT '$last->{to}'::pg_lsn >= '$lsn'") eq 't' });
$source->fulls_are([qr/^new_stream/], 'all that is in deltas');

my $vault  = $source->vault;
my $target = Lpbm::Test->bare('target');
$target->{database} = 'postgres';

sub restore_under
{
	my ($attack, @more) = @_;
	$target->configure("m.attack = '$attack'\n");
	$target->reload;
	$target->wait_for_sql("SELECT current_setting('m.attack', true) = '$attack'", "the attack $attack");
	return run_lpbm('restore', $vault->arguments, '--bindir', $ENV{LPBM_BINDIR}, @more, '--target', $target->conninfo($attack));
}

# With what is his besides.
sub rows_of_victim
{
	my ($server, $database) = @_;
	return $server->sql('SELECT * FROM v.own ORDER BY 1; SELECT * FROM v.later; SELECT proname FROM pg_proc WHERE prosecdef', $database);
}
my $wanted = rows_of_victim($source, $DATABASE);
my $super  = $target->sql('SELECT current_user');

# Those that end the restore with an error, which names the place. All others fail, and the restore does not notice.
my %stops = (guard => qr/changed the settings of the session: .*search_path=m_guard/, left => qr/changed the settings of the session: .*array_nulls=off/,
	data => qr/restoring the full backup with pg_restore: COPY m\.acts.*changed the settings of the session: .*array_nulls=off/);
foreach my $attack ('none', 'alter', 'replace', 'cursor', 'held', 'data', 'temporary', 'prepared', 'guessed', 'equal', 'truncate', 'guard', 'left', 'literal')
{
	my ($status, undef, $err) = restore_under($attack);
	if ($stops{$attack})
	{
		like($err, $stops{$attack}, "$attack: the restore stops, and says where");
	}
	else
	{
		is($status, 0, "$attack: restored") or diag($err);
		is(rows_of_victim($target, $attack), $wanted, "$attack: the rows of others are as they were") if $status == 0;
	}
	is($target->sql("SELECT count(*) FROM pg_roles WHERE rolname = 'owned_$attack' AND rolsuper"), '0', "$attack: nobody has become a superuser");
	my $heard = grep { /evil: $attack as $super/ } split /\n/, $target->log;
	is($heard, 0, "$attack: no code ran as the one who restores");
}
is($target->sql('SELECT count(*) FROM pg_replication_slots'), '0', 'and had no built-in function act as him');

# What is not stopped, as the documents say.
restore_under('limit');
is($target->sql("SELECT count(*) FROM pg_roles WHERE rolname = 'owned_limit'"), '1',
	'a function of a superuser that runs what it is given runs it as the restorer, also where the constraint is not his');

# A literal runs what its domain checks, before all definitions are there.
as_mallory(<<'END');
CREATE DOMAIN m.reach AS text CHECK (lo_from_bytea(0, 'x') > 0);
CREATE TABLE m.reaching (id int PRIMARY KEY, v m.reach[] DEFAULT '{x}');
END
$source->sql('CREATE EXTENSION lpbm; SELECT lpbm_full_backup()');
$vault = $source->vault;
my ($status, undef, $err) = restore_under('reach');
like($err, qr/would act as the one who restores: the constraint reach_check of m\.reach calls lo_from_bytea\(oid,bytea\)/, 'what would act as the restorer is refused');
is($target->sql('SELECT count(*) FROM pg_largeobject_metadata', 'reach'), '0', 'before any definition has run it');

done_testing();
