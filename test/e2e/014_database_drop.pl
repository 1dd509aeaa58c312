# Dropping, renaming or copying the backed-up database is not hindered, survived and told; made again, it is backed up
# again in a new stream.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, \'first\')');
$source->wait_for_first_full;
$source->backed_up_to_now;

my ($status, undef, $err) = $source->try_sql('CREATE DATABASE copied TEMPLATE app', database => 'postgres', timeout => 60);
is($status, 0, 'it can be the template of another database') or diag($err);
$source->sql("INSERT INTO t VALUES (2, 'after copy')");
$source->backed_up_to_now;

($status, undef, $err) = $source->try_sql('ALTER DATABASE app RENAME TO renamed', database => 'postgres', timeout => 60);
is($status, 0, 'it can be renamed') or diag($err);
$source->log_has(qr/lpbm.*\bapp\b/, 'the log tells that it is gone');
is($source->sql('SELECT count(*) FROM t', 'renamed'), '2', 'the server runs on');
($status, undef, $err) = $source->try_sql('ALTER DATABASE renamed RENAME TO app', database => 'postgres', timeout => 60);
is($status, 0, 'and renamed back') or diag($err);
$source->sql("INSERT INTO t VALUES (3, 'renamed back')");
wait_for('backed up again', sub { $source->backed_up_to_now; 1 }, 60);
# Letting go of the database may have cost the slot, no more.
my $fulls = () = $source->entries('full');
ok($fulls == 1 || $source->fulls_are([ qr/first/, qr/slot/ ]), 'it costs at most a new stream');
same($source, $source->vault->restore('renamed_back'), 'the same');

($status, undef, $err) = $source->try_sql('DROP DATABASE app', database => 'postgres', timeout => 60);
if ($status)
{
	# A replication slot of the database is in the way of a plain DROP DATABASE; PostgreSQL's words say which.
	diag($err);
	fail('it can be dropped');
}
else
{
	pass('it can be dropped');
	$source->log_has(qr/lpbm.*\bapp\b/, 'the log tells that it is gone');
	is($source->sql('SELECT 1', 'postgres'), '1', 'the server runs on');
	is($source->sql("SELECT count(*) FROM pg_replication_slots", 'postgres'), '0', 'no slot is left to hold WAL');
	$source->sql('CREATE DATABASE app', 'postgres');
	$source->sql('CREATE EXTENSION lpbm; CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1)');
	wait_for('a new stream', sub { (() = $source->entries('full')) == $fulls + 1 }, 60);
	$source->sql('INSERT INTO other VALUES (2)');
	$source->backed_up_to_now;
	is(scalar(() = $source->entries('full')), $fulls + 1, 'made again, it begins with a full');
	my @fulls = $source->entries('full');
	isnt($fulls[-2]{stream}, $fulls[-1]{stream}, 'in a new stream');
	my $target = $source->vault->restore('again');
	same($source, $target, 'the same');
}

done_testing();
