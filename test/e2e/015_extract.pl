# The log directory of a dead server holds what was committed and not stored any more: lpbm extract turns it into SQL.
use strict;
use warnings;

use Lpbm::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = Lpbm::Test->backed_up('source', extension => 0);
$source->sql('CREATE TABLE t (id serial PRIMARY KEY, v text)');
my $lsn = $source->sql('SELECT pg_current_wal_lsn()');
$source->sql("INSERT INTO t (v) VALUES ('before')");
$source->wait_for_first_full;
wait_for('it to be journalled', sub { my ($last) = reverse $source->entries; $source->sql("SELECT '$last->{to}'::pg_lsn > '$lsn'") eq 't' });
my $vault = $source->vault;

# The store goes away; the records stay in the csvlog.
rename $source->directory . '/store', $source->directory . '/store.away';
Lpbm::Test::write_secret($source->directory . '/store', 'a file in its place');
$source->sql(<<'END');
INSERT INTO t (v) SELECT 'row ' || i || E'\t"\\' FROM generate_series(1, 1000) i;
UPDATE t SET v = v || '!' WHERE id % 2 = 0;
CREATE TABLE later (a int PRIMARY KEY, b jsonb);
INSERT INTO later VALUES (1, '{"a": ":x"}');
BEGIN; DELETE FROM t; ROLLBACK;
DO $$ BEGIN DELETE FROM t WHERE id > 900; END $$;
END
my $logs = sub { join '', map { Lpbm::Test::slurp($_) } glob($source->data . '/log/*.csv') };
wait_for('the records in the csvlog', sub { $logs->() =~ /later/ && $logs->() =~ /D\t\d+\t1000/ });
my $sums = $source->checksums;
$source->node->kill9;

my $script = PostgreSQL::Test::Utils::tempdir() . '/rest.sql';
my ($status, $out, $err) = run_lpbm('extract', '--cluster-key', $source->directory . '/cluster.key', '-o', $script,
	$source->data . '/log');
is($status, 0, 'extract');
like($err, qr/0\/[0-9A-F]+/, 'it says from where to where the records go');

my $target = $vault->restore('target');
($status, $out, $err) = (IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $target->conninfo, '-f', $script ], '>', \$out, '2>', \$err) ? 0 : 1, $out, $err);
is($status, 0, 'psql runs what was extracted, after what was stored') or diag($err);
is_deeply($target->checksums, $sums, 'and that is what the dead server had');

# Not proved: said so.
($status, $out, $err) = run_lpbm('extract', $source->data . '/log');
like($err, qr/cluster.key|proven|proves|authentic/i, 'without the key, it says that nothing proves the records');
($status, $out, $err) = run_lpbm('extract', '/nowhere/at/all.csv');
isnt($status, 0, 'a file that is not there is an error');
like($err, qr/nowhere/, 'and its name');

done_testing();
