# A server that backs itself up into a real IPFS Cluster: deltas and fulls, retention, outages, and the restore by who has
# nothing but the cluster's address and the passphrase, with a peer gone for good.
use strict;
use warnings;

use Lpbm::Cluster;
use Lpbm::Test;
use Test::More;

plan skip_all => 'the daemons are not built (scripts/daemons)' if !Lpbm::Cluster->is_possible;

my $cluster = Lpbm::Cluster->new(peers => 3);
my ($store, $apis) = ($cluster->store, $cluster->apis);
my $source = Lpbm::Test->backed_up('source', conf => <<"END");
lpbm.store = '$store'
lpbm.ipfs_api = '$apis'
lpbm.replication_min = 2
lpbm.part_size = '1MB'
lpbm.max_full_backups = 1
lpbm.site = 'shop'
END
my @secret = ('--passphrase-file', $source->{passphrase_file});
my @reading = ('--ipfs-api', $apis, @secret, '--bindir', $ENV{LPBM_BINDIR});

sub names { return map { $_->[0] } $cluster->pins(@_) }

# Removals come after the entry.
sub pins_are_the_journals
{
	my ($name) = @_;
	wait_for("$name: pins to be as they should", sub { !$cluster->odd_pins($source, 'shop') }, 60);
	is(join(' ', $cluster->odd_pins($source, 'shop')), '', "$name: what the journal names is pinned, and one journal, and nothing else");
	return;
}

sub journal_is_the_file
{
	my ($name) = @_;
	my ($cid) = map { $_->[1] } grep { $_->[0] eq 'lpbm/shop/journal' } $cluster->pins;
	my ($status, $out) = run_lpbm('get', $cid, '--store', $store, '--ipfs-api', $apis);
	is($out, Lpbm::Test::slurp($source->directory . '/journal'), "$name: the pinned journal is the newest");
	return;
}

$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->sql("INSERT INTO t SELECT i, md5(i::text) || sha512(i::text::bytea)::text FROM generate_series(1, 40000) i");
$source->wait_for_first_full;
$source->sql('UPDATE t SET v = reverse(v) WHERE id % 7 = 0');
$source->backed_up_to_now;
my ($full) = $source->entries('full');
my ($dump) = grep { $_->{name} eq 'dump' } @{ $full->{objects} };
wait_for('a full of several parts', sub { my ($newest) = reverse $source->entries('full');
		grep { $_->{parts} > 1 } @{ $newest->{objects} } or do { $source->sql('SELECT lpbm_full_backup()'); 0 } });
wait_for('the journal to be stored', sub { 1 == grep { $_ eq 'lpbm/shop/journal' } names() });
$source->sql("INSERT INTO t VALUES (0, 'after the full')");
$source->backed_up_to_now;
pins_are_the_journals('after two fulls of which one is kept');
journal_is_the_file('after a delta');

subtest 'restored from the address and the passphrase alone' => sub {
	my $target = Lpbm::Test->bare('target');
	my ($status, $out, $err) = run_lpbm('restore', '--store', $store, @reading, '--target', $target->conninfo);
	is($status, 0, 'restored') or diag($err);
	same($source, $target, 'source and target are the same');
	$target->stop;
};

subtest 'a second site shares the cluster' => sub {
	my $other = Lpbm::Test->backed_up('other', conf => <<"END");
lpbm.store = '$store'
lpbm.ipfs_api = '$apis'
lpbm.site = 'office'
lpbm.max_full_backups = 1
END
	$other->sql('CREATE TABLE o (id int)');
	$other->wait_for_first_full;
	$other->backed_up_to_now;
	wait_for('its journal', sub { grep { $_ eq 'lpbm/office/journal' } names() });
	lpbm_fails([ 'restore', '--store', $store, @reading, '--target', $source->conninfo('x') ], 2,
		qr/several sites: office, shop.*--site/s, 'the sites are listed');
	my $target = Lpbm::Test->bare('office_target');
	my ($status, undef, $err) = run_lpbm('restore', '--store', $store, '--site', 'office', @reading, '--target', $target->conninfo);
	is($status, 0, 'restored the one that was chosen') or diag($err);
	same($other, $target, 'which is the same');
	$other->sql('SELECT lpbm_full_backup()');
	ok(wait_for('its retention', sub { 1 == grep { m{^lpbm/office/.*-full/dump} } names() }, 60),
		'its retention has left one full of its own');
	is(scalar(grep { m{^lpbm/shop/.*-full/dump} } names()), 1, 'and that of the other site');
	$other->stop;
	$target->stop;
};

