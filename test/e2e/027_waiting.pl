# Sessions that wait for a job: they see how it goes, may give up, and neither they nor locks of others stop the backup.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE locked (id int PRIMARY KEY)');
$source->wait_for_first_full;
$source->backed_up_to_now;
my $fulls = () = $source->entries('full');

sub active { return $source->sql("SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE state = 'active' AND query ~ '^SELECT lpbm_$_[0]'") }

# Somebody holds a lock that pg_dump needs: a full waits for it, deltas do not.
my $holder = $source->node->background_psql($DATABASE);
$holder->query('BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE');
my @waiting;
sub wait_for_full
{
	my $session = $source->node->background_psql($DATABASE, on_error_stop => 0);
	$session->query_until(qr/begun/, "\\echo begun\nSELECT lpbm_full_backup();\n");
	push @waiting, $session;
	return $session;
}
my $first = wait_for_full();
wait_for('the full to wait for the lock', sub { $source->sql("SELECT count(*) FROM lpbm_progress WHERE job = 'full' AND phase = 'snapshot' AND done > 1") eq '1' }, 60);
is($source->sql("SELECT string_agg(job || ' ' || phase || ' ' || unit, ', ') FROM lpbm_progress"), 'full snapshot attempts', 'lpbm_progress tells where the job is');
$source->sql("INSERT INTO t VALUES (1, 'while a full waits')");
isnt($source->backed_up_to_now, '', 'a delta is taken meanwhile');

# Those who give up leave the job alone.
wait_for_full();
wait_for('two sessions that wait', sub { split(/ /, active('full')) == 2 });
my ($one, $other) = split / /, active('full');
$source->sql("SELECT pg_cancel_backend($one)");
$source->sql("SELECT pg_terminate_backend($other)");
wait_for('both to be gone', sub { active('full') eq '' });
is($source->sql("SELECT count(*) FROM lpbm_progress WHERE job = 'full'"), '1', 'the job goes on without them');
$holder->query('COMMIT');
$holder->quit;
wait_for('the full', sub { (() = $source->entries('full')) == $fulls + 1 }, 60);
wait_for('the end of the job', sub { $source->sql('SELECT count(*) FROM lpbm_progress') eq '0' });
is((($source->entries('full'))[-1])->{reason}, 'requested', 'one full came of both');

# Giving up is no drain: there is room for as many as ask.
foreach my $round (1 .. 40)
{
	my ($status, undef, $err) = $source->try_sql("SET statement_timeout = '1ms'; SELECT lpbm_verify()", timeout => 60);
}
my ($status, $out, $err) = $source->try_sql('SELECT lpbm_delta()', timeout => 60);
is($status, 0, 'after forty sessions that gave up the next one is served') or diag($err);

eval { $_->quit } foreach @waiting;
$source->sql("INSERT INTO t VALUES (2, 'at the end')");
$source->backed_up_to_now;
same($source, $source->vault->restore('target'), 'source and restored server');

done_testing();
