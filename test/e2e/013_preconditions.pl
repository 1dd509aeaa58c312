# Each missing precondition is one clear line with a hint in log and status, and the server runs on.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

# name, settings in addition, what log and status say
my @cases = (
	[ 'wal_level',        "wal_level = replica\n",                                       qr/wal_level/ ],
	[ 'csvlog',           "log_destination = 'stderr'\n",                                qr/csvlog/ ],
	[ 'logging_collector', "logging_collector = off\n",                                  qr/logging_collector/ ],
	[ 'slots',            "max_replication_slots = 0\n",                                 qr/max_replication_slots|slot/ ],
	[ 'secret',           "lpbm.passphrase_file = ''\n",                                 qr/passphrase|recipients|secret/ ],
	[ 'secret missing',   "lpbm.passphrase_file = '/nowhere/passphrase'\n",              qr/nowhere/ ],
	[ 'secret and recipients', "lpbm.recipients = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'\n", qr/recipients/ ],
	[ 'directory',        "lpbm.directory = '/proc/nowhere'\n",                          qr/nowhere/ ],
	[ 'database',         "lpbm.database = 'not_there'\n",                               qr/not_there/ ],
	[ 'log_filename',     "log_filename = 'postgresql-%H.log'\nlog_truncate_on_rotation = on\n", qr/log_filename|log_truncate_on_rotation/ ],
);
push @cases, [ 'output plugin', "output_plugin_libraries = 'pgoutput'\n", qr/output_plugin_libraries/ ] if $Lpbm::Test::PLUGIN_LINE;
foreach my $case (@cases)
{
	my ($name, $conf, $pattern) = @$case;
	(my $node = $name) =~ s/ /_/g;
	my $source = Lpbm::Test->backed_up($node, conf => $conf, extension => 0);
	is($source->sql('SELECT 1'), '1', "$name: the server runs");
	$source->log_has(qr/lpbm.*$pattern/, "$name: the log says so");
	$source->sql('CREATE EXTENSION lpbm');
	my $told = $source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE value ~ '" . substr("$pattern", 4, -1) . "' AND coalesce(hint, '') <> ''",
		"$name: status");
	ok($told, "$name: and the status, with a hint") or diag($source->sql('TABLE lpbm_status'));
	my $times = () = $source->log =~ /lpbm.*$pattern/g;
	cmp_ok($times, '<=', 4, "$name: without repeating itself");
	my ($status, undef, $err) = $source->try_sql('SELECT lpbm_delta()', timeout => 60);
	isnt($status, 0, "$name: lpbm_delta() says that it cannot");
	$source->stop('immediate');
}

# pg_dump that is missing or of another version cannot be tried without changing the installation; a secret that comes
# later heals by itself.
my $source = Lpbm::Test->backed_up('healed', conf => "lpbm.passphrase_file = ''\n");
$source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE value ~ 'passphrase' OR hint ~ 'passphrase'", 'the problem');
$source->configure("lpbm.passphrase_file = '$source->{passphrase_file}'\n");
$source->reload;
ok($source->wait_for_first_full, 'with the secret there, it begins by itself');

# Not in shared_preload_libraries: the extension can be created and dropped, its functions say what is missing.
my $without = Lpbm::Test->bare('without');
my ($status, undef, $err) = $without->try_sql('CREATE EXTENSION lpbm; SELECT lpbm_delta()', database => 'postgres');
isnt($status, 0, 'without the library, lpbm_delta() fails');
like($err, qr/shared_preload_libraries/, 'and says what is missing');

# A server without the extension backs up all the same; DROP EXTENSION is no trouble either.
my $plain = Lpbm::Test->backed_up('plain', extension => 0);
ok($plain->wait_for_first_full, 'without CREATE EXTENSION it backs up');
$plain->sql('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
wait_for('its delta', sub { grep { ($_->{rows} // 0) == 1 } $plain->entries('delta') });
$plain->sql('CREATE EXTENSION lpbm');
$plain->sql('INSERT INTO t VALUES (2)');
$plain->backed_up_to_now;
is($plain->sql('SELECT count(*) FROM lpbm_entries'), scalar(() = $plain->entries), 'created later, the table holds all entries');
$plain->sql('DROP EXTENSION lpbm');
$plain->sql('INSERT INTO t VALUES (3)');
wait_for('its delta', sub { my $n = 0; $n += $_->{rows} // 0 foreach $plain->entries('delta'); $n >= 3 });
$plain->sql('CREATE EXTENSION lpbm');
$plain->backed_up_to_now;
$plain->fulls_are([qr/./], 'creating and dropping the extension needs no full');
same($plain, $plain->vault->restore('target'), 'and all of it comes back');

# Pause and resume survive a restart.
$plain->sql('SELECT lpbm_pause()');
$plain->restart;
my $entries = () = $plain->entries;
$plain->sql('INSERT INTO t VALUES (4)');
sleep 3;
is(scalar(() = $plain->entries), $entries, 'paused: no delta, after a restart too');
like($plain->sql("SELECT value FROM lpbm_status WHERE name = 'state'"), qr/paused/, 'the status says paused');
$plain->sql('SELECT lpbm_resume()');
wait_for('a delta after resume', sub { (() = $plain->entries) > $entries });

# A fast stop waits for no job.
$plain->sql('INSERT INTO t SELECT generate_series(10, 200000)');
$plain->sql('SELECT lpbm_full_backup(false)');
my $start = time;
$plain->stop('fast');
cmp_ok(time - $start, '<', 10, 'a fast stop waits for no job');
$plain->start;

# A caller whose locks would block the dump gets an error, not a hang.
($status, undef, $err) = $plain->try_sql('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT lpbm_full_backup()', timeout => 100);
isnt($status, 0, 'a caller that holds a lock in the way gets an error');
like($err, qr/lock|transaction/i, 'with the reason');

done_testing();
