# The server restores its own backup by schedule, tells when it did, and tells when it could not.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $scratch = PostgreSQL::Test::Utils::tempdir_short();
chmod 0777, $scratch;
my $source = Lpbm::Test->backed_up('source', conf => "lpbm.drill_directory = '$scratch'\n");
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i');
$source->wait_for_first_full;
$source->sql("UPDATE t SET v = 'changed' WHERE id < 10");
$source->backed_up_to_now;
is($source->sql("SELECT value FROM lpbm_status WHERE name = 'next_drill'"), 'never', 'no drill is made unless it is asked for');
is($source->sql("SELECT count(*) FROM lpbm_status WHERE name = 'last_drill'"), '0', 'nor spoken of');

sub drilled_after
{
	my ($time, $name) = @_;
	return ok($source->wait_for_sql("SELECT value::timestamptz > '$time' FROM lpbm_status WHERE name = 'last_drill' AND value <> 'none'", $name), $name);
}

$source->configure("lpbm.drill_cron = '\@every 2s'\n");
my $before = $source->sql('SELECT clock_timestamp()');
$source->reload;
drilled_after($before, 'a drill by schedule');
my $found = $source->sql("SELECT hint FROM lpbm_status WHERE name = 'last_drill'");
like($found, qr/^\d+ entries, \d+ transactions after the full, in \d+ s; last commit 20/, "it says what was restored: $found");
$source->log_has(qr/lpbm: drill: the backup was restored: \d+ entries/, 'the log says so, too');
$source->sql("INSERT INTO t VALUES (-1, 'beside a drill')");
$source->backed_up_to_now;
is($source->status('problem'), '', 'deltas go on beside drills');

# A restart forgets neither the last one nor what a killed one left.
$source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_progress WHERE job = 'drill'", 'a drill at work');
my @left = wait_for('a scratch server', sub { my @found = glob("$scratch/lpbm-drill-*"); @found ? \@found : undef });
$source->crash;
$source->configure("lpbm.drill_cron = 'never'\n");
$source->start;
ok($source->wait_for_sql("SELECT hint ~ 'transactions after the full' FROM lpbm_status WHERE name = 'last_drill'", 'the last drill'),
	'the last drill is known after a crash');
$source->configure("lpbm.drill_cron = '* * * * * *'\n");
$before = $source->sql('SELECT clock_timestamp()');
$source->reload;
drilled_after($before, 'a drill after the crash');

# An object is gone: the drill sees what no delta would.
my ($full) = $source->entries('full');
my ($object) = grep { $_->{name} eq 'dump' } @{ $full->{objects} };
my ($file) = grep { -f } split /\n/, qx{find @{[ $source->directory ]}/store -name '*$object->{cid}*'};
ok($file, 'the full is in the store') or BAIL_OUT('no object');
rename $file, "$file.away";
ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name = 'problem' AND value ~ 'could not be restored in a drill: restoring entry $full->{entry} '", 'the drill to fail'),
	'a drill that fails is a problem, which names the entry');
$source->log_has(qr/lpbm: .*could not be restored in a drill/, 'told in the log');
rename "$file.away", $file;
ok($source->wait_for_sql("SELECT count(*) = 0 FROM lpbm_status WHERE name = 'problem'", 'the problem to be over'), 'over with the next one that succeeds');

# No place, no room, no secret: said, with what to do.
sub refused
{
	my ($name, $conf, $like) = @_;
	$source->configure($conf);
	$source->reload;
	ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name = 'problem' AND value || ' ' || hint ~ '$like'", $name), $name);
	return;
}
refused('a directory that is not there', "lpbm.drill_directory = '/nowhere/at/all'\n", '/nowhere/at/all.*Set lpbm.drill_directory');
refused('a passphrase that is not there', "lpbm.drill_directory = '$scratch'\nlpbm.passphrase_file = ''\n", 'lpbm.(passphrase_file|identity_file)');
$source->configure("lpbm.passphrase_file = '$source->{passphrase_file}'\n");
$source->reload;
ok($source->wait_for_sql("SELECT count(*) = 0 FROM lpbm_status WHERE name = 'problem'", 'the problem to be over'), 'over when it is mended');

$source->configure("lpbm.drill_cron = 'never'\n");
$source->reload;
$source->wait_for_sql("SELECT count(*) = 0 FROM lpbm_progress WHERE job = 'drill'", 'the last drill');
is(join(' ', glob("$scratch/lpbm-drill-*")), '', 'no scratch server is left');
$source->stop;

done_testing();
