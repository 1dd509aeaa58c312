# Deltas carry proofs of the tables that they changed, and a restore names each table that does not hold the same.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "autovacuum = off\nlpbm.trigger_cron = 'never'\n");
my $dir    = PostgreSQL::Test::Utils::tempdir();
my @bindir = ('--bindir', $ENV{LPBM_BINDIR});

sub oid { my ($table) = @_; return $source->sql("SELECT '$table'::regclass::oid") }

# Changes `table`, which does not change its rows in the end, until a delta carries its proof.
sub proven
{
	my (@tables) = @_;
	my %missing = map { oid($_) => 1 } @tables;
	my ($last)  = reverse $source->entries;
	my $number  = $last->{entry};
	return wait_for("proofs of @tables", sub {
		$source->sql("BEGIN; INSERT INTO $_ (id) VALUES (-1); DELETE FROM $_ WHERE id = -1; COMMIT") foreach @tables;
		$source->backed_up_to_now;
		foreach my $entry ($source->entries('delta'))
		{
			delete @missing{ @{ $entry->{proven} // [] } } if $entry->{entry} > $number;
		}
		return !%missing;
	});
}

sub restored
{
	my ($name, @options) = @_;
	my $target = Lpbm::Test->bare($name);
	my ($status, $out, $err) = run_lpbm('restore', $source->vault->arguments, @bindir, '--target', $target->target, @options);
	return ($target, $status, $err . $out);
}

# ---- each way in which a row can be wrong ---------------------------------------------------------------------------

# What the backup holds and what the source then holds, as lists of rows; the source's are brought about behind the back
# of the WAL's decoding, so that it is the backup that is wrong.
my %ways = (
	missing       => [ 'text',          [],                  ["'there'"] ],
	surplus       => [ 'text',          ["'not there'"],     [] ],
	twice         => [ 'text',          [ "'a'", "'a'" ],    ["'a'"] ],
	other         => [ 'text',          ["'value'"],         ["'another'"] ],
	one_letter    => [ 'text',          ["repeat('x', 9999) || 'a'"], ["repeat('x', 9999) || 'b'"] ],
	letter_case   => [ 'text',          ["'a'"],             ["'A'"] ],
	blank         => [ 'text',          ["'a'"],             ["'a '"] ],
	null_or_empty => [ 'text',          ['NULL'],            ["''"] ],
	null_as_text  => [ 'text',          ['NULL'],            ["'\\N'"] ],
	swapped       => [ 'text[]',        ["'{a,b}'"],         ["'{b,a}'"] ],
	last_digit    => [ 'float8',        ['0.1'],             ['0.1 + 1e-17 * 2'] ],
	scale         => [ 'numeric',       ['1.0'],             ['1.00'] ],
	minus_zero    => [ 'float8',        ['0'],               ["'-0'"] ],
	microsecond   => [ 'timestamptz',   ["'2026-01-01 00:00:00Z'"], ["'2026-01-01 00:00:00.000001Z'"] ],
	one_bit       => [ 'bytea',         ["'\\x00ff'"],       ["'\\x00fe'"] ],
	swapped_rows  => [ 'text',          [ "(10, 'one')", "(11, 'two')" ], [ "(10, 'two')", "(11, 'one')" ] ],
	key_order     => [ 'json',          [q('{"a":1,"b":2}')], [q('{"b":2,"a":1}')] ],
);
my @names = sort keys %ways;

$source->sql('CREATE EXTENSION pg_surgery') if has('pg_surgery');
$source->sql(join '', map { "CREATE TABLE $_ (id int, v $ways{$_}[0], w int GENERATED ALWAYS AS (id + 1) STORED); ALTER TABLE $_ REPLICA IDENTITY FULL;" } @names);
$source->sql(<<'END');
CREATE TABLE "Odd ""name.
""" (id int PRIMARY KEY, "a,b" text, " " text, "c""" text DEFAULT E'tab\t nl\n \\ \\.');
CREATE TABLE no_columns ();
CREATE TABLE parent (id int, v text);
CREATE TABLE child (more text) INHERITS (parent);
CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (-10) TO (1000);
END
$source->wait_for_first_full;
$source->sql(<<'END');
ALTER TABLE parent REPLICA IDENTITY FULL;
ALTER TABLE child REPLICA IDENTITY FULL;
ALTER TABLE parent ADD late int DEFAULT 7;
INSERT INTO "Odd ""name.
""" VALUES (1, 'x');
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child (id, v, more) VALUES (2, 'c', 'm');
INSERT INTO parted SELECT i, i FROM generate_series(1, 500) i;
END
my @others = ("\"Odd \"\"name.\n\"\"\"", 'parent', 'child', 'part');
ok(proven(@names, @others), 'deltas carry proofs of the tables that they changed');
my $good = $source->sql('SELECT max(entry) FROM lpbm_entries');
is($source->sql("SELECT sum(proven) >= @{[ @names + @others ]} FROM lpbm_entries"), 't', 'lpbm_entries counts them');
{
	my ($target, $status, $err) = restored('equal');
	is($status, 0, 'a restore succeeds') or diag($err);
	like($err, qr/\d+ tables were proven to hold what they held in the source/, 'and says what was proven');
	same($source, $target, 'and is equal');
}

# ---- beside writers -------------------------------------------------------------------------------------------------

$source->pgbench('-i', '-q', '-s', 1);
my $load = $source->pgbench_start('-c', '2', '-R', '100', '-T', '600');
my %busy = map { oid($_) => 1 } qw(pgbench_accounts pgbench_branches pgbench_history);
$source->sql('ALTER TABLE pgbench_history REPLICA IDENTITY FULL');
ok(wait_for('proofs of busy tables', sub {
		$source->backed_up_to_now;
		delete @busy{ @{ $_->{proven} // [] } } foreach $source->entries('delta');
		return !%busy;
	}), 'tables that are written to all the time are proven, too');
$load->kill;
$source->backed_up_to_now;
{
	my ($target, $status, $err) = restored('busy');
	is($status, 0, 'and a restore holds what they held') or diag($err);
}

done_testing() && exit unless has('pg_surgery');

# Rows of the backup become dead, and those that were rolled back become alive, without a record.
my $before = $source->sql('SELECT clock_timestamp()');
foreach my $name (@names)
{
	my (undef, $backup, $real) = @{ $ways{$name} };
	my $rows = sub { join ',', map { /^\(/ ? $_ : "(10, $_)" } @_ };
	$source->sql("INSERT INTO $name VALUES " . $rows->(@$backup)) if @$backup;
	my $revived = @$real ? $source->sql("BEGIN; INSERT INTO $name VALUES " . $rows->(@$real) . ' RETURNING ctid; ROLLBACK') : '';
	$source->backed_up_to_now;
	$source->sql("SELECT heap_force_kill('$name', (SELECT array_agg(ctid) FROM $name))") if @$backup;
	$source->sql("SELECT heap_force_freeze('$name', '{" . join(',', map { "\"$_\"" } split /\n/, $revived) . "}')") if @$real;
	my @held = split /\n/, $source->sql("SELECT id FROM $name");
	is(scalar(@held), scalar(@$real), "$name: planted");
}
ok(proven(@names, @others), 'the next deltas carry proofs of what the source holds now');
{
	my ($target, $status, $err) = restored('wrong');
	is($status, 1, 'a restore fails');
	like($err, qr/^lpbm: checking the restored database: it is complete .*these tables do not hold what they held in the source: /m, 'it says so');
	foreach my $name (@names)
	{
		my ($backup, $real) = map { scalar @$_ } @{ $ways{$name} }[ 1, 2 ];
		my $words = $backup == $real ? "of its $real rows some have other values" : "it has $backup rows instead of $real";
		like($err, qr/public\.$name as of entry \d+: $words/, "$name: named");
	}
	unlike($err, qr/public\.(child|part|Odd)/, 'and nothing else is');
	like($err, qr/^hint: .*--until/m, 'with what to do');
	is($target->sql('SELECT count(*) FROM part'), '500', 'the database is there all the same');
	$target->sql('SELECT lpbm_now FROM (SELECT 1) AS t(lpbm_now)');
	is(scalar(my @found = differences($source, $target, globals => 0, rows => 0)), scalar(@names), 'and differs in these tables alone');
}
lpbm_fails([ 'restore', $source->vault->arguments, @bindir, '--check' ], 1, qr/do not hold what they held .*public\.blank/, 'a drill fails likewise');
{
	my ($target, $status) = restored('earlier', '--until', $before);
	is($status, 0, 'to an earlier time it succeeds');
}

# ---- tables beyond the limit ----------------------------------------------------------------------------------------

$source->sql(<<'END');
CREATE TABLE large (a int, b uuid, v text, PRIMARY KEY (b, a));
INSERT INTO large SELECT i, md5((i / 3)::text)::uuid, repeat('x', 200) FROM generate_series(1, 5000) i;
CREATE TABLE large_text (id text PRIMARY KEY, v text);
INSERT INTO large_text SELECT i, repeat('x', 200) FROM generate_series(1, 5000) i;
ANALYZE large, large_text;
END
$source->configure("lpbm.proof_limit = '256kB'\n");
$source->reload;
my ($large, %slices) = (oid('large'));
sub slices
{
	my ($wanted, $change) = @_;
	%slices = ();
	my ($last) = reverse $source->entries;
	return wait_for("$wanted slices", sub {
		$source->sql($change);
		$source->backed_up_to_now;
		foreach my $entry (grep { $_->{entry} > $last->{entry} } $source->entries('delta'))
		{
			$slices{ $_->[1] } = $entry->{entry} foreach grep { ref $_ && $_->[0] == $large } @{ $entry->{proven} // [] };
		}
		return keys %slices >= $wanted;
	});
}
ok(slices(4, "UPDATE large SET v = v || 'y' WHERE a = 7; UPDATE large_text SET v = 'y' WHERE id = '7'"),
	'a table that is larger than the limit is proven slice by slice, in the order of its key');
ok(slices(1, "UPDATE large SET v = v || 'z' WHERE a = 8") && !$slices{1}, 'going on where it was left');
my $whole = $source->vault;
my $text_oid = oid('large_text');
is(scalar(grep { my $entry = $_; grep { (ref $_ ? $_->[0] : $_) == $text_oid } @{ $entry->{proven} // [] } } $source->entries), 0,
	'one whose order a locale decides is not');
{
	my $target = Lpbm::Test->bare('sliced');
	my ($status, $out, $err) = run_lpbm('restore', $whole->arguments, @bindir, '--target', $target->target, '--until', $before);
	is($status, 0, 'it is restored') or diag($err);
}
$source->sql("SELECT heap_force_kill('large', ARRAY(SELECT ctid FROM large WHERE a % 500 = 3))");
ok(slices(2, "UPDATE large SET v = v || 'y' WHERE a = 7"), 'slices once more');
{
	my ($target, $status, $err) = restored('wrong_slice');
	like($err, qr/public\.large as of entry \d+: it has \d+ rows instead of \d+/, 'rows too many in a slice are found');
}

# ---- what it costs --------------------------------------------------------------------------------------------------

$source->configure("lpbm.proof_limit = 0\n");
$source->reload;
$source->wait_for_sql("SELECT current_setting('lpbm.proof_limit') = '0'", 'the new setting');
my $number = $source->sql('SELECT max(entry) FROM lpbm_entries');
for (1 .. 3) { $source->sql("INSERT INTO part VALUES (600 + $_)"); $source->backed_up_to_now }
is($source->sql("SELECT sum(proven) FROM lpbm_entries WHERE entry > $number AND kind = 'delta'"), '0', 'lpbm.proof_limit = 0: none');

done_testing();
