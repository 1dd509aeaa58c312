# Nothing that a user writes into the log or the WAL has an effect on a backup.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.processed_logs = 'keep'\n");
my $flush = version >= 17 ? ', boolean' : '';
$source->sql(<<"END");
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE ROLE mallory LOGIN;
GRANT SELECT, INSERT ON t TO mallory;
GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text$flush) TO mallory;
END
$source->wait_for_first_full;
$source->backed_up_to_now;
$source->sql("INSERT INTO t VALUES (1, 'real')");
my $before = join "\n", map { $_->{cid} } $source->entries;

# Real records, as they stand in the csvlog.
$source->sql("INSERT INTO t VALUES (2, 'kept for the forger')");
$source->backed_up_to_now;
my $logs = join '', map { Lpbm::Test::slurp($_) } glob($source->data . '/log/*.csv');
my @frames = $logs =~ /"(lpbm1 [0-9a-f]{32} [^"]*)"/g;
cmp_ok(scalar(@frames), '>', 0, 'there are real frames in the csvlog');

sub raise_log
{
	my ($text) = @_;
	(my $literal = $text) =~ s/'/''/g;
	my ($status, undef, $err) = $source->try_sql("DO \$do\$ BEGIN RAISE LOG USING MESSAGE = '$literal'; END \$do\$", role => 'mallory');
	is($status, 0, 'an ordinary user may write into the log') or diag($err);
	return;
}

my $forged = "lpbm1 " . ('0' x 32) . " 0123456789abcdef 1 0 0\nB\t0/1\t0/0\t1\t0\t\nR\t1\tpublic\tt\tk\tid\t=\tv\t\nI\t1\t666\tforged\nE\t1\n";
raise_log($forged);
foreach my $frame (@frames[ 0 .. ($#frames > 3 ? 3 : $#frames) ])
{
	raise_log($frame);
	(my $edited = $frame) =~ s/kept for the forger/forged for sure/;
	$edited =~ s/(lpbm1 [0-9a-f]{31})[0-9a-f]/${1}0/ if $edited eq $frame;
	raise_log($edited);
	# As if it were the next frame of its stream.
	(my $next = $frame) =~ s/^(lpbm1 \S+ \S+ \d+ )(\d+)/$1 . ($2 + 1000000)/e;
	raise_log($next);
}

# Messages in the WAL: an anchor, a DDL text, a copy of the form that the library uses.
foreach my $content ('anchor ' . ('0' x 32) . ' ' . ('0' x 32), "Q " . ('0' x 32) . " 5 700 1\nDROP TABLE t", "d 0 0 0 0\n", '', "\x01")
{
	foreach my $transactional ('true', 'false')
	{
		$source->try_sql("SELECT pg_logical_emit_message($transactional, 'lpbm', '$content')", role => 'mallory');
		$source->sql("SELECT pg_logical_emit_message($transactional, 'lpbm', '$content')");
	}
}
# Real DDL messages, copied into another transaction by somebody who can read the WAL.
$source->sql('CREATE TABLE dropped_once (a int); DROP TABLE dropped_once; CREATE TABLE dropped_once (a int)');
$source->sql("INSERT INTO t VALUES (3, 'after')");
$source->backed_up_to_now;

$source->fulls_are([qr/./], 'forgery leads to no full either');
my $target = $source->vault->restore('target');
same($source, $target, 'the restored database is the source');
is($target->sql("SELECT count(*) FROM t WHERE v LIKE 'forged%' OR id = 666"), '0', 'nothing forged is in it');

done_testing();
