# Sizes: a transaction of a million rows, a value of 300 MB, and the memory of worker and engine meanwhile.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $rows = $ENV{LPBM_ROWS} // 1_000_000;
my $megabytes = $ENV{LPBM_MEGABYTES} // 300;
my $source = Lpbm::Test->backed_up('source', conf => "max_wal_size = 4GB\nlogical_decoding_work_mem = 16MB\n");
$source->sql('CREATE TABLE many (id int PRIMARY KEY, v text, f float8); CREATE TABLE wide (id int PRIMARY KEY, v text, b bytea, n int)');
$source->wait_for_first_full;
$source->backed_up_to_now;

$source->sql("INSERT INTO many SELECT i, 'row ' || i, random() FROM generate_series(1, $rows) i");
$source->backed_up_to_now;
$source->sql("BEGIN; UPDATE many SET v = v || '!' WHERE id % 4 = 0; DELETE FROM many WHERE id % 5 = 0; COMMIT");
$source->backed_up_to_now;
$source->fulls_are([qr/./], 'a million rows came by deltas');
my $target = $source->vault->restore('many');
same($source, $target, 'a million rows are the same', rows => 0);
$target->stop('immediate');

$source->sql("INSERT INTO wide VALUES (1, repeat('0123456789', $megabytes * 100000), NULL, 1)");
$source->sql("INSERT INTO wide VALUES (2, 'small', decode(repeat('00ff5c0a', 5000000), 'hex'), 2)");
$source->backed_up_to_now;
$source->sql('UPDATE wide SET n = -n');
$source->sql("UPDATE wide SET v = v || 'x' WHERE id = 1");
$source->backed_up_to_now;
$source->fulls_are([qr/./], "a value of $megabytes MB came by a delta");
$target = $source->vault->restore('wide');
is($target->sql('SELECT length(v), md5(v), n FROM wide WHERE id = 1'), $source->sql('SELECT length(v), md5(v), n FROM wide WHERE id = 1'), 'the value is the same');
is($target->sql('SELECT length(b), md5(b), v, n FROM wide WHERE id = 2'), $source->sql('SELECT length(b), md5(b), v, n FROM wide WHERE id = 2'), 'and a bytea of 20 MB');

done_testing();
