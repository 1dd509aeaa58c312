# Names and types that change while a full reads: what was read by them is taken again. And a table without a key that
# changes all the time does not keep a full from being taken.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.refresh_limit = '0%'\n");
$source->sql(<<'END');
CREATE TABLE a_first (i int PRIMARY KEY);
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE z_sized (i int PRIMARY KEY, s size);
INSERT INTO z_sized VALUES (1, 'small'), (2, 'large');
CREATE SCHEMA one;
CREATE TABLE one.z_place (i int PRIMARY KEY);
INSERT INTO one.z_place VALUES (1);
CREATE SCHEMA two;
CREATE TABLE two.z_place (i int PRIMARY KEY);
INSERT INTO two.z_place VALUES (2);
CREATE TYPE pair AS (a int, b int);
CREATE TABLE z_paired (i int PRIMARY KEY, p pair);
INSERT INTO z_paired VALUES (1, (1, 2));
END
$source->wait_for_first_full;
$source->backed_up_to_now;

# A full whose pg_dump waits for a lock: somebody who asks for an exclusive one waits for the snapshot of the full, and
# pg_dump waits for him. Returns both sessions; nothing where the full was quicker.
sub full_on_its_way
{
	my $fulls = () = $source->entries('full');
	my $over = "(SELECT count(*) FROM lpbm_entries WHERE kind = 'full') > $fulls";
	my $full = $source->node->background_psql($DATABASE, on_error_stop => 0);
	$full->query_until(qr/asked/, "\\echo asked\nSELECT 'taken ' || lpbm_full_backup();\n");
	wait_for('the snapshot', sub { $source->sql("SELECT $over OR EXISTS (SELECT FROM pg_locks WHERE relation = 'a_first'::regclass AND mode = 'AccessShareLock' AND granted)") eq 't' }, 60);
	my $other = $source->node->background_psql($DATABASE, on_error_stop => 0);
	$other->query_until(qr/asked/, "\\echo asked\nBEGIN; LOCK TABLE a_first;\n");
	my $waits = "SELECT CASE WHEN EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'lpbm' AND query ~ 'LOCK TABLE' AND wait_event_type = 'Lock') THEN 'waits'
		WHEN $over THEN 'over' END";
	my $found = wait_for('pg_dump to wait, or the full to be over', sub { $source->sql($waits) }, 60);
	return ($full, $other) if $found eq 'waits';
	$_->quit foreach $other, $full;
	return;
}

sub beside_the_dump
{
	my ($name, $sql) = @_;
	my ($full, $other, $before);
	foreach my $attempt (1 .. 10)
	{
		$before = () = $source->entries('full');
		($full, $other) = full_on_its_way();
		last if $full;
	}
	ok($full, "$name: pg_dump is on its way") or return;
	$source->sql($sql);
	$source->sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^BEGIN; LOCK|^LOCK TABLE a_first' AND wait_event_type = 'Lock' AND application_name <> 'lpbm'});
	$other->quit;
	ok(wait_for("$name: a full", sub { (() = $source->entries('full')) > $before }, 120), "$name: the full is taken");
	$full->quit;
	$source->backed_up_to_now;
	my @fulls = $source->entries('full');
	is(scalar(@fulls), $before + 1, "$name: it is one");
	same($source, $source->vault->restore("after_$before"), "$name: the same");
	return;
}

beside_the_dump('values of an enum change their names',
	"ALTER TYPE size RENAME VALUE 'small' TO 'x'; ALTER TYPE size RENAME VALUE 'large' TO 'small'; ALTER TYPE size RENAME VALUE 'x' TO 'large'");
beside_the_dump('schemas change their names', 'ALTER SCHEMA one RENAME TO x; ALTER SCHEMA two RENAME TO one; ALTER SCHEMA x RENAME TO two');
beside_the_dump('a composite type grows', 'ALTER TYPE pair ADD ATTRIBUTE c int');
$source->sql('CREATE ROLE gone; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS \'SELECT 1\'; GRANT EXECUTE ON FUNCTION f() TO gone');
$source->backed_up_to_now;
beside_the_dump('a role goes', 'REVOKE EXECUTE ON FUNCTION f() FROM gone; DROP ROLE gone');

# Changes that no record can tell, all the time.
$source->sql('CREATE TABLE busy (i int, n int); INSERT INTO busy SELECT i, 0 FROM generate_series(1, 10) i');
my $script = PostgreSQL::Test::Utils::tempdir() . '/busy.sql';
open my $file, '>', $script or die $!;
print $file "\\set i random(1, 10)\nUPDATE busy SET n = n + 1 WHERE i = :i;\n";
close $file;
my $load = $source->pgbench_start('-c', '4', '-T', '300', '-f', $script);
wait_for('the load', sub { $source->sql('SELECT sum(n) FROM busy') > 100 });
my ($status, $cid, $err) = $source->try_sql('SELECT lpbm_full_backup()', timeout => 120);
is($status, 0, 'a full beside a table without a key that changes all the time') or diag($err);
my $vault = $source->vault;
$load->kill;
my ($entry) = grep { $_->{cid} eq $cid } $source->entries('full');
my $target = $vault->restore('busy', arguments => [ '--entry', $entry->{entry} ]);
cmp_ok($target->sql('SELECT sum(n) FROM busy'), '>', 100, 'and it can be restored');
$source->backed_up_to_now;
same($source, $source->vault->restore('idle'), 'the same when the load is over');

done_testing();
