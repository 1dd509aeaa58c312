# The whole road: a database in a real IPFS Cluster, its journal by mail; the mail and the passphrase bring it back. When too
# few peers are left, one mail says so, and one when it is over.
use strict;
use warnings;

use Lpbm::Cluster;
use Lpbm::Mail;
use Lpbm::Test;
use Test::More;

plan skip_all => 'the daemons are not built (scripts/daemons)' if !Lpbm::Cluster->is_possible;

my $cluster = Lpbm::Cluster->new(peers => 2);
my $mail    = Lpbm::Mail->start(user => 'backup', password => 'of the mail server');
my ($store, $apis) = ($cluster->store, $cluster->apis);
my $source = Lpbm::Test->backed_up('source', conf => $mail->settings . <<"END");
lpbm.store = '$store'
lpbm.ipfs_api = '$apis'
lpbm.replication_min = 2
lpbm.site = 'shop'
END
$source->sql('CREATE TABLE t (id int PRIMARY KEY, v text)');
$source->sql("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 5000) i");
$source->wait_for_first_full;
$source->sql('UPDATE t SET v = reverse(v) WHERE id % 7 = 0');
$source->backed_up_to_now;

$cluster->command('kill 1');
$source->sql("INSERT INTO t VALUES (0, 'while a peer was away')");
my ($alarm) = $mail->wait_for_mails(1, qr/^shop problem: /);
like($alarm->{body}, qr/\nHint: /, 'too few peers are told by mail');
note($alarm->{body});
$cluster->command('start 1');
$cluster->command('ready');
my ($over) = $mail->wait_for_mails(1, qr/^shop over: /);
is($over->{subject} =~ s/over/problem/r, $alarm->{subject}, 'and so is the end of it');
$source->backed_up_to_now;
is(scalar $mail->mails(qr/problem: /), 1, 'one mail');
is(scalar $mail->mails(qr/over: /), 1, 'and one');

my ($last) = reverse $source->entries;
my ($newest) = reverse $mail->wait_for_mails(1, qr/ \Q$last->{name}\E$/);
my ($command) = $newest->{body} =~ /^  lpbm (restore .*)$/m;
my $target = Lpbm::Test->bare('target');
my ($host, $port) = ($target->node->host, $target->node->port);
$command =~ s/PASSPHRASE/$source->{passphrase_file}/;
$command =~ s/host=HOST port=PORT user=postgres/host=$host port=$port/;
$command =~ s/\Q$newest->{attachments}[0]{name}\E/$newest->{attachments}[0]{path}/;
my @reference = ($source->dump_text, $source->checksums);
$source->stop('immediate');
note("lpbm $command");
my $out = qx{$ENV{LPBM_BINDIR}/lpbm $command --bindir '$ENV{LPBM_BINDIR}' 2>&1};
is($?, 0, 'the command of the mail restores from the cluster') or diag($out);
is($target->dump_text, $reference[0], 'the same, with the server gone');
is_deeply($target->checksums, $reference[1], 'row by row');

done_testing();
