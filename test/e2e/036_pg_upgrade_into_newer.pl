# A server that pg_upgrade has made begins a stream of its own, and leaves nothing of the old one's slot.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my %programs = map { split /=/, $_, 2 } split / /, $ENV{LPBM_BINDIRS} // '';
plan skip_all => 'one version of PostgreSQL alone is here' unless keys %programs > 1;

# Not from the newest minor release of 15: an 18 before it cannot take over what that marks its columns with.
my $into = 18;
foreach my $from (16, 17)
{
	next unless $programs{$from} && $programs{$into};
	my $old = Lpbm::Test->backed_up("old_$from", bindir => $programs{$from}, initdb => [ '-E', 'UTF8', '--locale=C' ]);
	$old->sql('CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, $$old$$)');
	$old->wait_for_first_full;
	$old->backed_up_to_now;
	my $vault = $old->vault;
	$old->stop;

	# As docs/upgrade.md says: slot and extension of the old server go first.
	$old->configure("shared_preload_libraries = ''\n");
	$old->start;
	$old->sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE plugin = 'lpbm'");
	$old->sql('DROP EXTENSION lpbm');
	$old->stop;
	$old->configure("shared_preload_libraries = 'lpbm'\n");

	my $new = Lpbm::Test->backed_up("new_$from", bindir => $programs{$into}, create => 0, start => 0,
		initdb => [ '-E', 'UTF8', '--locale=C', '--no-data-checksums' ]);
	my $place = PostgreSQL::Test::Utils::tempdir("upgrade_$from");
	my ($out, $status) = ('', 0);
	{
		local $ENV{PGHOST} = $new->node->host;
		$status = IPC::Run::run([ 'sh', '-c', 'cd "$0" && exec "$@"', $place, "$programs{$into}/pg_upgrade", '-b', $programs{$from}, '-B', $programs{$into},
				'-d', $old->data, '-D', $new->data, '-p', $old->node->port, '-P', $new->node->port, '-s', $place ], '>&', \$out);
	}
	ok($status, "$from to $into: pg_upgrade runs") or diag($out);
	$new->start;
	$new->sql('CREATE EXTENSION lpbm');
	$new->wait_for_first_full;
	$new->sql('INSERT INTO t VALUES (2, $$new$$)');
	$new->backed_up_to_now;
	$new->fulls_are([qr/^new_stream/], "$from to $into: a stream of its own");
	is(($new->entries)[-1]{kind}, 'delta', "$from to $into: deltas follow");
	is($new->sql("SELECT count(*) FROM pg_replication_slots"), '1', "$from to $into: one slot");
	local $Lpbm::Test::dump_bindir = $programs{$into};
	same($new, $new->vault->restore("restored_$from", bindir => $programs{$into}), "$from to $into: the same");
	is($vault->restore("before_$from", bindir => $programs{$into})->sql('SELECT v FROM t'), 'old', "$from to $into: what was before is there still");
	$new->stop('immediate');
}

done_testing();
