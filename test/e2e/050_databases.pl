# Several databases of one server are backed up beside each other: a stream each, one journal, restored one by one or
# all at once; what is killed meanwhile costs nothing, and no log file goes that another stream still needs.
use strict;
use warnings;

use Fcntl qw(:flock);
use Lpbm::Test;
use Test::More;

my @names  = ('app', 'b', 'C, "d"');
my $source = Lpbm::Test->backed_up('source', extension => 0, conf => <<'END');
lpbm.database = 'app, b , "C, ""d"""'
log_rotation_size = 64kB
END
my %of = map { $_ => bless { %$source, database => $_ }, 'Lpbm::Test' } @names;
$source->sql('CREATE EXTENSION lpbm');
like($source->status('problem'), qr/database "b" does not exist/, 'one that is missing is told of');
is($source->sql("SELECT count(*) FROM lpbm_status WHERE name = 'state' AND database IN ('app', 'b')"), '2',
	'each has its state');
$source->sql($_, 'postgres') foreach 'CREATE DATABASE b', 'CREATE DATABASE "C, ""d"""', 'CREATE ROLE reader';
$_->sql('CREATE EXTENSION IF NOT EXISTS lpbm;
	CREATE TABLE t (id bigserial PRIMARY KEY, v text); CREATE TABLE own (id int PRIMARY KEY)') foreach values %of;

sub fulls_of { my ($name) = @_; return grep { $_->{database} eq $name } $source->entries('full') }
wait_for('a full of each', sub { !grep { !fulls_of($_) } @names }, 120);
is(scalar(() = $source->entries('full')), 3, 'each begins with one full');
my %streams = map { $_->{stream} => 1 } $source->entries('full');
is(scalar(keys %streams), 3, 'in a stream of its own');
is($source->sql("SELECT count(DISTINCT slot_name) FROM pg_replication_slots WHERE slot_name ~ '^lpbm_'"), '3', 'and a slot');

# ---- concurrent writes, and kill -9 of workers, engines and the server

sub load
{
	my ($name) = @_;
	my $path = PostgreSQL::Test::Utils::tempdir() . '/script';
	open my $file, '>', $path or die $!;
	print $file "INSERT INTO t (v) SELECT '$name ' || g FROM generate_series(1, 20) g;\n";
	print $file "UPDATE t SET v = v || 'x' WHERE id IN (SELECT id FROM t ORDER BY random() LIMIT 3);\n";
	close $file;
	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start([ "$source->{bindir}/pgbench", '-n', '-f', $path, '-c', '2', '-T', '12', '-R', '40',
			$of{$name}->conninfo ], '>', \$out, '2>', \$err);
	return Lpbm::Load->new($harness, \$err);
}

sub delta_of { my ($name) = @_; return $of{$name}->backed_up_to_now }

my @load = map { load($_) } 'app', 'b', $names[2];
wait_for('deltas of each under load', sub {
	my %seen = map { $_->{database} => 1 } $source->entries('delta');
	!grep { !$seen{$_} } @names;
});
foreach my $kill (1 .. 3)
{
	my @engines = map { Lpbm::Test::children($_, qr/lpbm/) } Lpbm::Test::children($source->postmaster, qr/^postgres:.*lpbm worker/);
	kill 'KILL', @engines;
	select undef, undef, undef, 0.7;
}
$_->finish foreach @load;
delta_of($_) foreach @names;
is(scalar(() = $source->entries('full')), 3, 'killed engines cost no full');

my ($worker) = Lpbm::Test::children($source->postmaster, qr/^postgres:.*lpbm worker/);
$_->sql("INSERT INTO t (v) SELECT 'before the kill ' || g FROM generate_series(1, 100) g") foreach values %of;
kill 'KILL', $worker;
wait_for('the server after the kill of a worker', sub { $source->sql('SELECT 1') eq '1' }, 180);
wait_for('backed up again', sub { delta_of($_) foreach @names; 1 }, 180);
$_->sql("INSERT INTO t (v) SELECT 'before the crash ' || g FROM generate_series(1, 100) g") foreach values %of;
$source->crash;
$source->start;
wait_for('backed up after the crash', sub { delta_of($_) foreach @names; 1 }, 180);
is(scalar(() = $source->entries('full')), 3, 'nor does a killed worker or server');

# ---- functions act on the database in which they are called

$of{b}->sql('INSERT INTO own VALUES (1)');
my $cid = $of{b}->backed_up_to_now;
my ($entry) = grep { $_->{cid} eq $cid } $source->entries;
is($entry->{database}, 'b', 'lpbm_delta() is of the database in which it is called');
$cid = $of{b}->sql('SELECT lpbm_full_backup()');
($entry) = grep { $_->{cid} eq $cid } $source->entries;
is("$entry->{database} $entry->{kind}", 'b full', 'so is lpbm_full_backup()');
is($source->sql("SELECT string_agg(DISTINCT database, ' / ' ORDER BY database) FROM lpbm_entries"), 'C, "d" / app / b',
	'lpbm_entries tells the database');
is($source->sql("SELECT count(*) FROM lpbm_status WHERE name = 'problem'"), '0', 'nothing is wrong')
  or diag($source->status('problem'));
wait_for('the table of the journal', sub {
	$source->sql('SELECT count(*) - 1 FROM lpbm_journal_line') == scalar(() = $source->entries);
});
is($source->sql("SELECT string_agg(line || E'\n', '' ORDER BY entry) = lpbm_journal() FROM lpbm_journal_line"), 't',
	'the journal\'s table is in the first database');
is($of{b}->sql('SELECT count(*) FROM lpbm_journal_line'), '0', 'and in no other');
is($source->sql('SELECT count(*) FROM lpbm_verify()'), '0', 'all that the journal names is there');

# ---- log files

sub csv_files { return glob($source->data . '/log/*.csv') }

sub write_much
{
	foreach my $name (@_)
	{
		$of{$name}->sql("INSERT INTO t (v) SELECT repeat('x', 1000) FROM generate_series(1, 100)");
		delta_of($name);
	}
	return;
}

# The engine of b waits for its lock: what the worker has written of b is needed, while the others go on.
my $oid = $of{b}->sql("SELECT oid FROM pg_database WHERE datname = 'b'");
my $lock_file = $source->directory . "/$oid/delta.lock";
open my $lock, '<', $lock_file or die "$lock_file: $!";
flock $lock, LOCK_EX or die $!;
my $fulls = () = $source->entries('full');
$of{b}->sql("INSERT INTO t (v) SELECT 'needed ' || g FROM generate_series(1, 50) g");
my $needed = wait_for('the records of b in the log', sub { (grep { Lpbm::Test::slurp($_) =~ /needed 50\b/ } csv_files())[0] });
wait_for('the other streams to leave that file behind', sub {
	write_much('app', $names[2]);
	(sort { -M $a <=> -M $b } csv_files())[0] ne $needed;
}, 180);
write_much('app', $names[2]) foreach 1 .. 3;
ok(-e $needed, 'a log file stays while a stream needs it');
close $lock;
delta_of('b');
wait_for('it to go', sub { write_much(@names); !-e $needed }, 180);
pass('and goes when none does');
is(scalar(() = $source->entries('full')), $fulls, 'without another full');
wait_for('done log files to be removed', sub {
	write_much(@names);
	my @files = csv_files();
	@files <= 4;
}, 180);

# ---- restore

my $vault = $source->vault;
my ($status, $out, $err) = run_lpbm('restore', $vault->arguments, '--target', 'dbname=x');
is($status, 2, 'none is chosen by itself');
like($err, qr/several databases: app, b, C, "d"|several databases: .*app/, 'they are listed');
lpbm_fails([ 'restore', $vault->arguments, '--database', 'nobody', '--target', 'dbname=x' ], 2, qr/no database nobody/,
	'one that is not there is refused');
my $target = Lpbm::Test->bare('target');
my @arguments = ('restore', $vault->arguments, '--bindir', $source->{bindir});
($status, undef, $err) = run_lpbm(@arguments, '--all', '--target', $target->conninfo('postgres'));
is($status, 0, 'all are restored') or diag($err);
foreach my $name (@names)
{
	same($of{$name}, bless({ %$target, database => $name }, 'Lpbm::Test'), "$name is the same");
}
my $one = Lpbm::Test->bare('one');
($status, undef, $err) = run_lpbm(@arguments, '--database', 'b', '--target', $one->conninfo('b'));
is($status, 0, 'one is restored') or diag($err);
same($of{b}, bless({ %$one, database => 'b' }, 'Lpbm::Test'), 'it is the same, too');
is($one->sql("SELECT count(*) FROM pg_database WHERE datname = 'app'", 'postgres'), '0', 'and no other is there');
($status, $out) = run_lpbm('list', '--journal', $vault->journal);
like($out, qr/^entry .* database .*$/m, 'a list has the databases');
is($of{b}->sql("SELECT lpbm_restore('b_again') > 0"), 't', 'by SQL it is that of the session');
same($of{b}, bless({ %$source, database => 'b_again' }, 'Lpbm::Test'), 'the same', dump => ['--no-comments']);

($status, undef, $err) = run_lpbm('restore', $vault->arguments, '--check', '--all', '--bindir', $source->{bindir});
is($status, 0, 'a check restores each') or diag($err);
$source->configure("lpbm.drill_cron = '\@every 2s'\n");
$source->reload;
wait_for('a drill', sub { $source->status('last_drill') =~ /\b3 databases: / }, 120);
pass('so does a drill');

# ---- out of the log

$source->sql("INSERT INTO t (v) VALUES ('of the first')");
$of{b}->sql("INSERT INTO t (v) VALUES ('of the second')");
wait_for('both in the log', sub {
	my $text = join '', map { Lpbm::Test::slurp($_) } csv_files();
	$text =~ /of the first/ && $text =~ /of the second/;
});
$source->crash;
my @extract = ('extract', '--cluster-key', $source->directory . '/cluster.key', $source->data . '/log');
lpbm_fails(\@extract, 2, qr/several databases: .*\(database b\)/, 'an extract of several databases is refused');
($status, $out) = run_lpbm(@extract, '--database', 'b');
is($status, 0, 'that of one is not');
like($out, qr/of the second/, 'it is of that one');
unlike($out, qr/of the first/, 'and of no other');

done_testing();
