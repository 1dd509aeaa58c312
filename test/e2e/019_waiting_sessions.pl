# Sessions that wait for lpbm may be terminated, more of them than can wait at a time: nothing is left of them.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql('CREATE TABLE t (id int PRIMARY KEY)');
$source->wait_for_first_full;
$source->backed_up_to_now;

my $waiting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT%lpbm\\_%' AND query NOT LIKE '%pg_stat_activity%' AND state = 'active'";

# `number` sessions that wait for an answer, and are terminated.
sub terminate
{
	my ($number, $call, $meanwhile) = @_;
	my @sessions;
	foreach (1 .. $number)
	{
		my ($out, $err) = ('', '');
		push @sessions, IPC::Run::start([ 'psql', '-XAtq', '-d', $source->conninfo, '-c', $call ], '<', \'', '>', \$out, '2>', \$err);
	}
	wait_for("$number sessions that wait", sub { $source->sql($waiting, 'postgres') == $number });
	$meanwhile->() if $meanwhile;
	$source->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT%lpbm\\_%' AND pid <> pg_backend_pid()", 'postgres');
	$_->finish foreach @sessions;
	return;
}

# Nobody has taken what they ask for: the worker stands still.
my $worker = $source->worker;
kill 'STOP', $worker;
terminate(10, 'SELECT lpbm_delta()') foreach 1 .. 4;
kill 'CONT', $worker;
$source->sql('INSERT INTO t VALUES (1)');
isnt($source->backed_up_to_now, '', 'after 40 that nobody had taken: lpbm_delta() answers');

# The worker has taken them: a full waits for a lock.
my ($in, $out, $err) = ("BEGIN;\nLOCK TABLE t;\nSELECT 'locked';\n", '', '');
my $holder = IPC::Run::start([ 'psql', '-XAtq', '-d', $source->conninfo ], '<', \$in, '>', \$out, '2>', \$err);
wait_for('the lock', sub { $holder->pump_nb; $out =~ /locked/ });
terminate(10, 'SELECT lpbm_full_backup()', sub { wait_for('the full that waits', sub { $source->sql("SELECT value = 'full' FROM lpbm_status WHERE name = 'state'") eq 't' }) })
  foreach 1 .. 4;
$in .= "COMMIT;\n\\q\n";
$holder->finish;
$source->sql('INSERT INTO t VALUES (2)');
isnt($source->backed_up_to_now, '', 'after 40 that had been taken: lpbm_delta() answers');
isnt($source->sql('SELECT lpbm_full_backup()'), '', 'and so does lpbm_full_backup()');

# Files of restores and verifications that nobody waits for any more.
kill 'STOP', $worker;
terminate(1, "SELECT lpbm_restore('elsewhere', 'no journal')");
terminate(1, 'SELECT lpbm_verify()');
kill 'CONT', $worker;
is($source->sql("SELECT count(*) FROM lpbm_verify()"), '0', 'the backups are good');
is_deeply([ glob($source->directory . '/restore-*'), glob($source->directory . '/answer-*') ], [], 'no file is left');
same($source, $source->vault->restore('target'), 'the same');

done_testing();
