# A full of more than a gigabyte in several parts, through a real IPFS Cluster and back, where the node that the restore
# reads from is killed in the middle.
use strict;
use warnings;

use IPC::Run;
use Lpbm::Cluster;
use Lpbm::Test;
use Test::More;

plan skip_all => 'the daemons are not built (scripts/daemons)' if !Lpbm::Cluster->is_possible;

# Loaded before the server is backed up, so that these rows go through the full alone.
my $source = Lpbm::Test->backed_up('source', lines => '', extension => 0, conf => "max_wal_size = '4GB'\nwal_level = minimal\nmax_wal_senders = 0\n");
$source->sql('CREATE TABLE large (id int PRIMARY KEY, v text)');
$source->sql('ALTER TABLE large ALTER v SET STORAGE EXTERNAL');
$source->sql("INSERT INTO large SELECT i, repeat(md5(i::text), 256) FROM generate_series(1, 135000) i");
$source->stop;

my $cluster = Lpbm::Cluster->new(peers => 3);
my ($store, $apis) = ($cluster->store, $cluster->apis);
$source->configure($source->_settings(conf => <<"END"));
lpbm.store = '$store'
lpbm.ipfs_api = '$apis'
lpbm.replication_min = 2
lpbm.replication_max = 2
lpbm.compression = 'none'
max_wal_senders = 5
jit = off
END
$source->start;
$source->sql('CREATE EXTENSION lpbm');
wait_for('the full', sub { $source->entries('full') }, 600);
my ($full) = $source->entries('full');
my ($dump) = grep { $_->{name} eq 'dump' } @{ $full->{objects} };
cmp_ok($dump->{size}, '>', 1 << 30, 'the full has more than a gigabyte');
cmp_ok($dump->{parts}, '>=', 4, "in $dump->{parts} parts");
ok(wait_for('pins of parts to go', sub { !grep { $_->[0] =~ /-full.*\@/ } $cluster->pins }), 'no part is pinned beside its root')
  or diag(join "\n", map { $_->[0] } $cluster->pins);
$source->sql('DELETE FROM large WHERE id % 100 = 0');
$source->backed_up_to_now;

# Which of the nodes a process has a connection to.
sub nodes_of
{
	my ($pid) = @_;
	my %inodes = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]$/ ? ($1 => 1) : () } glob "/proc/$pid/fd/*";
	my %ports;
	foreach my $line (split /\n/, Lpbm::Test::slurp('/proc/net/tcp'))
	{
		my ($remote, $inode) = (split ' ', $line)[ 2, 9 ];
		$ports{ hex((split /:/, $remote)[1]) } = 1 if defined $inode && $inodes{$inode};
	}
	return grep { $cluster->peer($_)->{api} =~ /:(\d+)$/ && $ports{$1} } 0 .. 2;
}

my $target = Lpbm::Test->bare('target', conf => "jit = off\nmax_wal_size = '4GB'\nwal_level = minimal\nmax_wal_senders = 0\n");
my ($out, $err) = ('', '');
my $restore = IPC::Run::start([ "$ENV{LPBM_BINDIR}/lpbm", 'restore', '--store', $store, '--ipfs-api', $apis, '--passphrase-file',
		$source->{passphrase_file}, '--bindir', $ENV{LPBM_BINDIR}, '--target', $target->conninfo ], '<', \'', '>', \$out, '2>', \$err);
my ($pid) = map { $_->{PID} } @{ $restore->{KIDS} };
my $middle = wait_for('the middle of the restore', sub { $target->sql("SELECT pg_database_size('$DATABASE') > 400 * 1024 * 1024", 'postgres') eq 't' }, 300);
my @nodes = nodes_of($pid);
is(scalar @nodes, 1, 'it reads from one node') or diag("@nodes");
$cluster->command("kill-ipfs $nodes[0]");
ok($restore->pumpable, 'which was killed while it was read from');
ok($restore->finish, 'restored') or diag($err);
note($out);
same($source, $target, 'source and target are the same', rows => 0);

done_testing();