subtest 'too few peers: the server goes on, the status tells, and one delta catches up' => sub {
	$cluster->command("kill $_") foreach 1, 2;
	wait_for('the cluster to notice', sub { qx{curl -sS '@{[ $cluster->peer(0)->{cluster} ]}/monitor/metrics/ping'} !~ /"valid":true.*"valid":true/s });
	my $confirmed = $source->sql("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name ~ 'lpbm'");
	$source->sql("INSERT INTO t SELECT i, 'outage' FROM generate_series(100001, 100100) i");
	ok($source->wait_for_sql("SELECT count(*) > 0 FROM lpbm_status WHERE name = 'problem' AND value ~ 'not enough peers|hold it'", 'the status to tell', 180),
		'the status tells') or diag($source->sql('SELECT name, value FROM lpbm_status'));
	ok($source->wait_for_sql("SELECT confirmed_flush_lsn > '$confirmed' FROM pg_replication_slots WHERE slot_name ~ 'lpbm'", 'the slot'),
		'the slot goes on');
	$source->sql("INSERT INTO t SELECT i, 'outage' FROM generate_series(100101, 100200) i");
	my $deltas = () = $source->entries('delta');
	$cluster->command("start $_") foreach 1, 2;
	$cluster->command('ready');
	wait_for('backed up again', sub { $source->backed_up_to_now; 1 }, 180);
	my $after = () = $source->entries('delta');
	is($after - $deltas, 1, 'one delta has caught up');
	wait_for('the status to be clear', sub { $source->status('problem') eq '' });
	pins_are_the_journals('after the outage');
};

subtest 'kill -9 of the engine between parts leaves no pins after the next run' => sub {
	$source->sql("INSERT INTO t SELECT i, md5(random()::text) || sha512(random()::text::bytea)::text FROM generate_series(200001, 300000) i");
	$source->backed_up_to_now;
	$source->sql('SELECT lpbm_full_backup(false)');
	my $killed = wait_for('parts of a full', sub { (grep { m{-full/dump\@} } names()) && grep { kill 9, $_ } $source->engines }, 60);
	ok($killed, 'killed while parts were pinned');
	wait_for('a full after that', sub { $source->sql('SELECT lpbm_full_backup()'); 1 }, 180);
	$source->sql("INSERT INTO t VALUES (-1, 'after the kill')");
	$source->backed_up_to_now;
	wait_for('no parts are left', sub { !grep { /\@/ } names() }, 30);
	pins_are_the_journals('after the kill');
};

subtest 'what a daemon did too late goes with the next full' => sub {
	my ($newest) = reverse $source->entries('full');
	my $file = PostgreSQL::Test::Utils::tempdir() . '/late';
	open my $late, '>', $file or die $!;
	print $late 'a part that nobody waits for any more';
	close $late;
	my %pinned;
	foreach my $name ("lpbm/shop/$newest->{name}/dump\@7", 'lpbm/shop/of-nobody-here/dump@0')
	{
		my $answer = qx{curl -sS -F 'file=\@$file;filename=$name' '@{[ $cluster->peer(0)->{cluster} ]}/add?stream-channels=false&cid-version=1&name=$name'};
		open $late, '>>', $file or die $!;
		print $late '.';
		close $late;
		like($answer, qr/"cid"/, "$name is pinned");
	}
	$source->sql('SELECT lpbm_full_backup()');
	wait_for('it to go', sub { !grep { m{\Q$newest->{name}\E/dump\@7} } names() });
	is((grep { /\@/ } names())[0], 'lpbm/shop/of-nobody-here/dump@0', 'and nothing that the journal does not know');
	my ($cid) = map { $_->[1] } grep { $_->[0] =~ /of-nobody-here/ } $cluster->pins;
	qx{curl -sS -X DELETE '@{[ $cluster->peer(0)->{cluster} ]}/pins/$cid'};
	wait_for('the pin to go', sub { !grep { /\@/ } names() });
};

subtest 'one peer is gone for good' => sub {
	$cluster->command('kill 0');
	$source->sql("INSERT INTO t VALUES (-2, 'two peers are left')");
	wait_for('a delta on the two that are left', sub { $source->backed_up_to_now; 1 }, 420);  # peers that heard of each other through the dead one take their time
	my $target = Lpbm::Test->bare('survivor');
	my ($status, undef, $err) = run_lpbm('restore', '--store', $store, '--site', 'shop', @reading, '--target', $target->conninfo);
	is($status, 0, 'restored from the peers that are left') or diag($err);
	same($source, $target, 'source and target are the same');
	my ($good, undef, $why) = run_lpbm('verify', '--store', $store, '--site', 'shop', '--ipfs-api', $apis, @secret);
	is($good, 0, 'and the store is whole') or diag($why);
};

done_testing();
