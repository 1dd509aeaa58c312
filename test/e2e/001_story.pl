# The main job: a few lines of settings, a load, deltas by cron; then the server is destroyed and comes back from store,
# journal and passphrase, and goes on with backups of its own.
use strict;
use warnings;

use Lpbm::Test;
use Test::More;

my $source = Lpbm::Test->backed_up('source', quick => 0, conf => "lpbm.trigger_cron = '*/2 * * * * *'\n");
ok($source->wait_for_first_full, 'the first full backup happens by itself');

$source->pgbench('-i', '-q', '-s', '2');
$source->pgbench('-n', '-c', '4', '-t', '200');
$source->sql(<<'END');
CREATE SCHEMA shop;
CREATE TYPE shop.state AS ENUM ('open', 'paid');
CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now(),
  state shop.state DEFAULT 'open', total numeric(12,2), twice numeric GENERATED ALWAYS AS (total * 2) STORED);
INSERT INTO shop.orders (total) SELECT random() * 1000 FROM generate_series(1, 500);
UPDATE shop.orders SET state = 'paid' WHERE id % 3 = 0;
DELETE FROM shop.orders WHERE id % 7 = 0;
CREATE VIEW shop.open AS SELECT * FROM shop.orders WHERE state = 'open';
CREATE ROLE clerk LOGIN;
GRANT USAGE ON SCHEMA shop TO clerk;
GRANT SELECT, INSERT ON shop.orders TO clerk;
COMMENT ON TABLE shop.orders IS 'what was sold';
END

# Nobody calls anything: the deltas come by cron.
my $lsn = $source->sql('SELECT pg_current_wal_lsn()');
wait_for('a delta by cron that holds the load', sub {
	my ($last) = reverse $source->entries;
	$last->{kind} eq 'delta' && $source->sql("SELECT '$last->{to}'::pg_lsn >= '$lsn'") eq 't';
}, 60);
$source->backed_up_to_now;
$source->fulls_are([qr/^new_stream: the first one$/]);
$source->deltas_carried(200_000);

is($source->sql('SELECT count(*) FROM lpbm_entries'), scalar($source->entries), 'table and file hold the same entries');

# Compared before the source is killed: a crash moves its sequences on.
my $target = $source->vault->restore('target');
same($source, $target, 'the restored database is the source');
$source->stop('immediate');

# The restored server is told what to do, as the first one was, and begins a stream of its own.
$target->stop;
$target->configure($target->_settings);
$target->start;
ok($target->wait_for_first_full, 'the restored server takes its own full backup');
$target->sql("INSERT INTO shop.orders (total) VALUES (1)");
$target->sql('CREATE EXTENSION IF NOT EXISTS lpbm');
$target->backed_up_to_now;
my $again = $target->vault->restore('again');
same($target, $again, 'and a restore of the restore is the same again');
my ($first) = $source->entries;
my ($own) = $target->entries;
isnt($own->{stream}, $first->{stream}, 'in a stream of its own');

done_testing();
