# A refreshed table is as it was where its delta ends: each transaction here changes a table without a key and one with a
# key alike, and after every delta they agree.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.trigger_cron = '* * * * * *'\n");
$source->sql(<<'END');
CREATE TABLE keyless (i int, n int);
CREATE TABLE keyed (i int PRIMARY KEY, n int);
INSERT INTO keyless SELECT i, 0 FROM generate_series(1, 20) i;
INSERT INTO keyed SELECT i, 0 FROM generate_series(1, 20) i;
END
$source->wait_for_first_full;
$source->backed_up_to_now;

my $dir = PostgreSQL::Test::Utils::tempdir();
my @loads;
foreach my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	(my $file = "$dir/$level.sql") =~ tr/ /_/;
	open my $out, '>', $file or die $!;
	print $out <<"END";
\\set i random(1, 20)
BEGIN ISOLATION LEVEL $level;
UPDATE keyless SET n = n + 1 WHERE i = :i;
UPDATE keyed SET n = n + 1 WHERE i = :i;
COMMIT;
END
	close $out;
	push @loads, $source->pgbench_start('-c', '2', '-T', '8', '--max-tries=0', '-f', $file);
}
$_->finish foreach @loads;
$source->backed_up_to_now;
my @refreshed = grep { $_->{refreshes} } $source->entries('delta');
cmp_ok(scalar(@refreshed), '>=', 2, 'tables were refreshed under load: ' . @refreshed);
my $vault = $source->vault;
splice @refreshed, 0, @refreshed - 4 if @refreshed > 4;
foreach my $entry (@refreshed)
{
	my $target = $vault->restore("entry$entry->{entry}", arguments => [ '--entry', $entry->{entry} ]);
	is($target->sql('SELECT count(*), count(*) FILTER (WHERE keyless.n <> keyed.n) FROM keyless JOIN keyed USING (i)'), '20|0',
		"after entry $entry->{entry} the tables agree");
	cmp_ok($target->sql('SELECT sum(n) FROM keyed'), '>', 0, 'and something had happened') if $entry == $refreshed[-1];
	$target->stop('immediate');
}
same($source, $vault->restore('target'), 'the same in the end');
$source->fulls_are([qr/^new_stream/], 'not one full but the first');

done_testing();
