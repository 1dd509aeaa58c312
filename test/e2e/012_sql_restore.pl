# Restore by SQL, into another database of the same server.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source');
$source->sql("ALTER SYSTEM SET lpbm.identity_file = ''");
$source->sql('CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) SELECT i FROM generate_series(1, 100) i');
$source->wait_for_first_full;
$source->sql("UPDATE t SET v = 'changed' WHERE id <= 10; CREATE VIEW w AS SELECT * FROM t");
$source->backed_up_to_now;
my $until = $source->sql('SELECT clock_timestamp()');
$source->sql('DELETE FROM t WHERE id > 50');
$source->backed_up_to_now;

my $applied = $source->sql("SELECT lpbm_restore('copy')");
cmp_ok($applied, '>=', 2, 'lpbm_restore tells how many entries it applied');
is($source->sql('SELECT count(*), sum(id), count(*) FILTER (WHERE v = \'changed\') FROM t', 'copy'), '50|1275|10', 'the copy holds the rows');
is($source->sql('SELECT count(*) FROM w', 'copy'), '50', 'and the view');
is($source->sql("SELECT nextval('t_id_seq')", 'copy'), '101', 'and the position of the sequence');

$source->sql("SELECT lpbm_restore('earlier', until => '$until')");
is($source->sql('SELECT count(*) FROM t', 'earlier'), '100', 'a copy as of a moment');

my $journal = $source->sql('SELECT lpbm_journal()');
my $file    = Lpbm::Test::slurp($source->directory . '/journal');
s/\n+\z// foreach $journal, $file;
is($journal, $file, 'lpbm_journal() is the text of the file');
$source->sql("SELECT lpbm_restore('by_text', journal => lpbm_journal())");
is($source->sql('SELECT count(*) FROM t', 'by_text'), '50', 'a copy by the text of a journal');

my ($status, $out, $err) = $source->try_sql("SELECT lpbm_restore('copy')");
isnt($status, 0, 'a database that is not empty is refused');
like($err, qr/empty/, 'with the reason');
($status, $out, $err) = $source->try_sql("SELECT lpbm_restore('$DATABASE')");
isnt($status, 0, 'so is the backed-up database itself');
($status, $out, $err) = $source->try_sql("SELECT lpbm_restore('bad', journal => replace(lpbm_journal(), '-full', '-fuII'))");
isnt($status, 0, 'a changed journal is refused');
is($source->sql("SELECT count(*) FROM pg_database WHERE datname = 'bad'", 'postgres'), '0', 'and nothing is left of the attempt');

$source->sql("INSERT INTO t (v) VALUES ('goes on')");
$source->backed_up_to_now;
$source->fulls_are([qr/./], 'restoring into other databases needs no full');
same($source, $source->vault->restore('target'), 'and the backup goes on', globals => 1);

done_testing();
