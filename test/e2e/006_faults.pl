# Every fault leads to a complete backup again by itself, told in the log, without more fulls than it needs.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "log_rotation_age = 0\n");
$source->sql('CREATE TABLE t (id bigserial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(), v text)');
$source->wait_for_first_full;
$source->backed_up_to_now;
my $script = PostgreSQL::Test::Utils::tempdir() . '/load.sql';
append_text($script, "INSERT INTO t (v) VALUES ('load'); UPDATE t SET v = v || '!' WHERE id = (SELECT max(id) FROM t);\n");

sub append_text
{
	my ($path, $text) = @_;
	open my $file, '>>', $path or die $!;
	print $file $text;
	close $file;
	return;
}

# Some rows through the load, so that the fault falls into it.
sub under_load
{
	my ($fault) = @_;
	my $load = $source->pgbench_start('-c', '2', '-T', '120', '-f', $script);
	my $start = $source->sql('SELECT count(*) FROM t');
	wait_for('rows by the load', sub { $source->sql('SELECT count(*) FROM t') > $start + 50 });
	$fault->();
	$load->kill;
	# A session may still finish what it had begun.
	wait_for('the end of the load',
		sub { !-e $source->data . '/postmaster.pid' || !kill(0, $source->postmaster) || $source->sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'") eq '0' });
	return;
}

# After a fault: complete again, the same, and with so many more fulls, for these reasons.
my $restored = 0;
sub recovers
{
	my ($name, $fulls_before, $reasons, %options) = @_;
	$source->sql("INSERT INTO t (v) VALUES ('after: $name')");
	my $done = wait_for("$name: backed up again", sub { $source->backed_up_to_now; 1 }, 120);
	return if !$done;
	my @fulls = $source->entries('full');
	my @new = @fulls[ $fulls_before .. $#fulls ];
	is(scalar(@new), scalar(@$reasons), "$name: " . scalar(@$reasons) . ' more fulls') or diag(join ' | ', map { $_->{reason} } @new);
	like($new[$_]{reason} // '', $reasons->[$_], "$name: for the reason expected") foreach 0 .. $#$reasons;
	my $target = $source->vault->restore('target' . ++$restored);
	same($source, $target, "$name: the same");
	$target->stop('immediate');
	return;
}

sub fulls { return scalar(() = $source->entries('full')) }

sub kill_process
{
	my ($what, $pid) = @_;
	ok($pid, "there is a $what") or return;
	kill 'KILL', $pid;
	wait_for("the end of the $what", sub { !kill 0, $pid });
	return;
}

my $before = fulls();
under_load(sub { kill_process('collector', $source->collector) });
recovers('collector killed', $before, []);

$before = fulls();
under_load(sub { kill_process('worker', $source->worker) });
wait_for('the server to be up again', sub { $source->sql('SELECT 1') });
recovers('worker killed', $before, []);

$before = fulls();
under_load(
	sub {
		my $pid = wait_for('an engine at work', sub { my ($pid) = $source->engines; $pid }, 30);
		kill_process('engine', $pid);
	});
recovers('engine killed', $before, []);

foreach my $commit (qw(on off))
{
	$before = fulls();
	$source->configure("synchronous_commit = $commit\n");
	$source->reload;
	under_load(sub { $source->crash });
	$source->start;
	recovers("postmaster killed with synchronous_commit $commit", $before, []);
}

# A full that is killed in the middle.
$before = fulls();
$source->sql('SELECT lpbm_full_backup(false)');
wait_for('pg_dump at work', sub { $source->sql("SELECT count(*) > 0 FROM lpbm_progress WHERE job = 'full'") eq 't' }, 20);
$source->crash;
$source->start;
# That it was asked for survives the crash.
ok(wait_for('the full that was killed', sub { fulls() > $before }), 'a full killed in the middle is taken again');
recovers('full killed', $before, [qr/^requested/]);
ok(!glob($source->directory . '/pending/*'), 'no leftovers') or diag(join ' ', glob($source->directory . '/pending/*'));

# The log files removed by hand while they hold what is not backed up yet.
$before = fulls();
$source->sql('SELECT lpbm_pause()');
$source->sql("INSERT INTO t (v) VALUES ('written while paused')");
unlink glob($source->data . '/log/*.csv');
$source->sql('SELECT pg_rotate_logfile()');
$source->sql('SELECT lpbm_resume()');
$source->sql("INSERT INTO t (v) VALUES ('after the files were removed')");
wait_for('backed up again', sub { $source->backed_up_to_now; 1 }, 60);
cmp_ok(fulls() - $before, '<=', 1, 'log files removed: at most one full');
$before = fulls();
recovers('log files removed', $before, []);

# Records that are fenced, but not journalled since the store is away, are removed.
$before = fulls();
rename $source->directory . '/store', $source->directory . '/store.away';
append_text($source->directory . '/store', "a file in the store's place\n");
$source->sql("INSERT INTO t (v) VALUES ('while the store is away')");
ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name = 'problem' AND value ~ '/store'", 'the status to tell'),
	'the status says that the store is away');
unlink glob($source->data . '/log/*.csv');
unlink $source->directory . '/store';
rename $source->directory . '/store.away', $source->directory . '/store';
wait_for('backed up again', sub { $source->backed_up_to_now; 1 }, 120);
cmp_ok(fulls() - $before, '<=', 1, 'records lost during an outage: at most one full');
$before = fulls();
recovers('store away and log files removed', $before, []);

# The slot.
my $slot_sql = "SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'lpbm%'";
$before = fulls();
$source->stop;
$source->configure("shared_preload_libraries = ''\n");
$source->start;
my $slot = $source->sql($slot_sql);
ok($slot, 'there is a slot');
$source->sql("INSERT INTO t (v) VALUES ('without the library')");
recover_library();
recovers('library missing for one start', $before, []);

sub recover_library
{
	$source->stop;
	$source->configure("shared_preload_libraries = 'lpbm'\n");
	$source->start;
	return;
}

$before = fulls();
$source->stop;
$source->configure("shared_preload_libraries = ''\n");
$source->start;
$source->sql('CREATE TABLE made_without_library (id int PRIMARY KEY)');
recover_library();
recovers('DDL without the library', $before, [qr/catalog|pg_class|explain|DDL/i]);

$before = fulls();
$source->stop;
$source->configure("shared_preload_libraries = ''\n");
$source->start;
$source->sql("INSERT INTO t (v) VALUES ('lost with the slot')");
$source->sql("SELECT pg_drop_replication_slot('" . $source->sql($slot_sql) . "')");
recover_library();
recovers('slot dropped', $before, [qr/slot/i]);

$before = fulls();
$source->stop;
$source->configure("shared_preload_libraries = ''\n");
$source->start;
$source->sql("INSERT INTO t (v) VALUES ('passed over by hand')");
$source->sql("SELECT pg_replication_slot_advance('" . $source->sql($slot_sql) . "', pg_current_wal_lsn())");
recover_library();
recovers('slot advanced', $before, [qr/slot/i]);

# Log settings that change while it runs.
$before = fulls();
$source->configure("log_destination = 'stderr'\n");
$source->reload;
wait_for('the status to tell', sub { $source->sql("SELECT count(*) > 0 FROM lpbm_status WHERE value ~ 'csvlog' OR hint ~ 'csvlog'") eq 't' }, 30);
$source->sql("INSERT INTO t (v) VALUES ('without csvlog')");
sleep 2;
$source->configure("log_destination = 'stderr,csvlog'\nlog_min_messages = fatal\nlog_filename = 'other-%Y-%m-%d_%H%M%S.log'\n");
$source->reload;
recovers('csvlog off for a while, then log_min_messages = fatal and another log_filename', $before, []);
$source->configure("log_directory = 'elsewhere'\nlog_min_messages = warning\n");
$source->reload;
recovers('another log_directory', $before, []);
$source->configure("log_directory = 'log'\n");
$source->reload;

is($source->sql("SELECT coalesce(string_agg(concat_ws(': ', entry, problem), E'\\n'), '') FROM lpbm_verify()"), '', 'lpbm_verify finds nothing');

done_testing();
