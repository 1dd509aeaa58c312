# Several journals of one site in a real IPFS Cluster: that of a copy of the server, which kept its lpbm.site, and that of
# a stranger. A restore takes none of them in silence where more than one is genuine.
use strict;
use warnings;

use Lpbm::Cluster;
use Lpbm::Test;
use Test::More;

plan skip_all => 'the daemons are not built (scripts/daemons)' if !Lpbm::Cluster->is_possible;

my $cluster = Lpbm::Cluster->new(peers => 1);
my ($store, $apis) = ($cluster->store, $cluster->apis);
my $conf = "lpbm.store = '$store'\nlpbm.ipfs_api = '$apis'\nlpbm.replication_max = 1\nlpbm.site = 'shop'\n";
my $source = Lpbm::Test->backed_up('source', conf => "$conf\nmax_wal_senders = 5\n");
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->wait_for_first_full;
$source->sql("INSERT INTO t VALUES (1, 'before the copy')");
$source->backed_up_to_now;

sub journals { return map { $_->[1] } grep { $_->[0] eq 'lpbm/shop/journal' } $cluster->pins }

wait_for('the journal to be stored', sub { 1 == journals() });
my ($original) = journals();
my @from = ('--store', $store, '--ipfs-api', $apis, '--passphrase-file', $source->{passphrase_file}, '--bindir', $ENV{LPBM_BINDIR});

# A stranger's journal, newer by its numbers, under the same name.
my $stranger = Lpbm::Test->backed_up('stranger', conf => $conf);
Lpbm::Test::write_secret($stranger->{passphrase_file}, 'another passphrase');
unlink $stranger->directory . '/journal';
$stranger->restart;
$stranger->sql('CREATE TABLE s (id int)');
$stranger->wait_for_first_full;
foreach my $id (1 .. 4) { $stranger->sql("INSERT INTO s VALUES ($id)"); $stranger->backed_up_to_now }
wait_for('its journal', sub { 2 == journals() });
my ($last) = reverse $stranger->entries;
$stranger->stop;
my $target = Lpbm::Test->bare('target');
my ($status, undef, $err) = run_lpbm('restore', @from, '--target', $target->conninfo);
is($status, 0, 'a journal that the passphrase does not open stands in nobody\'s way') or diag($err);
like($err, qr/left out: .*passphrase/, 'it is told that it was left out');
like($err, qr/entries 1 to $last->{entry}/, 'and how far it goes');
same($source, $target, 'the genuine one was restored');
$target->stop('immediate');
lpbm_fails([ 'verify', '--store', $store, '--ipfs-api', $apis ], 2, qr/2 journals of shop.*--signer KEY/s,
	'without a secret none is known to be genuine');
($status) = run_lpbm('verify', '--store', $store, '--ipfs-api', $apis, '--signer', $source->sql("SELECT value FROM lpbm_status WHERE name = 'signer'"));
is($status, 0, 'but with the public key');

# A started copy of the files.
$source->node->backup('copy');
my $node = PostgreSQL::Test::Cluster->new('twin');
$node->init_from_backup($source->node, 'copy');
my $twin = bless { node => $node, name => 'twin', database => $DATABASE, passphrase_file => $source->{passphrase_file} }, 'Lpbm::Test';
chmod 0600, grep { -f } glob($twin->directory . '/*');
$twin->start;
wait_for('a full of its own', sub { $twin->entries('full') == 2 });
$twin->sql("INSERT INTO t VALUES (2, 'on the copy')");
$twin->backed_up_to_now;
wait_for('its journal', sub { 3 == journals() });
is((grep { $_ eq $original } journals()), 1, 'the journal of the original stays');
$source->sql("INSERT INTO t VALUES (3, 'on the original')");
$source->backed_up_to_now;
wait_for('the newer journal of the original', sub { 3 == journals() && !grep { $_ eq $original } journals() });

lpbm_fails([ 'restore', @from, '--target', $source->conninfo('x') ], 2,
	qr/2 journals of shop.*lpbm get CID --store URL -o journal/s, 'both are genuine: refused, with what to do');
my (undef, undef, $refusal) = run_lpbm('restore', @from, '--target', $source->conninfo('x'));
foreach my $server ($source, $twin)
{
	my ($end) = reverse $server->entries;
	my ($cid) = $refusal =~ /(\w+) \(entries 1 to $end->{entry}, the last of /;
	ok($cid, "$server->{name}: its journal is named with its entries") or diag($refusal);
	my $journal = PostgreSQL::Test::Utils::tempdir() . '/journal';
	($status, undef, $err) = run_lpbm('get', $cid, '--store', $store, '--ipfs-api', $apis, '-o', $journal);
	is($status, 0, "$server->{name}: got its journal") or diag($err);
	my $to = Lpbm::Test->bare("target_$server->{name}");
	($status, undef, $err) = run_lpbm('restore', @from, '--journal', $journal, '--target', $to->conninfo);
	is($status, 0, "$server->{name}: restored") or diag($err);
	same($server, $to, "$server->{name}: the same");
	$to->stop('immediate');
}

done_testing();
