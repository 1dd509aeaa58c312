# An index that a failed CREATE INDEX CONCURRENTLY left is in no backup. What makes it valid afterwards leads to a full, and
# so does what names it; what does neither goes by a delta.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => "lpbm.trigger_cron = 'never'\nlpbm.min_full_interval = '0'\nmax_prepared_transactions = 5\n");
$source->sql('SELECT lpbm_full_backup()');
$source->backed_up_to_now;

my $number = 0;
sub leads_to
{
	my ($kind, $sql, %how) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $table = 't' . ++$number;
	my $leaf = $how{leaf} // $table;
	$source->sql(join(';', map { s/\bT(?![A-Z])/$table/gr } $how{setup} // 'CREATE TABLE T (id int PRIMARY KEY, a int)'));
	$source->sql("INSERT INTO $table VALUES (1, 1), (2, 1)");
	$source->try_sql("CREATE UNIQUE INDEX CONCURRENTLY ${table}_a ON $leaf (a)");
	is($source->sql("SELECT indisvalid FROM pg_index WHERE indexrelid = '${table}_a'::regclass"), 'f', 'there is an index that is not valid');
	$source->sql("DELETE FROM $table WHERE id = 2");
	$source->backed_up_to_now;
	$source->sql($_ =~ s/\bT(?![A-Z])/$table/gr) for split /; /, $sql;
	$source->backed_up_to_now;
	my ($last) = reverse $source->entries;
	is($last->{kind}, $kind, "$sql: a $kind");
	like($last->{reason}, qr/^invalid_index: /, 'for this reason') if $kind eq 'full';
	my $target = $source->vault->restore("restored$number");
	same($source, $target, 'and it comes back the same');
	return;
}

leads_to('full', 'ALTER TABLE T ALTER a TYPE bigint');
leads_to('full', 'ALTER TABLE T ALTER a TYPE bigint', setup => 'CREATE TABLE T (id int, a int) PARTITION BY LIST (id);
	CREATE TABLE T_leaf PARTITION OF T DEFAULT; ALTER TABLE T_leaf ADD PRIMARY KEY (id)' =~ s/T_leaf/leaf/gr, leaf => 'leaf');
leads_to('full', 'VACUUM FULL T');
leads_to('full', 'VACUUM FULL');
leads_to('full', 'CLUSTER T USING T_pkey');
leads_to('full', 'TRUNCATE T');
leads_to('full', 'REINDEX TABLE T');
leads_to('full', 'ALTER INDEX T_a RENAME TO T_b');
leads_to('full', "COMMENT ON INDEX T_a IS 'x'");
leads_to('delta', 'INSERT INTO T VALUES (7, 7)');
leads_to('delta', 'DROP INDEX T_a; INSERT INTO T VALUES (7, 7)');
leads_to('delta', 'CREATE VIEW T_view AS SELECT a FROM T');

# One whose DROP INDEX CONCURRENTLY failed while it waited is as good as dropped: pg_dump does not show it.
$source->sql("CREATE TABLE kept (id int PRIMARY KEY, a int); CREATE UNIQUE INDEX kept_a ON kept (a); CREATE INDEX kept_b ON kept (a)");
$source->backed_up_to_now;
$source->sql("BEGIN; INSERT INTO kept VALUES (1, 1); PREPARE TRANSACTION 'holder'");
my ($status) = $source->try_sql("SET lock_timeout = '200ms'; DROP INDEX CONCURRENTLY kept_a");
isnt($status, 0, 'DROP INDEX CONCURRENTLY fails');
$source->sql("COMMIT PREPARED 'holder'");
is($source->sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'kept_a'::regclass"), 'f', 'and leaves an index that is not valid');
$source->sql('DROP INDEX CONCURRENTLY kept_b');
$source->sql('DROP INDEX CONCURRENTLY IF EXISTS kept_c');
$source->backed_up_to_now;
is((reverse $source->entries)[0]{kind}, 'delta', 'this goes by a delta');
same($source, $source->vault->restore('restored_drops'), 'and it comes back the same');
$source->sql('DROP INDEX kept_a; INSERT INTO kept VALUES (2, 1)');
$source->backed_up_to_now;
is((reverse $source->entries)[0]{kind}, 'delta', 'and so does what follows');
same($source, $source->vault->restore('restored_after'), 'and it comes back the same');
$source->stop;

done_testing();
