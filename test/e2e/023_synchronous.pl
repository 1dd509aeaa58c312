# Synchronous replication whose standby is away: commits hang, durable but not visible. They are backed up all the same,
# and no full backup misses them.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql('CREATE TABLE t (id bigserial PRIMARY KEY, v text)');
$source->wait_for_first_full;
$source->backed_up_to_now;

sub standby_is
{
	my ($name) = @_;
	$source->configure("synchronous_standby_names = '$name'\n");
	$source->reload;
	return wait_for("synchronous_standby_names = '$name'", sub { $source->sql('SHOW synchronous_standby_names') eq $name });
}

# A session whose COMMIT hangs.
my @sessions;
sub insert_and_hang
{
	my ($value) = @_;
	my $session = $source->node->background_psql($DATABASE, on_error_stop => 0);
	$session->query_until(qr/begun/, "\\echo begun\nINSERT INTO t (v) VALUES ('$value');\n");
	push @sessions, $session;
	return wait_for("$value: committed, and waiting",
		sub { $source->sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%$value%'") eq '1' });
}

sub release
{
	standby_is('');
	$_->quit foreach splice @sessions;
	return;
}

# The newest full alone, without the deltas behind it.
sub in_the_full
{
	my ($name) = @_;
	my ($full) = reverse $source->entries('full');
	my $target = $source->vault->restore($name, arguments => [ '--entry', $full->{entry} ]);
	my $rows = $target->sql("SELECT string_agg(v, ' ' ORDER BY id) FROM t");
	$target->stop('immediate');
	return $rows;
}

my $before = () = $source->entries('delta');
standby_is('nowhere');
insert_and_hang('hangs');
is($source->sql('SELECT count(*) FROM t'), '0', 'nobody sees it');
wait_for('a delta with it', sub { my @deltas = $source->entries('delta'); grep { ($_->{rows} // 0) > 0 } splice @deltas, $before }, 30);
my ($status, $out, $err) = $source->try_sql('SET synchronous_commit = local; SELECT lpbm_full_backup()', timeout => 120);
is($status, 0, 'a full backup does not wait for the standby') or diag($err);
is(in_the_full('bridged'), 'hangs', 'and holds what it did not see');

# A worker that begins anew knows nothing of such transactions: a full waits until they are seen.
insert_and_hang('hangs too');
my $written = $source->sql('SELECT pg_current_wal_lsn()');
wait_for('the slot beyond it', sub { $source->sql("SELECT confirmed_flush_lsn >= '$written' FROM pg_replication_slots") eq 't' }, 90);
my $worker = $source->worker;
$source->sql("SELECT pg_terminate_backend($worker)");
wait_for('another worker', sub { my $pid = $source->worker; $pid && $pid != $worker }, 60);
my $fulls = () = $source->entries('full');
$source->sql('SET synchronous_commit = local; SELECT lpbm_full_backup(false)');
wait_for('the status to tell that a full waits',
	sub { $source->sql("SELECT count(*) FROM lpbm_status WHERE value ~ 'a full backup waits' AND hint ~ 'synchronous_standby_names'") eq '1' }, 60);
is(scalar(() = $source->entries('full')), $fulls, 'no full is taken meanwhile');
release();
wait_for('the full', sub { my $now = () = $source->entries('full'); $now == $fulls + 1 }, 60);
is(in_the_full('waited'), 'hangs hangs too', 'it holds both');
is($source->sql("SELECT count(*) FROM lpbm_status WHERE value ~ 'a full backup waits'"), '0', 'the status is clean again');

$source->backed_up_to_now;
my $target = $source->vault->restore('target');
same($source, $target, 'source and restored server');

done_testing();
