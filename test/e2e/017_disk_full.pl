# A store whose disk is full: the server goes on, the slot advances, the status tells, and once there is space the backup
# is complete again by itself, without a full. Needs a small file system (LPBM_SMALL_DIRECTORY), which scripts/test mounts.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $small = $ENV{LPBM_SMALL_DIRECTORY};
plan skip_all => 'no small file system could be mounted' if !$small;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.store = 'file:$small/store'\n");
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->wait_for_first_full;
$source->backed_up_to_now;

# Fills the rest of the disk.
open my $file, '>', "$small/filler" or die $!;
1 while syswrite($file, 'x' x 65536);
close $file;
my $confirmed = $source->sql("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name ~ 'lpbm'");
$source->sql("INSERT INTO t SELECT i, md5(random()::text) || md5(random()::text) FROM generate_series(1, 20000) i");
$source->log_has(qr/lpbm: .*No space left/, 'the log says that the disk is full');
ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE value ~ 'No space left'", 'the status to tell'), 'and so does the status');
$source->wait_for_sql("SELECT confirmed_flush_lsn > '$confirmed' FROM pg_replication_slots WHERE slot_name ~ 'lpbm'", 'the slot goes on');
is(scalar(() = glob("$small/store/*/.incoming/*")), 0, 'nothing half-done is left');

unlink "$small/filler";
wait_for('backed up again', sub { $source->backed_up_to_now; 1 }, 120);
$source->fulls_are([qr/./], 'without a full');
$source->deltas_carried(20000);
my ($status, undef, $err) = run_lpbm('verify', '--store', "file:$small/store", '--journal', $source->directory . '/journal', '--passphrase-file', $source->{passphrase_file});
is($status, 0, 'and the store is whole') or diag($err);

# The target's disk is full: the restore says so, and what it began is not reported as done.
my $target = Lpbm::Test->bare('target');
my @from = ('--store', "file:$small/store", '--journal', $source->directory . '/journal', '--passphrase-file', $source->{passphrase_file});
mkdir "$small/space" or die $!;
$target->sql("CREATE TABLESPACE small LOCATION '$small/space'", 'postgres');
open $file, '>', "$small/filler" or die $!;
1 while syswrite($file, 'x' x 65536);
close $file;
$target->sql("SET default_tablespace = ''; ALTER SYSTEM SET default_tablespace = 'small'; SELECT pg_reload_conf()", 'postgres');
lpbm_fails([ 'restore', @from, '--target', $target->conninfo('app'), '--bindir', $ENV{LPBM_BINDIR} ], 1, qr/No space left/, 'a restore onto a full disk');
unlink "$small/filler";

done_testing();
