# kill -9 of the engine and of the server at whatever stage of an upload into a real IPFS Cluster: nothing is lost, nothing
# is there twice, and no pin is left that the journal does not name.
use strict;
use warnings;

use Lpbm::Cluster;
use Lpbm::Test;
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => 'the daemons are not built (scripts/daemons)' if !Lpbm::Cluster->is_possible;

my $cluster = Lpbm::Cluster->new(peers => 2);
my ($store, $apis) = ($cluster->store, $cluster->apis);
my $source = Lpbm::Test->backed_up('source', conf => <<"END");
lpbm.store = '$store'
lpbm.ipfs_api = '$apis'
lpbm.replication_min = 2
lpbm.part_size = '256kB'
lpbm.max_full_backups = 2
lpbm.site = 'shop'
END
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->sql("INSERT INTO t SELECT i, md5(random()::text) || md5(random()::text) FROM generate_series(1, 20000) i");
$source->wait_for_first_full;

sub names { return map { $_->[0] } $cluster->pins }
sub journalled { my %cids = map { $_->{cid} => 1 } map { @{ $_->{objects} } } $source->entries; return \%cids }

my $id = 1000000;
sub write_rows { $source->sql("INSERT INTO t SELECT i, md5(random()::text) FROM generate_series($id + 1, $id + 3000) i"); $id += 3000; return }

# Stages of a full that can be seen in the cluster.
my %stages = (
	'while parts are sent' => sub { grep { m{-full/dump\@} } names() },
	'when the dump has its root and the journal no entry' => sub { my $known = journalled(); grep { $_->[0] =~ m{-full/dump$} && !$known->{$_->[1]} } $cluster->pins },
	'when the manifest is stored and the journal has no entry' => sub { my $known = journalled(); grep { $_->[0] =~ m{-full/manifest$} && !$known->{$_->[1]} } $cluster->pins },
);
foreach my $stage (sort keys %stages)
{
	foreach my $victim ('the engine', 'the server')
	{
		write_rows();
		wait_for('a full to begin', sub { $source->sql('SELECT lpbm_full_backup(false)'); 1 });
		my $seen = 0;
		for (1 .. 2000) { last if $seen = $stages{$stage}->(); usleep(5000) }
		if ($victim eq 'the engine') { kill 9, $source->engines }
		else { $source->crash; $source->start }
		note("$victim was killed $stage") if $seen;
		wait_for('a full after that', sub { $source->sql('SELECT lpbm_full_backup()'); 1 }, 180);
	}
}

# Deltas, and the journal in the cluster, at any moment.
foreach my $round (1 .. 12)
{
	write_rows();
	usleep(int rand 1_200_000);
	if ($round % 4) { kill 9, $source->engines }
	else { $source->crash; $source->start }
}
write_rows();
wait_for('a delta after that', sub { $source->backed_up_to_now; 1 }, 180);
wait_for('pins to be as they should', sub { !$cluster->odd_pins($source, 'shop') }, 90);
is(join(' ', $cluster->odd_pins($source, 'shop')), '', 'what the journal names is pinned, and one journal, and nothing else');

my @from = ('--store', $store, '--ipfs-api', $apis, '--passphrase-file', $source->{passphrase_file}, '--bindir', $ENV{LPBM_BINDIR});
my $target = Lpbm::Test->bare('target');
my ($status, undef, $err) = run_lpbm('restore', @from, '--target', $target->conninfo);
is($status, 0, 'restored') or diag($err);
same($source, $target, 'source and target are the same');

done_testing();
