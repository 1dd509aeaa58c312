# A full of more than a gigabyte in several parts, through a real IPFS Cluster and back. Takes minutes: set LPBM_LARGE=1.
use strict;
use warnings;

use Lpbm::Cluster;
use Lpbm::Test;
use Test::More;

plan skip_all => 'the daemons are not built (scripts/daemons)' if !Lpbm::Cluster->is_possible;
plan skip_all => 'LPBM_LARGE is not set' if !$ENV{LPBM_LARGE};

my $cluster = Lpbm::Cluster->new(peers => 3);
my ($store, $apis) = ($cluster->store, $cluster->apis);
my $source = Lpbm::Test->backed_up('source', conf => <<"END");
lpbm.store = '$store'
lpbm.ipfs_api = '$apis'
lpbm.replication_min = 2
lpbm.compression = 'none'
lpbm.trigger_cron = 'never'
max_wal_size = '4GB'
jit = off
END
$source->wait_for_first_full;
$source->sql('CREATE TABLE large (id int PRIMARY KEY, v text)');
$source->sql("INSERT INTO large SELECT i, repeat(md5(i::text), 32) FROM generate_series(1, 1048576) i");
$source->sql('ALTER TABLE large ALTER v SET STORAGE EXTERNAL');
my (undef, undef, $error) = $source->try_sql('SELECT lpbm_full_backup()', timeout => 1500);
my ($full) = reverse $source->entries('full');
my ($dump) = grep { $_->{name} eq 'dump' } @{ $full->{objects} };
cmp_ok($dump->{size}, '>', 1 << 30, 'the full has more than a gigabyte') or diag($error);
cmp_ok($dump->{parts}, '>=', 4, "in $dump->{parts} parts");
ok(wait_for('pins of parts to go', sub { !grep { $_->[0] =~ /-full.*\@/ } $cluster->pins }), 'no part is pinned beside its root')
  or diag(join "\n", map { $_->[0] } $cluster->pins);
$source->sql('DELETE FROM large WHERE id % 100 = 0');
wait_for('the deltas, the first of which has all rows too', sub { $source->backed_up_to_now; 1 }, 900);

my @from = ('--store', $store, '--ipfs-api', $apis, '--passphrase-file', $source->{passphrase_file}, '--bindir', $ENV{LPBM_BINDIR});
my $target = Lpbm::Test->bare('target', conf => "jit = off\n");
my ($status, $out, $err) = run_lpbm('restore', @from, '--target', $target->conninfo);
note($out);
is($status, 0, 'restored') or diag($err);
same($source, $target, 'source and target are the same', rows => 0);

done_testing();
