# Commands are replayed in the order of commits. Where PostgreSQL has no lock that makes this the order in which they saw
# each other, a full follows; where it has, or nothing is in the way, a delta.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.trigger_cron = 'never'\nlpbm.min_full_interval = '0'\nmax_prepared_transactions = 5\n");
$source->sql("CREATE ROLE reader; CREATE SCHEMA app; CREATE SCHEMA old; CREATE TYPE app.mood AS ENUM ('sad');
	CREATE TABLE app.there (id int PRIMARY KEY); CREATE TABLE old.there (id int PRIMARY KEY);
	CREATE TABLE app.owned (id int PRIMARY KEY); ALTER TABLE app.owned OWNER TO reader");
$source->sql('SELECT lpbm_full_backup()');
$source->backed_up_to_now;

# `first` runs in a transaction that is committed only after `between` was, in another session.
my $number = 0;
sub leads_to
{
	my ($kind, $first, $between, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$number++;
	$source->sql("BEGIN; $first; PREPARE TRANSACTION 'p$number'");
	$source->sql($between);
	$source->sql("COMMIT PREPARED 'p$number'");
	$source->backed_up_to_now;
	my ($last) = reverse $source->entries;
	is($last->{kind}, $kind, "$what: a $kind");
	like($last->{reason}, qr/^concurrent_ddl: /, 'for this reason') if $kind eq 'full';
	my $target = $source->vault->restore("restored$number");
	same($source, $target, 'and it comes back the same');
	return;
}

leads_to('full', 'CREATE TABLE app.a (id int PRIMARY KEY)', 'ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO reader',
	'a table made before the privileges that it would get by default');
leads_to('delta', 'CREATE TABLE app.b (id int PRIMARY KEY)', 'CREATE TABLE app.c (id int PRIMARY KEY)', 'two tables made at a time');
leads_to('full', 'GRANT INSERT ON ALL TABLES IN SCHEMA app TO reader', 'CREATE TABLE app.d (id int PRIMARY KEY)',
	'privileges for all tables but one that was committed earlier');
leads_to('delta', 'CREATE TABLE app.e (id int PRIMARY KEY)', 'GRANT UPDATE ON ALL TABLES IN SCHEMA app TO reader',
	'privileges for all tables but one that is committed later');
leads_to('full', 'CREATE TABLE app.f (id int PRIMARY KEY, m app.mood)', 'ALTER TYPE app.mood RENAME TO humour', 'a type that got another name');
leads_to('full', 'CREATE VIEW app.g AS SELECT id FROM old.there', 'ALTER SCHEMA old RENAME TO older', 'a schema that got another name');
leads_to('delta', 'CREATE TABLE app.h (id int PRIMARY KEY)', 'ALTER TABLE app.there RENAME TO here', 'a table that got another name');
leads_to('full', 'DROP TABLE IF EXISTS app.b, app.i', 'CREATE TABLE app.i (id int PRIMARY KEY)', 'a table that was not there yet to be dropped');
leads_to('delta', 'DROP TABLE IF EXISTS app.j; CREATE TABLE app.k (id int PRIMARY KEY)', 'CREATE TABLE app.j (id int PRIMARY KEY)',
	'nothing that was there was dropped');
leads_to('full', 'REASSIGN OWNED BY reader TO CURRENT_USER; CREATE TABLE app.l (id int PRIMARY KEY)',
	'CREATE TABLE app.m (id int PRIMARY KEY); ALTER TABLE app.m OWNER TO reader', 'a new owner for all that was there');
leads_to('delta', 'SAVEPOINT s; CREATE TABLE app.n (id int PRIMARY KEY); ROLLBACK TO s; INSERT INTO app.a VALUES (1)',
	'ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO reader', 'commands that were rolled back count for nothing');
$source->stop;

done_testing();
