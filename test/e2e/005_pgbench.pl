# Deltas every second under pgbench with eight sessions in all protocols, and restores while the load goes on.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $seconds = $ENV{LPBM_BENCH_SECONDS} // 8;
my $source = Lpbm::Test->backed_up('source', conf => "max_connections = 60\n");
$source->pgbench('-i', '-q', '-s', '4');
$source->wait_for_first_full;
$source->backed_up_to_now;

my $consistent = <<'END';
SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
END
my $fulls = () = $source->entries('full');
foreach my $protocol (qw(simple extended prepared))
{
	my $load = $source->pgbench_start('-c', '8', '-j', '2', '-T', $seconds, '-M', $protocol);
	sleep $seconds / 2;
	$source->backed_up_to_now;
	my $vault = $source->vault;
	my $until = $source->sql('SELECT now()');
	ok($load->finish, "pgbench in the $protocol protocol ran to its end");
	my $target = $vault->restore("during_$protocol");
	is($target->sql($consistent), 't', "$protocol: what is restored while the load goes on is consistent");
	$target->stop('immediate');

	$source->backed_up_to_now;
	my $at = $source->vault->restore("until_$protocol", arguments => [ '--until', $until ]);
	is($at->sql($consistent), 't', "$protocol: so is a restore up to a moment of the load");
	is($at->sql("SELECT count(*) FROM pgbench_history WHERE mtime > '$until'::timestamptz::timestamp"), '0', "$protocol: with nothing later");
	$at->stop('immediate');
	$target = $source->vault->restore("after_$protocol");
	same($source, $target, "$protocol: afterwards both are the same", rows => 0);
	$target->stop('immediate');
}
is(scalar(() = $source->entries('full')), $fulls, 'all of it came by deltas');
cmp_ok($fulls, '<=', 2, 'and few fulls before it');

# A full while the load goes on, with deltas beside it.
my $load = $source->pgbench_start('-c', '8', '-j', '2', '-T', $seconds);
my $cid = $source->sql('SELECT lpbm_full_backup()');
ok($load->finish, 'pgbench ran to its end beside a full');
$source->backed_up_to_now;
my ($full) = reverse $source->entries('full');
is($full->{cid}, $cid, 'lpbm_full_backup returns the CID of the full');
my $target = $source->vault->restore('from_second_full');
same($source, $target, 'a restore from the full taken under load is the same', rows => 0);
my $at = $source->vault->restore('at_full', arguments => [ '--entry', $full->{entry} ]);
is($at->sql($consistent), 't', 'the full alone, with its bridge, is consistent');

done_testing();
