# lpbm.database = '*': databases that are made begin their streams, those that are dropped end theirs, and a server that
# backed up one database goes on with its stream when it backs up more.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "max_worker_processes = 12\nlog_rotation_size = 64kB\n");
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, \'alone\')');
$source->wait_for_first_full;
$source->backed_up_to_now;
my ($stream) = map { $_->{stream} } $source->entries;
$source->stop;

# As it was before there were several.
my $position = $source->directory . '/position';
my $text     = Lpbm::Test::slurp($position);
$text =~ s/^(name|needed_run|needed_seq) .*\n//mg;
Lpbm::Test::write_secret($position, $text =~ s/\n\z//r);

sub database { my ($name) = @_; return bless { %$source, database => $name }, 'Lpbm::Test' }
sub entries_of { my ($name, $kind) = @_; return grep { $_->{database} eq $name } $source->entries($kind) }
sub wait_for_full { my ($name) = @_; return wait_for("a full of $name", sub { scalar entries_of($name, 'full') }, 240) }

$source->configure("lpbm.database = '*'\n");
$source->start;
wait_for_full('postgres');
$source->sql('INSERT INTO t VALUES (2, \'with others\')');
$source->backed_up_to_now;
is(scalar(entries_of('app', 'full')), 1, 'the database that was backed up alone needs no other full');
is((entries_of('app'))[-1]{stream}, $stream, 'its stream goes on');
is($source->sql("SELECT string_agg(DISTINCT database, ', ' ORDER BY database) FROM lpbm_status WHERE name = 'state'"),
	'app, postgres', 'templates are left out');

# ---- made, renamed, dropped

$source->sql('CREATE DATABASE later', 'postgres');
my $later = database('later');
$later->sql('CREATE EXTENSION lpbm; CREATE TABLE l (id int PRIMARY KEY); INSERT INTO l VALUES (1)');
wait_for_full('later');
$later->sql('INSERT INTO l SELECT generate_series(2, 500)');
$later->backed_up_to_now;
cmp_ok(scalar(entries_of('later', 'delta')), '>=', 1, 'a new database begins a stream');
my $vault = $source->vault;

my ($status, undef, $err) = $source->try_sql('ALTER DATABASE later RENAME TO renamed', database => 'postgres', timeout => 60);
is($status, 0, 'it can be renamed') or diag($err);
wait_for_full('renamed');
isnt((entries_of('renamed'))[-1]{stream}, (entries_of('later'))[-1]{stream}, 'by another name it has another stream');
my $renamed = database('renamed');
$renamed->sql('INSERT INTO l VALUES (1000)');
$renamed->backed_up_to_now;
($status, undef, $err) = $source->try_sql('CREATE DATABASE copied TEMPLATE renamed', database => 'postgres', timeout => 60);
is($status, 0, 'it can be copied') or diag($err);
wait_for_full('copied');
$vault = $source->vault;
my @kept = map { database($_)->checksums } 'renamed', 'copied';
foreach my $name ('renamed', 'copied')
{
	($status, undef, $err) = $source->try_sql("DROP DATABASE $name", database => 'postgres', timeout => 60);
	is($status, 0, "$name can be dropped") or diag($err);
}
wait_for('their slots to go', sub { $source->sql('SELECT count(*) FROM pg_replication_slots') eq '2' }, 180);
wait_for('what told of their streams to go', sub { (() = glob($source->directory . '/*/position')) == 1 }, 180);
is($source->sql("SELECT string_agg(DISTINCT database, ', ' ORDER BY database) FROM lpbm_status WHERE name = 'state'"),
	'app, postgres', 'nothing of them is left');
wait_for('done log files to be removed', sub {
	$_->sql("CREATE TABLE IF NOT EXISTS x (v text); INSERT INTO x SELECT repeat('x', 1000) FROM generate_series(1, 50)")
	  foreach database('app'), database('postgres');
	$source->backed_up_to_now;
	$source->sql('SELECT pg_rotate_logfile()') if (() = glob($source->data . '/log/*.csv')) > 4;
	(() = glob($source->data . '/log/*.csv')) <= 4;
}, 180);
my $target = Lpbm::Test->bare('target');
foreach my $name ('renamed', 'copied')
{
	($status, undef, $err) = run_lpbm('restore', $vault->arguments, '--bindir', $source->{bindir}, '--database', $name, '--target',
		$target->conninfo($name));
	is($status, 0, "$name is restored though it was dropped") or diag($err);
	is_deeply(bless({ %$target, database => $name }, 'Lpbm::Test')->checksums, shift @kept, 'as it was');
}

# ---- more databases than there is room for

$source->configure("max_replication_slots = 2\n");
$source->restart;
$source->sql('CREATE DATABASE too_many', 'postgres');
wait_for('the problem', sub { $source->status('problem') =~ /3 databases need as many replication slots/ }, 180);
like($source->status('problem'), qr/Increase max_replication_slots/, 'too few replication slots are told of, and what helps');
$source->sql('INSERT INTO t VALUES (3, \'still\')');
ok($source->backed_up_to_now, 'the others are backed up all the same');
$source->sql('DROP DATABASE too_many', 'postgres');
wait_for('the problem to go', sub { $source->status('problem') eq '' }, 180) or diag($source->status('problem'));

done_testing();
