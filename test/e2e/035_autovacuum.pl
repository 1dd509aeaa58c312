# What the server does by itself is no change: autovacuum of users' tables and of the catalogs leads to no full.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', conf => <<'END');
autovacuum_naptime = 1s
autovacuum_vacuum_threshold = 1
autovacuum_vacuum_scale_factor = 0
autovacuum_vacuum_insert_threshold = 1
autovacuum_vacuum_insert_scale_factor = 0
autovacuum_analyze_threshold = 1
autovacuum_analyze_scale_factor = 0
autovacuum_vacuum_cost_delay = 0
END
$source->wait_for_first_full;
$source->sql(<<'END');
CREATE TABLE t (id int PRIMARY KEY, v text, w text);
CREATE INDEX ON t (lower(v));
CREATE STATISTICS s ON v, w FROM t;
CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000000);
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t;
END
foreach my $round (1 .. 4)
{
	$source->sql(<<"END");
INSERT INTO t SELECT i, repeat('x', i % 3000), $round FROM generate_series($round * 1000, $round * 1000 + 500) i;
UPDATE t SET v = v || 'y' WHERE id % 2 = 0;
DELETE FROM t WHERE id < $round * 1000;
INSERT INTO parted SELECT i, 'p' FROM generate_series($round * 1000, $round * 1000 + 100) i;
CREATE TABLE passing_$round (a text, b text); DROP TABLE passing_$round;
CREATE TEMP TABLE temporary (a int); INSERT INTO temporary VALUES (1);
GRANT SELECT ON t TO PUBLIC; REVOKE SELECT ON t FROM PUBLIC;
END
	# Twice on users' tables, and on the catalogs that commands change.
	$source->wait_for_sql(<<"END", "autovacuum's round $round", 60);
SELECT bool_and(coalesce(autovacuum_count, 0) >= $round AND coalesce(autoanalyze_count, 0) >= $round)
FROM pg_stat_all_tables WHERE relid IN ('t'::regclass, 'parted_1'::regclass)
END
	$source->backed_up_to_now;
}
$source->wait_for_sql(<<'END', 'autovacuum of the catalogs', 60);
SELECT bool_and(autovacuum_count > 0 AND autoanalyze_count > 0) FROM pg_stat_sys_tables
WHERE relid IN ('pg_class'::regclass, 'pg_attribute'::regclass, 'pg_depend'::regclass)
END
$source->sql($_) foreach "VACUUM (FREEZE, ANALYZE)", "INSERT INTO t VALUES (1, 'last')", "REFRESH MATERIALIZED VIEW m";
$source->backed_up_to_now;
$source->fulls_are([qr/^new_stream/], 'no full for what autovacuum did');
same($source, $source->vault->restore('target'), 'the same');

done_testing();
